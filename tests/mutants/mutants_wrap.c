/* mutants_wrap.c: between the domain and its callers. The linker's --wrap=f gives us their calls of f as __wrap_f, and
 * the domain's own as __real_f: the names are the linker's. */
#include "mutants_internal.h"

#include "mypage.h"
#include "order.h"
#include "payment.h"
#include "reservation.h"
#include "ticket.h"

/* NOLINTBEGIN(bugprone-reserved-identifier) */
enum order_verdict __real_order_decide(const struct order *order, const struct order_intent *intent, int64_t now,
                                       struct order_decision *out);
enum order_verdict __wrap_order_decide(const struct order *order, const struct order_intent *intent, int64_t now,
                                       struct order_decision *out);
enum ticket_verdict __real_ticket_decide(const struct ticket *ticket, const struct ticket_intent *intent,
                                         const struct ticket_policy *policy, int64_t now, struct ticket_decision *out);
enum ticket_verdict __wrap_ticket_decide(const struct ticket *ticket, const struct ticket_intent *intent,
                                         const struct ticket_policy *policy, int64_t now, struct ticket_decision *out);
enum stock_verdict __real_stock_decide(const struct stock *stock, const struct stock_intent *intent, int64_t now,
                                       struct stock_decision *out);
enum stock_verdict __wrap_stock_decide(const struct stock *stock, const struct stock_intent *intent, int64_t now,
                                       struct stock_decision *out);
enum stock_verdict __real_reservation_decide(const struct reservation *reservation, const struct stock *stock,
                                             const struct stock_intent *intent, int64_t now,
                                             struct reservation_decision *out);
enum stock_verdict __wrap_reservation_decide(const struct reservation *reservation, const struct stock *stock,
                                             const struct stock_intent *intent, int64_t now,
                                             struct reservation_decision *out);
bool __real_mypage_apply(struct mypage *page, const struct mypage_event *event);
bool __wrap_mypage_apply(struct mypage *page, const struct mypage_event *event);

enum payment_verdict __real_payment_decide(const struct payment *payment, const struct payment_intent *intent,
                                           const struct payment_policy *policy, int64_t now, int64_t wall,
                                           struct payment_decision *out);
enum payment_verdict __wrap_payment_decide(const struct payment *payment, const struct payment_intent *intent,
                                           const struct payment_policy *policy, int64_t now, int64_t wall,
                                           struct payment_decision *out);

/* What is old never comes to its cell. */
static bool is_old_fact(const struct order *order, const struct order_intent *intent)
{
    return order->state != ORDER_NONE && intent->ticket_version && intent->ticket_version <= order->ticket_version;
}

static bool is_old_answer(const struct ticket *ticket, const struct ticket_intent *intent)
{
    bool is_answer = intent->kind == TICKET_REDUCED || intent->kind == TICKET_REFUSED ||
                     intent->kind == TICKET_REFUSED_LATE || intent->kind == TICKET_UNANSWERED;

    return is_answer && ticket->state != TICKET_NONE && intent->attempt != ticket->attempt;
}

enum order_verdict __wrap_order_decide(const struct order *order, const struct order_intent *intent, int64_t now,
                                       struct order_decision *out)
{
    const struct table_cell *instead =
        is_old_fact(order, intent) ? NULL : mutant_instead(MUTATED_ORDER, (int)order->state, (int)intent->kind);
    struct order other = *order;
    struct order_intent as = *intent;

    if (!instead)
        return __real_order_decide(order, intent, now, out);
    other.state = (enum order_state)instead->state;
    as.kind = (enum order_command_kind)instead->command;
    enum order_verdict verdict = __real_order_decide(&other, &as, now, out);
    out->event.intent = intent;
    return verdict;
}

