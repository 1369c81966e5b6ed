/* The projection: whatever the interleaving of the producers, the same page; what a customer sees never goes back. */
#include "base.h"
#include "mypage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MOST_EVENTS = 400, ROUNDS = 3000 };

/* One producer's events of one order, in order. */
struct story {
    struct mypage_event event[MOST_EVENTS];
    size_t n;
};

struct life {
    struct story told[MYPAGE_PRODUCER_COUNT];
    int64_t clock;
};

struct page_with_room {
    struct mypage page;
    struct mypage_entry entries[MYPAGE_TIMELINE_MAX + 1];
};

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void happens(struct life *life, enum mypage_fact fact, int64_t later)
{
    struct story *story = &life->told[mypage_producer_of(fact)];

    assert_true(story->n < MOST_EVENTS);
    life->clock += later;
    int64_t version = story->n ? story->event[story->n - 1].version + 1 + (later & 1) : 1;
    story->event[story->n++] = (struct mypage_event){
        .fact = fact,
        .at = life->clock,
        .version = version,
        .ticket_id = mypage_producer_of(fact) == MYPAGE_PRODUCT ? 7 : 0,
        .product_name = mypage_producer_of(fact) == MYPAGE_ORDER ? STR("Latte") : STR(""),
        .qty = mypage_producer_of(fact) == MYPAGE_ORDER ? 3 : 0,
    };
}

/* A life that the rules allow; times repeat often. */
static struct life any_life(uint64_t *seed)
{
    struct life life = {.clock = 1000};

    happens(&life, MYPAGE_FACT_ORDERED, 1);
    while (next_random(seed) % 3 == 0) {
        happens(&life, MYPAGE_FACT_RAN_OUT, (int64_t)(next_random(seed) % 3));
        happens(&life, MYPAGE_FACT_REQUEUED, (int64_t)(next_random(seed) % 3));
    }
    if (next_random(seed) % 2) {
        if (next_random(seed) % 2) {
            happens(&life, MYPAGE_FACT_REDUCED, (int64_t)(next_random(seed) % 2));
            happens(&life, MYPAGE_FACT_RELEASED, (int64_t)(next_random(seed) % 2));
        }
        happens(&life, MYPAGE_FACT_PRODUCT_CANCELED, (int64_t)(next_random(seed) % 2));
        happens(&life, MYPAGE_FACT_ORDER_CANCELED, (int64_t)(next_random(seed) % 2));
    } else {
        happens(&life, MYPAGE_FACT_REDUCED, (int64_t)(next_random(seed) % 2));
        happens(&life, MYPAGE_FACT_STARTED, (int64_t)(next_random(seed) % 2));
        if (next_random(seed) % 4)
            happens(&life, MYPAGE_FACT_PRODUCED, (int64_t)(next_random(seed) % 2));
    }
    return life;
}

static bool take(struct page_with_room *to, const struct mypage_event *event)
{
    to->page.timeline = to->entries;
    to->page.room = COUNT_OF(to->entries);
    return mypage_apply(&to->page, event);
}

static bool is_final(enum mypage_status status)
{
    return status == MYPAGE_COMPLETED || status == MYPAGE_CANCELED;
}

/* Hands over all events, the next of a producer chosen by chance; now and then a producer goes back and repeats some.
 */
static void tell_in_any_interleaving(const struct life *life, uint64_t *seed, struct page_with_room *to)
{
    size_t next[MYPAGE_PRODUCER_COUNT] = {0};
    size_t left = 0;

    *to = (struct page_with_room){.page = {.id = 42}};
    for (size_t i = 0; i < MYPAGE_PRODUCER_COUNT; i++)
        left += life->told[i].n;
    while (left) {
        size_t producer = next_random(seed) % MYPAGE_PRODUCER_COUNT;
        const struct story *story = &life->told[producer];
        if (next[producer] && next_random(seed) % 5 == 0) {
            size_t back = 1 + next_random(seed) % 3; /* on average it still gets on */
            back = back < next[producer] ? back : next[producer];
            left += back;
            next[producer] -= back;
        }
        if (next[producer] == story->n)
            continue;
        bool was_visible = mypage_is_visible(&to->page);
        enum mypage_status before = to->page.order_status;
        take(to, &story->event[next[producer]++]);
        left--;
        if (was_visible) {
            assert_true(mypage_is_visible(&to->page));
            assert_true(!is_final(before) || to->page.order_status == before);
        }
    }
}

