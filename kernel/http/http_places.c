#include "http_internal.h"

/* Walks through all: a stream begins seldom. */
struct http_stream *http_places_oldest(const struct http_places *places, const struct http_address *address)
{
    struct http_stream *oldest = NULL;
    int64_t n = 0;
    if (address->local)
        return NULL;
    for (struct http_stream *stream = places->oldest; stream; stream = stream->newer) {
        if (!http_address_is(&stream->address, address))
            continue;
        if (!oldest)
            oldest = stream;
        n++;
    }
    return n >= places->per_address ? oldest : NULL;
}

bool http_places_has_room(const struct http_places *places, const struct http_address *address)
{
    return places->taken < places->most || http_places_oldest(places, address);
}

void http_places_take(struct http_places *places, struct http_stream *stream)
{
    ASSERT(places->taken < places->most);
    stream->older = places->newest;
    stream->newer = NULL;
    if (places->newest)
        places->newest->newer = stream;
    else
        places->oldest = stream;
    places->newest = stream;
    places->taken++;
}

void http_places_leave(struct http_places *places, struct http_stream *stream)
{
    if (stream->older)
        stream->older->newer = stream->newer;
    else
        places->oldest = stream->newer;
    if (stream->newer)
        stream->newer->older = stream->older;
    else
        places->newest = stream->older;
    places->taken--;
}
