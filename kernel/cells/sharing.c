#include "sharing.h"

#include "base.h"

/* With P = q R + r, r members are to have q + 1 cells, the others q. Whoever has more than q already is let have the
 * q + 1, so that nothing moves for that; when there are too many of those, the first in the members' order. */
void sharing_targets(const struct sharing *now, int *targets)
{
    int stays = 0;

    for (size_t i = 0; i < now->n_members; i++) {
        targets[i] = 0;
        stays += !now->leaving[i];
    }
    if (!stays)
        return;
    for (size_t i = 0; i < now->n_cells; i++) {
        if (now->owners[i] != SHARING_NOBODY)
            targets[now->owners[i]]++;
    }
    int floor = (int)now->n_cells / stays;
    int more = (int)now->n_cells % stays;
    for (size_t i = 0; i < now->n_members; i++) {
        bool has_more = !now->leaving[i] && targets[i] > floor && more > 0;
        more -= has_more;
        targets[i] = now->leaving[i] ? 0 : floor + has_more;
    }
    for (size_t i = 0; i < now->n_members && more > 0; i++) {
        if (!now->leaving[i] && targets[i] == floor) {
            targets[i]++;
            more--;
        }
    }
}

void sharing_heirs(const struct sharing *now, int *targets, int *heirs)
{
    size_t next = 0; /* the first who may lack something */

    for (size_t i = 0; i < now->n_cells; i++) {
        if (now->owners[i] != SHARING_NOBODY)
            targets[now->owners[i]]--;
    }
    for (size_t i = 0; i < now->n_cells; i++) {
        heirs[i] = SHARING_NOBODY;
        if (now->owners[i] != SHARING_NOBODY)
            continue;
        while (next < now->n_members && targets[next] <= 0)
            next++;
        if (next == now->n_members)
            continue;
        heirs[i] = (int)next;
        targets[next]--;
    }
}

size_t sharing_surplus(const struct sharing *now, const int *targets, int member, size_t most, int *cells)
{
    size_t n = 0;
    int surplus = -targets[member];

    for (size_t i = 0; i < now->n_cells; i++)
        surplus += now->owners[i] == member;
    for (size_t i = now->n_cells; i > 0 && n < most && surplus > 0; i--) {
        if (now->owners[i - 1] != member)
            continue;
        cells[n++] = (int)i - 1;
        surplus--;
    }
    return n;
}