static void assert_same(const struct mypage *a, const struct mypage *b)
{
    assert_int_equal(a->order_status, b->order_status);
    assert_int_equal(a->ticket_status, b->ticket_status);
    assert_int_equal(a->ticket_id, b->ticket_id);
    assert_int_equal(a->qty, b->qty);
    assert_true(str_eq(a->product_name, b->product_name));
    assert_memory_equal(a->seen, b->seen, sizeof(a->seen));
    assert_int_equal(a->n_timeline, b->n_timeline);
    for (size_t i = 0; i < a->n_timeline; i++) {
        assert_int_equal(a->timeline[i].at, b->timeline[i].at);
        assert_int_equal(a->timeline[i].version, b->timeline[i].version);
        assert_int_equal(a->timeline[i].fact, b->timeline[i].fact);
    }
}

static void assert_sorted_and_in_each_producers_order(const struct mypage *page)
{
    int64_t version[MYPAGE_PRODUCER_COUNT] = {0};

    for (size_t i = 0; i < page->n_timeline; i++) {
        enum mypage_producer producer = mypage_producer_of(page->timeline[i].fact);
        assert_true(i == 0 || page->timeline[i - 1].at <= page->timeline[i].at);
        assert_true(page->timeline[i].version > version[producer]);
        version[producer] = page->timeline[i].version;
    }
}

static void the_page_does_not_depend_on_the_interleaving(void **state)
{
    uint64_t seed = 0x5eed;
    UNUSED(state);

    for (size_t round = 0; round < ROUNDS; round++) {
        struct life life = any_life(&seed);
        struct page_with_room first, other;
        tell_in_any_interleaving(&life, &seed, &first);
        assert_sorted_and_in_each_producers_order(&first.page);
        for (size_t again = 0; again < 8; again++) {
            tell_in_any_interleaving(&life, &seed, &other);
            assert_same(&first.page, &other.page);
        }
    }
}

static void shuffle(const struct mypage_event **events, size_t n, uint64_t *seed)
{
    for (size_t i = n; i > 1; i--) {
        size_t other = next_random(seed) % i;
        const struct mypage_event *event = events[i - 1];
        events[i - 1] = events[other];
        events[other] = event;
    }
}

/* Some can't be read at first, and are told again in any order when all the others have come. */
static void tell_with_some_put_aside(const struct life *life, uint64_t *seed, struct page_with_room *to)
{
    const struct mypage_event *aside[MYPAGE_PRODUCER_COUNT * COUNT_OF(life->told[0].event)];
    size_t n = 0;

    *to = (struct page_with_room){.page = {.id = 42}};
    for (size_t producer = 0; producer < MYPAGE_PRODUCER_COUNT; producer++) {
        for (size_t i = 0; i < life->told[producer].n; i++) {
            if (next_random(seed) % 3 == 0)
                aside[n++] = &life->told[producer].event[i];
            else
                take(to, &life->told[producer].event[i]);
        }
    }
    shuffle(aside, n, seed);
    for (size_t i = 0; i < n; i++)
        assert_true(take(to, aside[i]));
    for (size_t i = 0; i < n; i++)
        assert_false(take(to, aside[i])); /* twice is harmless */
}

static void what_was_put_aside_takes_its_place_when_it_is_tried_again(void **state)
{
    UNUSED(state);
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        uint64_t chance = seed;
        struct page_with_room told, put_aside;
        struct life life = any_life(&chance);
        tell_in_any_interleaving(&life, &chance, &told);
        tell_with_some_put_aside(&life, &chance, &put_aside);
        assert_same(&told.page, &put_aside.page);
    }
}

static void a_timeline_that_is_too_long_keeps_its_beginning_and_its_end_in_any_interleaving(void **state)
{
    uint64_t seed = 0xcafe;
    struct life life = {.clock = 1000};
    struct page_with_room first, other;
    UNUSED(state);

    happens(&life, MYPAGE_FACT_ORDERED, 1);
    for (size_t i = 0; i < 150; i++) {
        happens(&life, MYPAGE_FACT_RAN_OUT, 1);
        happens(&life, i % 2 ? MYPAGE_FACT_REDUCED : MYPAGE_FACT_RELEASED, 1);
        happens(&life, MYPAGE_FACT_REQUEUED, 1);
    }
    happens(&life, MYPAGE_FACT_PRODUCT_CANCELED, 1);
    happens(&life, MYPAGE_FACT_ORDER_CANCELED, 1);
    tell_in_any_interleaving(&life, &seed, &first);
    assert_int_equal(first.page.n_timeline, MYPAGE_TIMELINE_MAX);
    assert_int_equal(first.page.timeline[0].fact, MYPAGE_FACT_ORDERED);
    assert_int_equal(first.page.timeline[MYPAGE_TIMELINE_FIRST - 1].at, 1001 + MYPAGE_TIMELINE_FIRST - 1);
    assert_int_equal(first.page.timeline[MYPAGE_TIMELINE_MAX - 1].fact, MYPAGE_FACT_ORDER_CANCELED);
    assert_int_equal(first.page.timeline[MYPAGE_TIMELINE_FIRST].at,
                     life.clock - (MYPAGE_TIMELINE_MAX - MYPAGE_TIMELINE_FIRST - 1));
    for (size_t again = 0; again < 50; again++) {
        tell_in_any_interleaving(&life, &seed, &other);
        assert_same(&first.page, &other.page);
    }
}

