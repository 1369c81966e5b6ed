#include "mypage.h"

#include "base.h"

static const struct fact {
    struct str type, reason;
    enum mypage_producer producer;
    int rank;
    enum mypage_status status, order, ticket;
} facts[MYPAGE_FACT_COUNT] = {
#define FACT(name, type, reason, producer, rank, status, order, ticket)                                                \
    {STR_INIT(type), STR_INIT(reason), MYPAGE_##producer, rank, MYPAGE_##status, MYPAGE_##order, MYPAGE_##ticket},
#include "mypage_events.def"
#undef FACT
};

bool mypage_is_visible(const struct mypage *page)
{
    return page->seen[MYPAGE_ORDER] > 0;
}

size_t mypage_room_needed(const struct mypage *page)
{
    return page->n_timeline + 1; /* also when it is full: one goes after the new one has come */
}

static void take_payment(struct mypage *page, const struct fact *fact, const struct mypage_event *event)
{
    if (fact->producer == MYPAGE_PAYMENT)
        page->payment_status = fact->status;
    else if (event->paid && page->payment_status == MYPAGE_KEEP)
        page->payment_status = MYPAGE_PAID;
}

static bool is_before(const struct mypage_entry *a, const struct mypage_entry *b)
{
    if (a->at != b->at)
        return a->at < b->at;
    if (facts[a->fact].rank != facts[b->fact].rank)
        return facts[a->fact].rank < facts[b->fact].rank;
    return a->version < b->version;
}

/* The time of the last entry of the same producer; 0 when there is none. */
static int64_t last_told_at(const struct mypage *page, enum mypage_producer producer)
{
    for (size_t i = page->n_timeline; i > 0; i--) {
        if (facts[page->timeline[i - 1].fact].producer == producer)
            return page->timeline[i - 1].at;
    }
    return 0;
}

static void add_to_timeline(struct mypage *page, const struct mypage_event *event)
{
    struct mypage_entry entry = {event->at, event->version, event->fact};
    int64_t earliest = last_told_at(page, facts[event->fact].producer);
    size_t at = page->n_timeline;

    ASSERT(page->room >= mypage_room_needed(page));
    if (entry.at < earliest)
        entry.at = earliest;
    for (; at > 0 && is_before(&entry, &page->timeline[at - 1]); at--)
        page->timeline[at] = page->timeline[at - 1];
    page->timeline[at] = entry;
    page->n_timeline++;
    if (page->n_timeline <= MYPAGE_TIMELINE_MAX)
        return;
    page->n_timeline--;
    memmove(&page->timeline[MYPAGE_TIMELINE_FIRST], &page->timeline[MYPAGE_TIMELINE_FIRST + 1],
            (page->n_timeline - MYPAGE_TIMELINE_FIRST) * sizeof(page->timeline[0]));
}

static void sort(struct mypage *page)
{
    for (size_t i = 1; i < page->n_timeline; i++) {
        struct mypage_entry entry = page->timeline[i];
        size_t at = i;
        for (; at > 0 && is_before(&entry, &page->timeline[at - 1]); at--)
            page->timeline[at] = page->timeline[at - 1];
        page->timeline[at] = entry;
    }
}

/* One that newer ones of its producer have overtaken: a repeat, or it was put aside and is tried again. Then it is part
 * of the story, as if it had come in time. What isn't in a full timeline may have gone from there. */
static bool add_overtaken(struct mypage *page, const struct mypage_event *event)
{
    struct mypage_entry entry = {event->at, event->version, event->fact};

    if (page->n_timeline == MYPAGE_TIMELINE_MAX)
        return false;
    for (size_t i = 0; i < page->n_timeline; i++) {
        const struct mypage_entry *other = &page->timeline[i];
        if (facts[other->fact].producer != facts[event->fact].producer)
            continue;
        if (other->version == entry.version)
            return false;
        if (other->version < entry.version && other->at > entry.at)
            entry.at = other->at;
    }
    for (size_t i = 0; i < page->n_timeline; i++) {
        struct mypage_entry *other = &page->timeline[i];
        if (facts[other->fact].producer == facts[event->fact].producer && other->version > entry.version &&
            other->at < entry.at)
            other->at = entry.at;
    }
    ASSERT(page->room >= mypage_room_needed(page));
    page->timeline[page->n_timeline++] = entry;
    sort(page);
    return true;
}

static void take_statuses(struct mypage *page, const struct fact *fact)
{
    if (fact->ticket != MYPAGE_KEEP)
        page->ticket_status = fact->ticket;
    if (fact->order != MYPAGE_KEEP && page->order_status != MYPAGE_CANCELED)
        page->order_status = fact->order;
}

bool mypage_apply(struct mypage *page, const struct mypage_event *event)
{
    const struct fact *fact = &facts[event->fact];
    int64_t *seen = &page->seen[fact->producer];

    ASSERT(event->fact < MYPAGE_FACT_COUNT && event->version > 0);
    if (event->version <= *seen)
        return add_overtaken(page, event);
    *seen = event->version;
    take_statuses(page, fact);
    take_payment(page, fact, event);
    if (fact->producer == MYPAGE_PRODUCT && event->ticket_id)
        page->ticket_id = event->ticket_id;
    if (fact->producer == MYPAGE_ORDER) {
        page->product_name = event->product_name;
        page->qty = event->qty;
        if (page->order_status == MYPAGE_KEEP)
            page->order_status = MYPAGE_REQUESTED;
    }
    add_to_timeline(page, event);
    return true;
}

bool mypage_fact_of(enum mypage_producer producer, struct str type, struct str reason, enum mypage_fact *fact)
{
    bool found = false;

    for (size_t i = 0; i < MYPAGE_FACT_COUNT; i++) {
        bool is_of_reason = facts[i].reason.n == 0 || str_eq(facts[i].reason, reason);
        if (facts[i].producer != producer || !str_eq(facts[i].type, type) || !is_of_reason)
            continue;
        *fact = (enum mypage_fact)i; /* the one with the reason stands behind the one without */
        found = true;
    }
    return found;
}

enum mypage_producer mypage_producer_of(enum mypage_fact fact)
{
    return facts[fact].producer;
}

struct str mypage_fact_type(enum mypage_fact fact)
{
    return facts[fact].type;
}

struct str mypage_fact_reason(enum mypage_fact fact)
{
    return facts[fact].reason;
}

enum mypage_status mypage_fact_status(enum mypage_fact fact)
{
    return facts[fact].status;
}

struct str mypage_status_text(enum mypage_status status)
{
    static const struct str texts[MYPAGE_STATUS_COUNT] = {
        [MYPAGE_KEEP] = STR_INIT(""),
        [MYPAGE_REQUESTED] = STR_INIT("Requested"),
        [MYPAGE_READY] = STR_INIT("Ready"),
        [MYPAGE_PRODUCING] = STR_INIT("Producing"),
        [MYPAGE_OUT_OF_STOCK] = STR_INIT("Out of stock"),
        [MYPAGE_COMPLETED] = STR_INIT("Completed"),
        [MYPAGE_CANCELED] = STR_INIT("Canceled"),
        [MYPAGE_PAID] = STR_INIT("Paid"),
        [MYPAGE_REFUNDED] = STR_INIT("Refunded"),
    };

    return texts[status];
}
