/* What clients are sent for their commands, over real HTTP. */
#include "alloc.h"
#include "client_answer.h"
#include "errors.h"
#include "hal.h"
#include "http_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

struct thing {
    int64_t id;
};
static const struct json_field thing_fields[] = {JSON_FIELD(struct thing, "id", id, JSON_I64, 0, 0, 0)};
static const struct json_desc thing_desc = {"thing", thing_fields, COUNT_OF(thing_fields), sizeof(struct thing)};
static const struct hal_type thing_type = {&thing_desc, "things", "thing", offsetof(struct thing, id)};

static const struct route routes[] = {{HTTP_POST, "/things", http_bench_hold, .doc = "Kept for the test."},
                                      {.path = NULL}};

static const char post[] = "POST /things HTTP/1.1\r\nHost: here\r\nIdempotency-Key: k1\r\n"
                           "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/* A POST that is being worked on, its answer filled in: 201 with a Location. */
struct exchange_at_hand {
    struct http_bench bench;
    struct http_request *request;
    int fd;
    struct raw_answer answer;
};

static void begin_with(struct exchange_at_hand *self, const char *asked)
{
    const struct thing thing = {7};
    struct http_settings settings = http_bench_settings();

    *self = (struct exchange_at_hand){.fd = -1};
    http_bench_start(&self->bench, &settings, routes);
    self->fd = raw_connect(self->bench.port);
    raw_say(self->fd, asked);
    http_bench_take(&self->bench, &self->request, 1);
    hal_fill_entity(self->request, 201, &thing_type, &thing);
}

static void begin(struct exchange_at_hand *self)
{
    begin_with(self, post);
}

static void end(struct exchange_at_hand *self)
{
    close(self->fd);
    http_bench_stop(&self->bench);
}

static void what_was_done_is_said_with_where_it_is(void **state)
{
    struct exchange_at_hand self;
    UNUSED(state);

    begin(&self);
    client_answer_send(self.request, OK, &(struct client_request){0}, NULL);
    raw_hear(self.fd, &self.answer, false);
    assert_int_equal(self.answer.status, 201);
    assert_string_equal(raw_header(&self.answer, "Location"), "http://here/things/7");
    end(&self);
}

static void what_was_not_committed_is_nowhere(void **state)
{
    struct exchange_at_hand self;
    UNUSED(state);

    begin(&self);
    client_answer_send(self.request, E_FULL, &(struct client_request){0}, NULL);
    raw_hear(self.fd, &self.answer, false);
    assert_int_equal(self.answer.status, 503);
    assert_null(raw_header(&self.answer, "Location"));
    assert_string_equal(raw_header(&self.answer, "Retry-After"), "1");
    end(&self);
}

static void what_may_have_been_committed_is_said_as_unknown_never_as_not_done(void **state)
{
    struct exchange_at_hand self;
    UNUSED(state);

    begin(&self);
    client_answer_send(self.request, E_OUTCOME_UNKNOWN, &(struct client_request){0}, NULL);
    raw_hear(self.fd, &self.answer, false);
    assert_int_equal(self.answer.status, 503);
    assert_string_equal(raw_header(&self.answer, "Retry-After"), "1");
    assert_non_null(strstr(self.answer.body, "{\"type\":\"outcome-unknown\","));
    assert_non_null(strstr(self.answer.body, "it is not known whether it was done; repeat it with the same "
                                             "Idempotency-Key"));
    end(&self);
}

static void nobody_is_told_to_repeat_a_key_that_was_not_sent(void **state)
{
    struct exchange_at_hand self;
    UNUSED(state);

    begin_with(&self,
               "POST /things HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    client_answer_send(self.request, E_OUTCOME_UNKNOWN, &(struct client_request){0}, NULL);
    raw_hear(self.fd, &self.answer, false);
    assert_non_null(strstr(self.answer.body, "{\"type\":\"outcome-unknown\","));
    assert_null(strstr(self.answer.body, "Idempotency-Key"));
    end(&self);
}

static void a_key_used_before_gets_the_first_answer(void **state)
{
    struct exchange_at_hand self;
    struct client_request client = {0};
    const struct client_body body = {.n = 0};
    UNUSED(state);

    begin(&self);
    assert_true(client_read_key(self.request, &body, &client));
    assert_true(str_is(client.key, "POST /things k1"));
    const struct answer kept = client_answer_of(self.request);
    assert_int_equal(kept.status, 201);
    assert_true(str_is(kept.location, "/things/7"));
    assert_true(str_is(kept.body, "{\"id\":7,\"_links\":{\"self\":{\"href\":\"/things/7\"},"
                                  "\"thing\":{\"href\":\"/things/7\"}}}"));
    self.request->n_headers = 0;
    client.replayed = true;
    client.answer = (struct answer){201, STR("/things/3"), STR("{\"href\":\"/things/3\"}")};
    client_answer_send(self.request, OK, &client, NULL);
    raw_hear(self.fd, &self.answer, false);
    assert_int_equal(self.answer.status, 201);
    assert_string_equal(raw_header(&self.answer, "Location"), "http://here/things/3");
    assert_string_equal(self.answer.body, "{\"href\":\"http://here/things/3\"}");
    end(&self);
}

static void a_key_of_another_body_is_refused_and_one_in_progress_has_to_wait(void **state)
{
    struct exchange_at_hand self;
    UNUSED(state);

    begin(&self);
    client_answer_send(self.request, OK, &(struct client_request){.key_reused = true}, NULL);
    raw_hear(self.fd, &self.answer, false);
    assert_int_equal(self.answer.status, 422);
    raw_say(self.fd, post);
    http_bench_take(&self.bench, &self.request, 1);
    client_answer_send(self.request, OK, &(struct client_request){.key_in_progress = true}, NULL);
    raw_hear(self.fd, &self.answer, false);
    assert_int_equal(self.answer.status, 409);
    end(&self);
}

static void who_could_not_be_asked_may_be_asked_again_later(void **state)
{
    struct exchange_at_hand self;
    UNUSED(state);

    begin(&self);
    client_answer_unasked(self.request, NULL, 5, "stock can't be asked");
    raw_hear(self.fd, &self.answer, false);
    assert_int_equal(self.answer.status, 503);
    assert_string_equal(raw_header(&self.answer, "Retry-After"), "5");
    assert_null(raw_header(&self.answer, "Location"));
    end(&self);
}

static void half_an_answer_is_not_kept(void **state)
{
    struct exchange_at_hand self;
    UNUSED(state);

    begin(&self);
    self.request->reply.failed = true;
    assert_int_equal(client_answer_of(self.request).status, 0);
    client_answer_send(self.request, E_MEMORY, &(struct client_request){0}, NULL);
    raw_hear(self.fd, &self.answer, false);
    assert_int_equal(self.answer.status, 503);
    end(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_done_is_said_with_where_it_is),
        cmocka_unit_test(what_was_not_committed_is_nowhere),
        cmocka_unit_test(what_may_have_been_committed_is_said_as_unknown_never_as_not_done),
        cmocka_unit_test(nobody_is_told_to_repeat_a_key_that_was_not_sent),
        cmocka_unit_test(a_key_used_before_gets_the_first_answer),
        cmocka_unit_test(a_key_of_another_body_is_refused_and_one_in_progress_has_to_wait),
        cmocka_unit_test(who_could_not_be_asked_may_be_asked_again_later),
        cmocka_unit_test(half_an_answer_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