static struct mypage_event simple(enum mypage_fact fact, int64_t at, int64_t version)
{
    return (struct mypage_event){
        .fact = fact, .at = at, .version = version, .product_name = STR("Tea"), .qty = 1, .ticket_id = 9};
}

static void apply(struct page_with_room *to, enum mypage_fact fact, int64_t at, int64_t version)
{
    struct mypage_event event = simple(fact, at, version);

    assert_true(take(to, &event));
}

static void what_product_tells_of_an_order_not_heard_of_yet_is_kept_but_not_shown(void **state)
{
    struct page_with_room to = {.page = {.id = 1}};
    UNUSED(state);

    apply(&to, MYPAGE_FACT_STARTED, 20, 2);
    assert_false(mypage_is_visible(&to.page));
    apply(&to, MYPAGE_FACT_ORDERED, 10, 1);
    assert_true(mypage_is_visible(&to.page));
    assert_int_equal(to.page.order_status, MYPAGE_PRODUCING);
    assert_int_equal(to.page.timeline[0].fact, MYPAGE_FACT_ORDERED);
}

static void an_order_is_canceled_when_order_says_so_not_when_product_does(void **state)
{
    struct page_with_room to = {.page = {.id = 1}};
    UNUSED(state);

    apply(&to, MYPAGE_FACT_ORDERED, 10, 1);
    apply(&to, MYPAGE_FACT_PRODUCT_CANCELED, 20, 2);
    assert_int_equal(to.page.order_status, MYPAGE_REQUESTED);
    assert_int_equal(to.page.ticket_status, MYPAGE_CANCELED);
    apply(&to, MYPAGE_FACT_ORDER_CANCELED, 21, 2);
    assert_int_equal(to.page.order_status, MYPAGE_CANCELED);
}

static void a_canceled_order_stays_canceled_when_older_news_of_product_come_late(void **state)
{
    struct page_with_room to = {.page = {.id = 1}};
    UNUSED(state);

    apply(&to, MYPAGE_FACT_ORDERED, 10, 1);
    apply(&to, MYPAGE_FACT_ORDER_CANCELED, 40, 2);
    apply(&to, MYPAGE_FACT_RAN_OUT, 20, 2);
    assert_int_equal(to.page.order_status, MYPAGE_CANCELED);
    assert_int_equal(to.page.ticket_status, MYPAGE_OUT_OF_STOCK);
    assert_int_equal(to.page.timeline[1].fact, MYPAGE_FACT_RAN_OUT);
}

static void an_order_taken_up_again_is_requested_and_its_ticket_ready(void **state)
{
    struct page_with_room to = {.page = {.id = 1}};
    UNUSED(state);

    apply(&to, MYPAGE_FACT_ORDERED, 10, 1);
    assert_int_equal(to.page.ticket_status, MYPAGE_KEEP);
    apply(&to, MYPAGE_FACT_RAN_OUT, 20, 2);
    assert_int_equal(to.page.order_status, MYPAGE_OUT_OF_STOCK);
    apply(&to, MYPAGE_FACT_REQUEUED, 30, 3);
    assert_int_equal(to.page.order_status, MYPAGE_REQUESTED);
    assert_int_equal(to.page.ticket_status, MYPAGE_READY);
}

static void a_type_with_a_reason_is_a_fact_of_its_own(void **state)
{
    enum mypage_fact fact;

    UNUSED(state);
    assert_true(mypage_fact_of(MYPAGE_PRODUCT, STR("ProductCanceled"), STR(""), &fact));
    assert_int_equal(fact, MYPAGE_FACT_PRODUCT_CANCELED);
    assert_true(mypage_fact_of(MYPAGE_PRODUCT, STR("ProductCanceled"), STR("Out of stock"), &fact));
    assert_int_equal(fact, MYPAGE_FACT_GIVEN_UP);
    assert_true(mypage_fact_of(MYPAGE_ORDER, STR("OrderCanceled"), STR("Out of stock"), &fact));
    assert_int_equal(fact, MYPAGE_FACT_ORDER_GIVEN_UP);
    assert_true(mypage_fact_of(MYPAGE_ORDER, STR("OrderCanceled"), STR("Fire"), &fact)); /* of a newer producer's */
    assert_int_equal(fact, MYPAGE_FACT_ORDER_CANCELED);
    assert_false(mypage_fact_of(MYPAGE_ORDER, STR("ProductCanceled"), STR("Out of stock"), &fact));
}

