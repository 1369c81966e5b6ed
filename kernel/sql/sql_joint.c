#include "sql_joint.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"

struct sql_joint {
    struct sql sql;
    struct sql *real;
    bool begun;   /* the transaction */
    bool undone;  /* one of its parts */
    bool in_part; /* of which there is one at a time */
};

static struct sql_joint *of(struct sql *port)
{
    return CONTAINER_OF(port, struct sql_joint, sql);
}

static int begin(struct sql *port)
{
    struct sql_joint *self = of(port);

    ASSERT(!self->in_part && !self->undone);
    int error = self->begun ? OK : self->real->begin(self->real);
    self->begun = !error;
    self->in_part = !error;
    return error;
}

static int commit(struct sql *port)
{
    of(port)->in_part = false;
    return OK;
}

static int rollback(struct sql *port)
{
    struct sql_joint *self = of(port);

    self->undone |= self->in_part;
    self->in_part = false;
    return OK;
}

int sql_joint_end(struct sql *port, int rc)
{
    struct sql_joint *self = of(port);
    bool begun = self->begun;

    ASSERT(!self->in_part && (rc || !self->undone));
    self->begun = false;
    self->undone = false;
    return begun ? sql_end(self->real, rc) : rc;
}

/* ---- the rest is the connection's ---- */

static int exec_many(struct sql *port, const struct sql_statement *statement, const struct sql_value *params, size_t n)
{
    return of(port)->real->exec_many(of(port)->real, statement, params, n);
}

static int query_many(struct sql *port, const struct sql_statement *statement, const struct sql_value *params, size_t n,
                      sql_on_row *on_row, void *context)
{
    return of(port)->real->query_many(of(port)->real, statement, params, n, on_row, context);
}

static int query_shared(struct sql *port, const struct sql_statement *statement, const struct sql_value *params,
                        size_t n, sql_on_row *on_row, void *context)
{
    return of(port)->real->query_shared(of(port)->real, statement, params, n, on_row, context);
}

static void share(struct sql *port, bool begins)
{
    of(port)->real->share(of(port)->real, begins);
}

static int query_text(struct sql *port, const char *text, const struct sql_value *params, size_t n, sql_on_row *on_row,
                      void *context)
{
    return of(port)->real->query_text(of(port)->real, text, params, n, on_row, context);
}

static int columns(struct sql *port, sql_on_row *on_row, void *context)
{
    return of(port)->real->columns(of(port)->real, on_row, context);
}

static int probe(struct sql *port)
{
    return of(port)->real->probe(of(port)->real);
}

static int check(struct sql *port)
{
    return of(port)->real->check(of(port)->real);
}

static int look(struct sql *port)
{
    return of(port)->real->look(of(port)->real);
}

static bool broke(const struct sql *port)
{
    const struct sql *real = CONTAINER_OF(port, const struct sql_joint, sql)->real;

    return real->broke(real);
}

static void interrupt(struct sql *port)
{
    of(port)->real->interrupt(of(port)->real);
}

static void close_joint(struct sql *port)
{
    heap_free(of(port));
}

struct sql *sql_joint_new(struct sql *sql)
{
    struct sql_joint *self = heap_alloc(sizeof(*self));

    if (!self)
        return NULL;
    *self = (struct sql_joint){.sql = {.begin = begin,
                                       .commit = commit,
                                       .rollback = rollback,
                                       .exec_many = exec_many,
                                       .query_many = query_many,
                                       .query_text = query_text,
                                       .columns = columns,
                                       .probe = probe,
                                       .check = check,
                                       .look = sql->look ? look : NULL,
                                       .broke = sql->broke ? broke : NULL,
                                       .query_shared = query_shared,
                                       .share = share,
                                       .interrupt = interrupt,
                                       .close = close_joint},
                               .real = sql};
    return &self->sql;
}
