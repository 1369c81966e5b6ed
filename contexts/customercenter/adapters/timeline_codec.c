#include "timeline_codec.h"

#include "errors.h"

enum { LEAST_ROOM = 8, LEAST_ENTRY_BYTES = 3 };

static unsigned char *put(unsigned char *p, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        *p++ = (unsigned char)(number | 0x80);
    *p++ = (unsigned char)number;
    return p;
}

/* A positive int64 at most; false when the bytes end before it does, or it is longer than it has to be. */
static bool take(struct str *bytes, int64_t *number)
{
    uint64_t value = 0;

    for (unsigned shift = 0; bytes->n && shift < 63; shift += 7) {
        uint64_t byte = (unsigned char)*bytes->p++;
        bytes->n--;
        value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *number = (int64_t)value;
            return byte != 0 || shift == 0;
        }
    }
    return false;
}

struct str timeline_encode(const struct mypage *page, struct arena *arena)
{
    unsigned char *bytes = arena_alloc(arena, page->n_timeline * TIMELINE_ENTRY_BYTES + 1);
    unsigned char *p = bytes;
    int64_t before = 0;

    if (!bytes)
        return (struct str){NULL, 0};
    for (size_t i = 0; i < page->n_timeline; i++) {
        const struct mypage_entry *entry = &page->timeline[i];
        *p++ = (unsigned char)entry->fact;
        p = put(p, (uint64_t)entry->version);
        p = put(p, (uint64_t)(entry->at - before));
        before = entry->at;
    }
    return (struct str){(const char *)bytes, (size_t)(p - bytes)};
}

static bool take_entry(struct str *bytes, int64_t before, struct mypage_entry *entry)
{
    unsigned char fact = (unsigned char)bytes->p[0];
    int64_t since;

    bytes->p++;
    bytes->n--;
    if (fact >= MYPAGE_FACT_COUNT || !take(bytes, &entry->version) || !take(bytes, &since) ||
        since > INT64_MAX - before)
        return false;
    entry->fact = (enum mypage_fact)fact;
    entry->at = before + since;
    return true;
}

int timeline_decode(struct str bytes, struct mypage *page, struct arena *arena)
{
    size_t room = bytes.n / LEAST_ENTRY_BYTES + 1;
    int64_t before = 0;

    page->room = room < LEAST_ROOM ? LEAST_ROOM : room;
    page->n_timeline = 0;
    page->timeline = ARENA_ARRAY(arena, struct mypage_entry, page->room);
    if (!page->timeline)
        return E_MEMORY;
    while (bytes.n) {
        if (page->n_timeline == MYPAGE_TIMELINE_MAX || !take_entry(&bytes, before, &page->timeline[page->n_timeline]))
            return E_CORRUPT;
        before = page->timeline[page->n_timeline++].at;
    }
    return OK;
}