static void an_order_that_is_given_up_is_canceled_and_says_why(void **state)
{
    struct page_with_room to = {.page = {.id = 1}};
    UNUSED(state);

    apply(&to, MYPAGE_FACT_ORDERED, 10, 1);
    apply(&to, MYPAGE_FACT_RAN_OUT, 20, 2);
    apply(&to, MYPAGE_FACT_GIVEN_UP, 30, 3);
    assert_int_equal(to.page.ticket_status, MYPAGE_CANCELED);
    assert_int_equal(to.page.order_status, MYPAGE_OUT_OF_STOCK);
    apply(&to, MYPAGE_FACT_ORDER_GIVEN_UP, 31, 2);
    assert_int_equal(to.page.order_status, MYPAGE_CANCELED);
    assert_true(str_is(mypage_fact_reason(to.page.timeline[3].fact), "Out of stock"));
    assert_int_equal(mypage_fact_status(to.page.timeline[3].fact), MYPAGE_CANCELED);
}

static void what_payment_tells_is_what_is_shown_as_paid_or_given_back(void **state)
{
    struct page_with_room to = {.page = {.id = 1}};
    UNUSED(state);

    apply(&to, MYPAGE_FACT_ORDERED, 10, 1);
    assert_int_equal(to.page.payment_status, MYPAGE_KEEP);
    apply(&to, MYPAGE_FACT_PAID, 11, 1);
    assert_int_equal(to.page.payment_status, MYPAGE_PAID);
    apply(&to, MYPAGE_FACT_REFUNDED, 12, 2);
    assert_int_equal(to.page.payment_status, MYPAGE_REFUNDED);
    assert_int_equal(to.page.order_status, MYPAGE_REQUESTED); /* order itself says that it is cancelled */
}

static void an_event_that_was_taken_before_changes_nothing(void **state)
{
    struct page_with_room to = {.page = {.id = 1}};
    struct mypage_event again = simple(MYPAGE_FACT_STARTED, 20, 2);
    UNUSED(state);

    apply(&to, MYPAGE_FACT_ORDERED, 10, 1);
    apply(&to, MYPAGE_FACT_STARTED, 20, 2);
    apply(&to, MYPAGE_FACT_PRODUCED, 30, 3);
    assert_false(take(&to, &again));
    assert_int_equal(to.page.order_status, MYPAGE_COMPLETED);
    assert_int_equal(to.page.n_timeline, 3);
}

static void a_producer_whose_clock_was_set_back_still_tells_its_story_in_order(void **state)
{
    struct page_with_room to = {.page = {.id = 1}};
    UNUSED(state);

    apply(&to, MYPAGE_FACT_ORDERED, 10, 1);
    apply(&to, MYPAGE_FACT_STARTED, 50, 2);
    apply(&to, MYPAGE_FACT_PRODUCED, 30, 3);
    assert_int_equal(to.page.timeline[1].fact, MYPAGE_FACT_STARTED);
    assert_int_equal(to.page.timeline[2].fact, MYPAGE_FACT_PRODUCED);
    assert_int_equal(to.page.timeline[2].at, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_does_not_depend_on_the_interleaving),
        cmocka_unit_test(what_was_put_aside_takes_its_place_when_it_is_tried_again),
        cmocka_unit_test(a_timeline_that_is_too_long_keeps_its_beginning_and_its_end_in_any_interleaving),
        cmocka_unit_test(what_product_tells_of_an_order_not_heard_of_yet_is_kept_but_not_shown),
        cmocka_unit_test(an_order_is_canceled_when_order_says_so_not_when_product_does),
        cmocka_unit_test(a_canceled_order_stays_canceled_when_older_news_of_product_come_late),
        cmocka_unit_test(an_order_taken_up_again_is_requested_and_its_ticket_ready),
        cmocka_unit_test(a_type_with_a_reason_is_a_fact_of_its_own),
        cmocka_unit_test(an_order_that_is_given_up_is_canceled_and_says_why),
        cmocka_unit_test(what_payment_tells_is_what_is_shown_as_paid_or_given_back),
        cmocka_unit_test(an_event_that_was_taken_before_changes_nothing),
        cmocka_unit_test(a_producer_whose_clock_was_set_back_still_tells_its_story_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
