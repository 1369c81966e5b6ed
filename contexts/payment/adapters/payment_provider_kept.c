#include "payment_provider_kept.h"

#include "base.h"
#include "errors.h"
#include "payment.h"

static const struct sql_statement find_name = {"SELECT name FROM provider", 0};
static const struct sql_statement forget_name = {"DELETE FROM provider", 0};
static const struct sql_statement insert_name = {"INSERT INTO provider (name) VALUES ($1)", 1};
/* All but those that were declined or have gone back. */
static const struct sql_statement count_open = {"SELECT COUNT(*) FROM payment WHERE state BETWEEN 1 AND 5", 0};
_Static_assert(PAYMENT_PENDING == 1 && PAYMENT_RETURNING == 5 && PAYMENT_RETURNED == 6 && PAYMENT_DECLINED == 7,
               "stored numbers don't change their meaning");

static int take_name(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    buf_add(context, sql_text(row, 0));
    return OK;
}

static int note(struct sql *sql, const char *name)
{
    struct sql_value value = SQL_S(str_of(name));
    int rc = sql->begin(sql);

    if (rc)
        return rc;
    rc = sql_exec(sql, &forget_name, NULL);
    return sql_end(sql, rc ? rc : sql_exec(sql, &insert_name, &value));
}

/* `kept`: who it was until now; empty: a new store, or one from before it was remembered. */
static int change(struct sql *sql, struct str kept, const char *name, struct buf *problem)
{
    int64_t open = 0;
    bool from_trial = str_is(kept, TRIAL_PROVIDER);
    bool is_free = kept.n == 0 || (!from_trial && str_is(str_of(name), TRIAL_PROVIDER));
    int rc = is_free ? OK : sql_number(sql, &count_open, NULL, &open);

    if (rc)
        return rc;
    if (from_trial)
        buf_printf(problem,
                   "payment.provider is %s, but this data was tried out with the provider " TRIAL_PROVIDER
                   ": what it says of money isn't so, and it stays a trial",
                   name);
    else if (open)
        buf_printf(problem,
                   "payment.provider is %s, but %lld payments are with the provider %.*s, who alone can take them or "
                   "give them back; another one can take over when all are declined or given back. A copy of the data "
                   "is tried out with payment.provider=" TRIAL_PROVIDER,
                   name, (long long)open, STR_ARG(kept));
    return problem->n ? OK : note(sql, name);
}

bool payment_provider_keep(struct sql *sql, const char *name, struct buf *problem)
{
    struct buf kept = {0};
    int rc = sql_query(sql, &find_name, NULL, take_name, &kept);

    if (!rc && kept.failed)
        rc = E_MEMORY;
    if (!rc && !str_is(buf_str(&kept), name))
        rc = change(sql, buf_str(&kept), name, problem);
    if (rc)
        buf_printf(problem, "the payment database can't be read or written: %s", error_text(rc));
    buf_free(&kept);
    return problem->n == 0;
}