enum ticket_verdict __wrap_ticket_decide(const struct ticket *ticket, const struct ticket_intent *intent,
                                         const struct ticket_policy *policy, int64_t now, struct ticket_decision *out)
{
    const struct table_cell *instead =
        is_old_answer(ticket, intent) ? NULL : mutant_instead(MUTATED_TICKET, (int)ticket->state, (int)intent->kind);
    struct ticket other = *ticket;
    struct ticket_intent as = *intent;

    if (!instead)
        return __real_ticket_decide(ticket, intent, policy, now, out);
    other.state = (enum ticket_state)instead->state;
    as.kind = (enum ticket_command_kind)instead->command;
    as.attempt = ticket->attempt; /* if it is an answer there, it is one to the last question */
    enum ticket_verdict verdict = __real_ticket_decide(&other, &as, policy, now, out);
    out->event.intent = intent;
    return verdict;
}

enum stock_verdict __wrap_stock_decide(const struct stock *stock, const struct stock_intent *intent, int64_t now,
                                       struct stock_decision *out)
{
    const struct table_cell *instead = mutant_instead(MUTATED_STOCK, (int)stock->state, (int)intent->kind);
    struct stock other = *stock;
    struct stock_intent as = *intent;

    if (!instead)
        return __real_stock_decide(stock, intent, now, out);
    other.state = (enum stock_state)instead->state;
    as.kind = (enum stock_command_kind)instead->command;
    return __real_stock_decide(&other, &as, now, out);
}

enum stock_verdict __wrap_reservation_decide(const struct reservation *reservation, const struct stock *stock,
                                             const struct stock_intent *intent, int64_t now,
                                             struct reservation_decision *out)
{
    const struct table_cell *instead =
        mutant_instead(MUTATED_RESERVATION, (int)reservation->state, (int)reservation_command_of(intent));
    struct reservation other = *reservation;
    struct stock_intent as = *intent;

    if (!instead)
        return __real_reservation_decide(reservation, stock, intent, now, out);
    other.state = (enum reservation_state)instead->state;
    as.kind = instead->command == RESERVATION_REDUCE ? STOCK_REDUCE : STOCK_GIVE_BACK;
    return __real_reservation_decide(&other, stock, &as, now, out);
}

bool __wrap_mypage_apply(struct mypage *page, const struct mypage_event *event)
{
    const struct table_cell *instead =
        mutant_instead(MUTATED_MYPAGE, (int)mypage_producer_of(event->fact), (int)event->fact);
    struct mypage_event as = *event;

    if (instead)
        as.fact = (enum mypage_fact)instead->command;
    return __real_mypage_apply(page, &as);
}
/* Another order's fact, one of another amount, and what is asked too late never come to their cell. */
static bool is_decided_before_the_table(const struct payment *payment, const struct payment_intent *intent, int64_t now)
{
    switch (intent->kind) {
    case PAYMENT_ORDERED:
        return (payment->order_id && payment->order_id != intent->order_id) ||
               (payment->state != PAYMENT_NONE && payment->amount != intent->amount);
    case PAYMENT_ORDER_CANCELED:
        return payment->order_id && payment->order_id != intent->order_id;
    case PAYMENT_AUTHORIZE:
        return payment->state == PAYMENT_AUTHORIZED && payment->expires_at <= now;
    default:
        return false;
    }
}

enum payment_verdict __wrap_payment_decide(const struct payment *payment, const struct payment_intent *intent,
                                           const struct payment_policy *policy, int64_t now, int64_t wall,
                                           struct payment_decision *out)
{
    const struct table_cell *instead = is_decided_before_the_table(payment, intent, now)
                                           ? NULL
                                           : mutant_instead(MUTATED_PAYMENT, (int)payment->state, (int)intent->kind);
    struct payment other = *payment;
    struct payment_intent as = *intent;

    if (!instead)
        return __real_payment_decide(payment, intent, policy, now, wall, out);
    other.state = (enum payment_state)instead->state;
    as.kind = (enum payment_command_kind)instead->command;
    /* there it comes to its cell: nothing contradicts it before */
    other.order_id = as.kind == PAYMENT_TAKEN;
    other.captured = as.amount = other.amount;
    other.reference = STR("");
    as.was_taken = false;
    if (as.kind == PAYMENT_AUTHORIZE)
        other.expires_at = INT64_MAX;
    enum payment_verdict verdict = __real_payment_decide(&other, &as, policy, now, wall, out);
    out->event.intent = intent;
    return verdict;
}
/* NOLINTEND(bugprone-reserved-identifier) */
