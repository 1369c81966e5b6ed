/* Commands made of other services' events: what they keep of the event outlives it. */
#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "event_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct own_command {
    struct command base;
    struct str name, remark;
};

static const char event_text[] = "{\"name\":\"Latte\",\"remark\":\"caf\\u00e9\"}";

/* The event in memory that is gone afterwards, as the feed's is. */
static char *copy_of_event(void)
{
    char *copy = heap_alloc(sizeof(event_text));

    assert_non_null(copy);
    memcpy(copy, event_text, sizeof(event_text));
    return copy;
}

static void a_command_keeps_the_texts_of_its_event(void **state)
{
    char *memory = copy_of_event();
    struct str event = str_of(memory);
    struct command *command = event_command_new(sizeof(struct own_command), 3, event);
    UNUSED(state);

    assert_non_null(command);
    struct own_command *own = CONTAINER_OF(command, struct own_command, base);
    own->name = event_command_keep(command, event, (struct str){event.p + 9, 5});
    own->remark = event_command_keep(command, event, STR("caf\xc3\xa9")); /* decoded, so it lies elsewhere */
    memset(memory, '#', event.n);
    heap_free(memory);

    assert_true(str_is(own->name, "Latte"));
    assert_true(str_is(own->remark, "caf\xc3\xa9"));
    assert_true(str_is(command->frame, event_text));
    assert_int_equal(command->origin, FROM_FEED);
    assert_int_equal(command->source, 3);
    command->finish(command, OK);
}

static void what_the_event_does_not_say_stays_empty(void **state)
{
    struct command *command = event_command_new(sizeof(struct own_command), 0, STR(event_text));
    UNUSED(state);

    assert_non_null(command);
    assert_int_equal(event_command_keep(command, STR(event_text), (struct str){NULL, 0}).n, 0);
    command->finish(command, E_CLOSING);
}

static void without_memory_there_is_no_command(void **state)
{
    UNUSED(state);
    heap_fail_at(1);
    assert_null(event_command_new(sizeof(struct own_command), 0, STR(event_text)));
    heap_fail_at(0);
}

static void want_of_memory_is_told_from_an_event_that_can_not_be_read(void **state)
{
    const struct json_error no_memory = {.kind = JSON_NO_MEMORY};
    const struct json_error malformed = {.kind = JSON_MALFORMED};
    UNUSED(state);

    /* By address: that is how the follower knows it. */
    assert_ptr_equal(event_command_reason(&no_memory, "unreadable"), error_text(E_MEMORY));
    assert_string_equal(event_command_reason(&malformed, "unreadable"), "unreadable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_keeps_the_texts_of_its_event),
        cmocka_unit_test(what_the_event_does_not_say_stays_empty),
        cmocka_unit_test(without_memory_there_is_no_command),
        cmocka_unit_test(want_of_memory_is_told_from_an_event_that_can_not_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
