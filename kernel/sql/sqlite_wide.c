/* sqlite_wide.c: the text of an INSERT for several rows at once.
 *
 * INSERT OR ROLLBACK: a statement that may fail behind its first row would be undone alone, for which SQLite copies
 * every page before it is changed, into a file when there are many. Nothing goes on after a failed statement here
 * (sql.h), so the transaction may as well end. What updates where there is a conflict would need the copies all the
 * same. */
#include "sqlite_internal.h"

#include "errors.h"

/* Takes `word` off *rest. */
static bool take(struct str *rest, struct str word)
{
    if (!str_starts_with(*rest, word))
        return false;
    *rest = (struct str){rest->p + word.n, rest->n - word.n};
    return true;
}

static bool take_number(struct str *rest, int number)
{
    struct buf digits = {0};

    buf_char(&digits, '$');
    buf_i64(&digits, number);
    bool fine = !digits.failed && take(rest, buf_str(&digits));
    buf_free(&digits);
    return fine;
}

/* "($1, $2, …)": all parameters, once each and in their order. */
static bool take_tuple(struct str *rest, int n_params)
{
    bool fine = take(rest, STR("("));

    for (int i = 1; i <= n_params && fine; i++)
        fine = take_number(rest, i) && take(rest, i < n_params ? STR(", ") : STR(")"));
    return fine;
}

/* With a NUL. false: it can't be run for more than one row at once, or there is no memory. */
static bool widen(const struct sql_statement *statement, struct buf *out)
{
    static const char values[] = ") VALUES ";
    struct str into = str_of(statement->text);
    const char *at = strstr(statement->text, values);
    struct str tuple = str_of(at ? at + sizeof(values) - 1 : "");

    if (!at || statement->n_params == 0 || !take(&into, STR("INSERT INTO ")) ||
        !take_tuple(&tuple, statement->n_params) || tuple.n)
        return false;
    BUF_LIT(out, "INSERT OR ROLLBACK INTO ");
    buf_add(out, (struct str){into.p, (size_t)(at - into.p) + sizeof(values) - 1});
    for (int row = 0; row < SQLITE_WIDE_ROWS; row++) {
        for (int i = 0; i < statement->n_params; i++)
            buf_add(out, i ? STR(", ?") : row ? STR("), (?") : STR("(?"));
    }
    buf_char(out, ')');
    buf_char(out, '\0');
    return !out->failed;
}

static int prepare(struct sqlite *self, const struct sql_statement *statement, struct sqlite_slot *slot)
{
    struct buf text = {0};
    int error = OK;

    slot->is_narrow = !widen(statement, &text) && !text.failed;
    if (text.failed) {
        error = E_MEMORY;
    } else if (!slot->is_narrow) {
        int rc = sqlite3_prepare_v3(self->db, text.p, -1, SQLITE_PREPARE_PERSISTENT, &slot->wide, NULL);
        error = rc ? sqlite_report(self, rc, text.p) : OK;
    }
    buf_free(&text);
    return error;
}

int sqlite_wide_for(struct sqlite *self, const struct sql_statement *statement, sqlite3_stmt **out)
{
    struct sqlite_slot *slot = sql_slots_of(&self->statements, sizeof(*slot), statement);

    if (!slot)
        return E_MEMORY;
    int error = slot->wide || slot->is_narrow ? OK : prepare(self, statement, slot);
    *out = slot->wide;
    return error;
}
