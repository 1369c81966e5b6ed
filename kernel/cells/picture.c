/* picture.c: what adapters of membership.h fill. */
#include "alloc.h"
#include "base.h"
#include "membership.h"

#include <string.h>

bool picture_init(struct picture *picture, size_t n_cells)
{
    ASSERT(n_cells > 0 && n_cells <= CELLS_MOST);
    *picture = (struct picture){.n_cells = n_cells, .me = -1};
    picture->cells = heap_alloc(n_cells * sizeof(*picture->cells));
    if (picture->cells)
        picture_clear(picture);
    return picture->cells != NULL;
}

void picture_free(struct picture *picture)
{
    heap_free(picture->members);
    heap_free(picture->cells);
    *picture = (struct picture){0};
}

void picture_clear(struct picture *picture)
{
    picture->n_members = 0;
    picture->me = -1;
    for (size_t i = 0; i < picture->n_cells; i++)
        picture->cells[i] = (struct cell_owner){.member = -1};
}

bool picture_add(struct picture *picture, int64_t id, const char *address, size_t n, bool leaving)
{
    enum { FIRST_ROOM = 8 };

    if (picture->n_members == picture->room) {
        size_t room = picture->room ? picture->room * 2 : FIRST_ROOM;
        struct member *members = heap_resize(picture->members, room * sizeof(*members));
        if (!members)
            return false;
        picture->members = members;
        picture->room = room;
    }
    struct member *member = &picture->members[picture->n_members++];
    *member = (struct member){.id = id, .leaving = leaving};
    memcpy(member->address, address, n < MEMBER_ADDRESS_SIZE ? n : MEMBER_ADDRESS_SIZE - 1);
    return true;
}

int picture_place(const struct picture *picture, int64_t id)
{
    size_t low = 0, high = picture->n_members;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (picture->members[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < picture->n_members && picture->members[low].id == id ? (int)low : -1;
}

void picture_swap(struct picture *a, struct picture *b)
{
    struct picture other = *a;

    *a = *b;
    *b = other;
}
