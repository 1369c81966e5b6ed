#include "payment_recent.h"

#include "base.h"
#include "payment_row.h"

static size_t place_of(int64_t id)
{
    return (size_t)id % PAYMENT_RECENT;
}

void payment_recent_put(struct payment_recent *self, const struct payment *payment)
{
    struct payment_recent_slot *slot = &self->slots[place_of(payment->id)];
    struct str *texts[PAYMENT_TEXTS];

    slot->payment = *payment;
    slot->n_text = 0;
    payment_row_texts(&slot->payment, texts);
    for (size_t i = 0; i < PAYMENT_TEXTS; i++) {
        if (texts[i]->n > PAYMENT_RECENT_TEXT - slot->n_text) {
            slot->payment.state = PAYMENT_NONE;
            return;
        }
        char *copy = slot->text + slot->n_text;
        if (texts[i]->n)
            memcpy(copy, texts[i]->p, texts[i]->n);
        slot->n_text += texts[i]->n;
        texts[i]->p = copy;
    }
}

bool payment_recent_find(const struct payment_recent *self, int64_t id, struct payment *out, struct arena *arena)
{
    const struct payment_recent_slot *slot = &self->slots[place_of(id)];
    struct str *texts[PAYMENT_TEXTS];

    if (slot->payment.state == PAYMENT_NONE || slot->payment.id != id)
        return true;
    struct str copy = arena_copy(arena, (struct str){slot->text, slot->n_text});
    if (!copy.p)
        return false;
    *out = slot->payment;
    payment_row_texts(out, texts);
    for (size_t i = 0; i < PAYMENT_TEXTS; i++)
        texts[i]->p = copy.p + (texts[i]->p - slot->text);
    return true;
}

void payment_recent_forget(struct payment_recent *self)
{
    for (size_t i = 0; i < PAYMENT_RECENT; i++) {
        if (self->slots[i].payment.state != PAYMENT_NONE)
            self->slots[i].payment.state = PAYMENT_NONE;
    }
}
