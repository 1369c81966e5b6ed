#include "read_queue.h"

#include "base.h"

static struct read_job *find_line(const struct read_queue *queue, const struct http_address *from)
{
    struct read_job *line = queue->first;

    while (line && !http_address_is(&line->from, from))
        line = line->next_line;
    return line;
}

static struct read_job *longest_line(const struct read_queue *queue)
{
    struct read_job *longest = queue->first;

    for (struct read_job *line = queue->first; line; line = line->next_line) {
        if (line->waiting > longest->waiting)
            longest = line;
    }
    return longest;
}

static struct read_job **end_of(struct read_job *line)
{
    struct read_job **end = &line->behind;

    while (*end)
        end = &(*end)->behind;
    return end;
}

static struct read_job *take_newest(struct read_queue *queue, struct read_job *line)
{
    struct read_job *newest = line;
    struct read_job **link = NULL;

    while (newest->behind) {
        link = &newest->behind;
        newest = newest->behind;
    }
    ASSERT(link); /* a line of one is never the longer one */
    *link = NULL;
    line->waiting--;
    queue->n--;
    return newest;
}

static void add_line(struct read_queue *queue, struct read_job *line)
{
    line->next_line = NULL;
    if (queue->last)
        queue->last->next_line = line;
    else
        queue->first = line;
    queue->last = line;
}

bool read_queue_add(struct read_queue *queue, struct read_job *job, struct read_job **pushed_out)
{
    struct read_job *line = find_line(queue, &job->from);
    size_t waiting = (line ? line->waiting : 0) + 1;

    *pushed_out = NULL;
    if (waiting > queue->per_address && !job->from.local)
        return false;
    if (queue->n >= queue->most) {
        struct read_job *longest = longest_line(queue);
        if (!longest || longest->waiting <= waiting)
            return false;
        *pushed_out = take_newest(queue, longest);
    }
    job->behind = NULL;
    job->waiting = 1;
    if (line) {
        *end_of(line) = job;
        line->waiting++;
    } else {
        add_line(queue, job);
    }
    queue->n++;
    return true;
}

struct read_job *read_queue_take(struct read_queue *queue)
{
    struct read_job *job = queue->first;

    if (!job)
        return NULL;
    queue->first = job->next_line;
    if (!queue->first)
        queue->last = NULL;
    queue->n--;
    if (job->behind) {
        job->behind->waiting = job->waiting - 1;
        add_line(queue, job->behind); /* behind those whose turn it is now */
    }
    return job;
}
