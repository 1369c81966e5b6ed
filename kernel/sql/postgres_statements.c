/* postgres_statements.c: statements as the server knows them, prepared once a connection, and their parameters as it
 * takes them. What a parameter is taken for is the server's to say: asked once, so that values go as what they are. */
#include "base.h"
#include "errors.h"
#include "postgres_internal.h"

#include <endian.h>
#include <stdio.h>

enum { NAME_SIZE = 16, NUMBER_SIZE = 24 };

/* --- preparing --- */

/* Number 0 is the statement without a name, which the next one takes the place of. */
static const char *name_of(const struct postgres_slot *slot, char *name)
{
    name[0] = '\0';
    if (slot->number)
        snprintf(name, NAME_SIZE, "s%u", slot->number);
    return name;
}

struct preparing {
    struct postgres_reply reply;
    struct postgres_slot *slot;
    size_t n_params;
};

static int on_prepared(struct postgres_reply *reply, size_t index, const PGresult *result)
{
    struct preparing *preparing = CONTAINER_OF(reply, struct preparing, reply);

    if (index == 0)
        return OK;
    ASSERT((size_t)PQnparams(result) == preparing->n_params && preparing->n_params <= POSTGRES_MAX_PARAMS);
    for (int i = 0; i < PQnparams(result); i++)
        preparing->slot->types[i] = PQparamtype(result, i);
    return OK;
}

int postgres_prepare(struct postgres *self, struct postgres_slot *slot, const char *text, size_t n_params)
{
    struct preparing preparing = {{.text = text, .on_result = on_prepared}, slot, n_params};
    char name[NAME_SIZE];

    name_of(slot, name);
    if (!PQsendPrepare(self->conn, name, text, 0, NULL) || !PQsendDescribePrepared(self->conn, name) ||
        !PQpipelineSync(self->conn)) {
        postgres_drop(self);
        return E_UNAVAILABLE;
    }
    int error = postgres_receive(self, 2, &preparing.reply);
    if (!error)
        slot->connection = self->connection;
    return error;
}

int postgres_known(struct postgres *self, const struct sql_statement *statement, struct postgres_slot **out)
{
    struct postgres_slot *slot = sql_slots_of(&self->statements, sizeof(*slot), statement);

    if (!slot)
        return E_MEMORY;
    if (!slot->number)
        slot->number = (unsigned)self->statements.n_taken;
    *out = slot;
    if (slot->connection == self->connection)
        return OK;
    return postgres_prepare(self, slot, statement->text, (size_t)statement->n_params);
}

/* --- their parameters --- */

struct encoded {
    const char *values[POSTGRES_MAX_PARAMS];
    int lengths[POSTGRES_MAX_PARAMS];
    int formats[POSTGRES_MAX_PARAMS]; /* 1: binary */
    union {
        uint64_t binary;
        char text[NUMBER_SIZE];
    } numbers[POSTGRES_MAX_PARAMS];
};

static void encode_number(struct encoded *out, int i, Oid type, int64_t number)
{
    out->values[i] = out->numbers[i].text;
    if (type == TYPE_I64) {
        out->numbers[i].binary = htobe64((uint64_t)number);
        out->lengths[i] = (int)sizeof(uint64_t);
        out->formats[i] = 1;
    } else {
        out->lengths[i] = snprintf(out->numbers[i].text, NUMBER_SIZE, "%lld", (long long)number);
        out->formats[i] = 0;
    }
}

static int encode(struct encoded *out, const struct postgres_slot *slot, const struct sql_value *params, int n_params)
{
    for (int i = 0; i < n_params; i++) {
        const struct sql_value *value = &params[i];
        Oid type = slot->types[i];
        if (value->kind == SQL_I64) {
            encode_number(out, i, type, value->number);
        } else if (value->kind == SQL_NULL) {
            out->values[i] = NULL;
            out->lengths[i] = out->formats[i] = 0;
        } else {
            ASSERT(!postgres_is_number(type));
            if (value->text.n > INT32_MAX / 2)
                return E_TOO_LARGE;
            out->values[i] = value->text.p ? value->text.p : "";
            out->lengths[i] = (int)value->text.n;
            out->formats[i] = 1;
        }
    }
    return OK;
}

int postgres_queue(struct postgres *self, const struct postgres_slot *slot, const struct sql_value *params,
                   int n_params, size_t n_rows)
{
    struct encoded encoded;
    char name[NAME_SIZE];

    name_of(slot, name);
    for (size_t i = 0; i < n_rows; i++) {
        int error = encode(&encoded, slot, n_params ? params + i * (size_t)n_params : NULL, n_params);
        if (error)
            return error;
        if (!PQsendQueryPrepared(self->conn, name, n_params, encoded.values, encoded.lengths, encoded.formats, 1))
            return E_UNAVAILABLE;
    }
    return OK;
}
