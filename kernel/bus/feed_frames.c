#include "feed_frames.h"

static const char *end_of_frame(struct str frames)
{
    const char *end = memmem(frames.p, frames.n, "\n\n", 2);

    return end ? end + 2 : NULL;
}

struct str frames_skip(struct str frames, uint64_t n)
{
    while (n > 0 && frames.n > 0) {
        const char *end = end_of_frame(frames);
        size_t length = end ? (size_t)(end - frames.p) : frames.n;
        frames.p += length;
        frames.n -= length;
        n--;
    }
    return frames;
}

uint64_t frames_count(struct str frames)
{
    uint64_t n = 0;

    for (const char *end; frames.n > 0 && (end = end_of_frame(frames)); n++) {
        frames.n -= (size_t)(end - frames.p);
        frames.p = end;
    }
    return n;
}

uint64_t frames_first_position(struct str frames)
{
    struct str rest;
    struct str line = str_split(frames, '\n', &rest);
    uint64_t position = 0;

    if (!str_starts_with(line, STR("id: ")))
        return 0;
    return str_to_u64((struct str){line.p + 4, line.n - 4}, &position) ? position : 0;
}
