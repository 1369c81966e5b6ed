/* The tickets for which stock is being asked. */
#include "ask_table.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "product_app.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ROOM = 4 };
static const int64_t ms = 1000;

static struct ticket a_ticket(int64_t id)
{
    return (struct ticket){.id = id, .state = TICKET_READY, .product_name = STR("Latte"), .qty = 1, .attempt = 1};
}

static int open_table(void **state)
{
    struct ask_table *table = test_calloc(1, sizeof(*table));

    assert_int_equal(ask_table_init(table, ROOM), OK);
    *state = table;
    return 0;
}

static int close_table(void **state)
{
    heap_fail_at(0);
    ask_table_free(*state);
    test_free(*state);
    return 0;
}

static struct ask *add(struct ask_table *table, int64_t id)
{
    struct ticket ticket = a_ticket(id);

    return ask_table_add(table, &ticket);
}

static void a_ticket_is_found_until_it_is_removed(void **state)
{
    struct ask_table *table = *state;

    assert_null(ask_table_find(table, 7));
    struct ask *ask = add(table, 7);
    assert_non_null(ask);
    assert_ptr_equal(ask_table_find(table, 7), ask);
    assert_null(ask_table_find(table, 8));
    assert_int_equal(table->n, 1);
    ask_table_remove(table, ask);
    assert_null(ask_table_find(table, 7));
    assert_int_equal(table->n, 0);
}

static void there_is_room_for_so_many_and_again_when_one_has_gone(void **state)
{
    struct ask_table *table = *state;

    for (int64_t id = 1; id <= ROOM; id++)
        assert_non_null(add(table, id));
    assert_null(add(table, ROOM + 1));
    ask_table_remove(table, ask_table_find(table, 2));
    assert_non_null(add(table, ROOM + 1));
    for (int64_t id = 1; id <= ROOM + 1; id++)
        assert_int_equal(ask_table_find(table, id) != NULL, id != 2);
}

static void an_ask_has_its_own_copy_of_the_name(void **state)
{
    char name[] = "Latte";
    struct ticket ticket = a_ticket(7);

    ticket.product_name = str_of(name);
    struct ask *ask = ask_table_add(*state, &ticket);
    name[0] = 'M';
    assert_true(str_is(ask->ticket.product_name, "Latte"));
    ticket.attempt = 2;
    ask_renew(ask, &ticket);
    assert_true(str_is(ask->ticket.product_name, "Latte"));
    assert_int_equal(ask->ticket.attempt, 2);
}

static void a_retry_waits_longer_each_time_up_to_five_seconds(void **state)
{
    static const int64_t pauses[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    struct ask_table *table = *state;
    struct ask *ask = add(table, 7);
    int64_t now = 0;

    for (size_t i = 0; i < COUNT_OF(pauses); i++) {
        ask->in_flight = true;
        ask_table_retry(table, ask, now);
        assert_false(ask->in_flight);
        assert_null(ask_table_take_due(table, now + pauses[i] * ms / 2 - 1)); /* between half and all of the pause */
        now += pauses[i] * ms;
        assert_true(table->next_retry <= now);
        assert_ptr_equal(ask_table_take_due(table, now), ask);
        assert_null(ask_table_take_due(table, now)); /* once */
    }
}

static void what_is_in_flight_is_not_due(void **state)
{
    struct ask_table *table = *state;
    struct ask *first = add(table, 1);
    struct ask *second = add(table, 2);

    ask_table_retry(table, first, 0);
    ask_table_retry(table, second, 100 * ms);
    first->in_flight = true;
    assert_null(ask_table_take_due(table, 100 * ms));
    assert_int_equal(table->next_retry, second->retry_at);
    assert_ptr_equal(ask_table_take_due(table, 200 * ms), second);
}

static void those_who_failed_together_do_not_come_back_together(void **state)
{
    struct ask_table *table = *state;
    struct ask *first = add(table, 1);
    struct ask *second = add(table, 2);

    ask_table_retry(table, first, 0);
    ask_table_retry(table, second, 0);
    assert_int_not_equal(first->retry_at, second->retry_at);
}

/* ---- clients that wait ---- */

struct client {
    struct product_command command;
    int finished, rc;
};

static void finish(struct command *self, int rc)
{
    struct client *client = CONTAINER_OF(self, struct client, command.base);

    client->finished++;
    client->rc = rc;
}

static void a_key_is_held_while_its_client_waits(void **state)
{
    struct ask_table *table = *state;
    struct client one = {.command = {.client.key = STR("a")}};
    struct client other = {.command = {.client.key = STR("b"), .also = &one.command}};

    add(table, 6);
    add(table, 7)->waiting = &other.command;
    assert_true(ask_table_holds_key(table, STR("a")));
    assert_true(ask_table_holds_key(table, STR("b")));
    assert_false(ask_table_holds_key(table, STR("c")));
}

static void everybody_who_waits_is_told_once_when_it_ends(void **state)
{
    struct ask_table *table = *state;
    struct client clients[3] = {0};

    for (size_t i = 0; i < 3; i++)
        clients[i].command.base.finish = finish;
    clients[0].command.also = &clients[1].command;
    add(table, 1)->waiting = &clients[0].command;
    add(table, 2)->waiting = &clients[2].command;
    ask_table_finish_all(table, E_CLOSING);
    ask_table_finish_all(table, E_CLOSING);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(clients[i].finished, 1);
        assert_int_equal(clients[i].rc, E_CLOSING);
    }
}

static void without_memory_for_the_name_nothing_is_added(void **state)
{
    struct ask_table *table = *state;

    heap_fail_at(1);
    assert_null(add(table, 7));
    heap_fail_at(0);
    assert_null(ask_table_find(table, 7));
    for (int64_t id = 1; id <= ROOM; id++)
        assert_non_null(add(table, id)); /* no room was lost */
}

static void without_memory_there_is_no_table(void **state)
{
    UNUSED(state);
    for (uint64_t nth = 1; nth <= 2; nth++) {
        struct ask_table table;
        heap_fail_at(nth);
        assert_int_equal(ask_table_init(&table, ROOM), E_MEMORY);
        heap_fail_at(0);
        ask_table_free(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_ticket_is_found_until_it_is_removed, open_table, close_table),
        cmocka_unit_test_setup_teardown(there_is_room_for_so_many_and_again_when_one_has_gone, open_table, close_table),
        cmocka_unit_test_setup_teardown(an_ask_has_its_own_copy_of_the_name, open_table, close_table),
        cmocka_unit_test_setup_teardown(a_retry_waits_longer_each_time_up_to_five_seconds, open_table, close_table),
        cmocka_unit_test_setup_teardown(what_is_in_flight_is_not_due, open_table, close_table),
        cmocka_unit_test_setup_teardown(those_who_failed_together_do_not_come_back_together, open_table, close_table),
        cmocka_unit_test_setup_teardown(a_key_is_held_while_its_client_waits, open_table, close_table),
        cmocka_unit_test_setup_teardown(everybody_who_waits_is_told_once_when_it_ends, open_table, close_table),
        cmocka_unit_test_setup_teardown(without_memory_for_the_name_nothing_is_added, open_table, close_table),
        cmocka_unit_test(without_memory_there_is_no_table),
    };

    return cmocka_run_group_tests_name("ask_table", tests, NULL, NULL);
}
