#include "product_stock_messages.h"

#include "base.h"
#include "json.h"

static void write_reservation_id(struct buf *out, const struct stock_question *question)
{
    buf_char(out, question->order_id ? 'o' : 't');
    buf_i64(out, question->order_id ? question->order_id : question->ticket_id);
    buf_char(out, '.');
    buf_i64(out, question->attempt);
}

void product_stock_write_question(struct buf *body, const struct stock_question *question)
{
    BUF_LIT(body, "{\"reservationId\":\"");
    write_reservation_id(body, question);
    buf_char(body, '"');
    if (question->product_name.n) { /* a release says it, too: it tells where the reservation is kept */
        BUF_LIT(body, ",\"productName\":");
        buf_json_string(body, question->product_name);
    }
    if (!question->release) {
        BUF_LIT(body, ",\"qty\":");
        buf_i64(body, question->qty);
    }
    buf_char(body, '}');
}

static void skip_blanks(struct str *text)
{
    while (text->n && (*text->p == ' ' || *text->p == '\n' || *text->p == '\r' || *text->p == '\t')) {
        text->p++;
        text->n--;
    }
}

static bool take(struct str *text, struct str word)
{
    skip_blanks(text);
    if (!str_starts_with(*text, word))
        return false;
    text->p += word.n;
    text->n -= word.n;
    return true;
}

bool product_stock_read_reduced(struct str reply, enum ticket_command_kind *kinds, size_t n)
{
    if (!take(&reply, STR("[")))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (i && !take(&reply, STR(",")))
            return false;
        if (take(&reply, STR("true")))
            kinds[i] = TICKET_REDUCED;
        else if (take(&reply, STR("false")))
            kinds[i] = TICKET_REFUSED;
        else if (take(&reply, STR("null"))) /* its cell couldn't say */
            kinds[i] = TICKET_UNANSWERED;
        else
            return false;
    }
    if (!take(&reply, STR("]")))
        return false;
    skip_blanks(&reply);
    return reply.n == 0;
}

struct released {
    struct str reservation_id;
    bool released;
};
static const struct json_field released_fields[] = {
    JSON_FIELD(struct released, "reservationId", reservation_id, JSON_STRING, JSON_REQUIRED, 1, 64),
    JSON_FIELD(struct released, "released", released, JSON_BOOL, JSON_REQUIRED, 0, 0),
};
static const struct json_desc released_desc = {"release", released_fields, COUNT_OF(released_fields),
                                               sizeof(struct released)};

bool product_stock_read_released(struct str reply, const struct stock_question *questions, size_t n)
{
    struct json_array array;
    struct json_error error;
    struct arena arena;
    struct buf id = {0};

    arena_init(&arena, 4096);
    bool believed = json_decode_array(&released_desc, reply, n, &array, &arena, &error) && array.n == n;
    for (size_t i = 0; believed && i < n; i++) {
        buf_clear(&id);
        write_reservation_id(&id, &questions[i]);
        believed = !id.failed && str_eq(buf_str(&id), ((const struct released *)array.items)[i].reservation_id);
    }
    buf_free(&id);
    arena_free(&arena);
    return believed;
}
