#include "payment_provider_kept.h"

#include "base.h"
#include "errors.h"
#include "payment.h"

static const struct sql_statement find_kept = {"SELECT name, url FROM provider", 0};
static const struct sql_statement forget_kept = {"DELETE FROM provider", 0};
static const struct sql_statement insert_kept = {"INSERT INTO provider (name, url) VALUES ($1, $2)", 2};
/* All but those that were declined or have gone back. */
static const struct sql_statement count_open = {"SELECT COUNT(*) FROM payment WHERE state BETWEEN 1 AND 5", 0};
_Static_assert(PAYMENT_PENDING == 1 && PAYMENT_RETURNING == 5 && PAYMENT_RETURNED == 6 && PAYMENT_DECLINED == 7,
               "stored numbers don't change their meaning");

/* Who it was until now. An empty name: a new store, or one from before it was remembered; an empty address: none is
 * needed, or it wasn't remembered. */
struct kept {
    struct buf name, url;
};

static int take_kept(void *context, size_t index, const struct sql_row *row)
{
    struct kept *kept = context;

    UNUSED(index);
    buf_add(&kept->name, sql_text(row, 0));
    buf_add(&kept->url, sql_text(row, 1));
    return OK;
}

static int note(struct sql *sql, const struct provider_set *set)
{
    struct sql_value row[] = {SQL_S(str_of(set->name)), SQL_S0(str_of(set->url))};
    int rc = sql->begin(sql);

    if (rc)
        return rc;
    rc = sql_exec(sql, &forget_kept, NULL);
    return sql_end(sql, rc ? rc : sql_exec(sql, &insert_kept, row));
}

/* Whether it may be another one, or the same one at an address that the store doesn't know. */
static bool may_be_another(const struct kept *kept, const struct provider_set *set)
{
    struct str url = buf_str(&kept->url);

    if (!str_is(buf_str(&kept->name), set->name))
        return kept->name.n > 0 && !str_is(str_of(set->name), TRIAL_PROVIDER);
    return url.n > 0 && !str_is(url, set->url) && !str_is(url, set->moved_from);
}

static void refuse(const struct kept *kept, const struct provider_set *set, int64_t open, struct buf *problem)
{
    bool is_elsewhere = str_is(buf_str(&kept->name), set->name);
    struct str with = is_elsewhere ? buf_str(&kept->url) : buf_str(&kept->name);

    buf_printf(problem,
               "payment.provider%s is %s, but %lld payments are with the provider %s%.*s, who alone can take "
               "them or give them back; another one can take over when all are declined or given back. ",
               is_elsewhere ? "_url" : "", is_elsewhere ? set->url : set->name, (long long)open,
               is_elsewhere ? "at " : "", STR_ARG(with));
    if (is_elsewhere)
        buf_printf(problem, "If that provider has only moved, say so: payment.provider_moved_from=%.*s", STR_ARG(with));
    else
        BUF_LIT(problem, "A copy of the data is tried out with payment.provider=" TRIAL_PROVIDER);
}

static int change(struct sql *sql, const struct kept *kept, const struct provider_set *set, struct buf *problem)
{
    int64_t open = 0;

    if (str_is(buf_str(&kept->name), TRIAL_PROVIDER) && !str_is(str_of(set->name), TRIAL_PROVIDER)) {
        buf_printf(problem,
                   "payment.provider is %s, but this data was tried out with the provider " TRIAL_PROVIDER
                   ": what it says of money isn't so, and it stays a trial",
                   set->name);
        return OK;
    }
    int rc = may_be_another(kept, set) ? sql_number(sql, &count_open, NULL, &open) : OK;
    if (rc)
        return rc;
    if (open)
        refuse(kept, set, open, problem);
    return problem->n ? OK : note(sql, set);
}

bool payment_provider_keep(struct sql *sql, const struct provider_set *set, struct buf *problem)
{
    struct kept kept = {0};
    int rc = sql_query(sql, &find_kept, NULL, take_kept, &kept);

    if (!rc && (kept.name.failed || kept.url.failed))
        rc = E_MEMORY;
    if (!rc && !(str_is(buf_str(&kept.name), set->name) && str_is(buf_str(&kept.url), set->url)))
        rc = change(sql, &kept, set, problem);
    if (rc)
        buf_printf(problem, "the payment database can't be read or written: %s", error_text(rc));
    buf_free(&kept.name);
    buf_free(&kept.url);
    return problem->n == 0;
}
