/* Signatures of messages: what is signed, what is believed, and where the secret comes from. */
#include "alloc.h"
#include "scratch.h"
#include "signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { NOW = 1764406800, TOLERANCE = 300 };

static const struct str secret = STR_INIT("0123456789abcdef0123456789abcdef");
static const struct str body = STR_INIT("{\"paymentId\":17}");

static int make_key(void **state)
{
    struct buf problem = {0};

    *state = signing_key_from_text(secret, &problem);
    assert_non_null(*state);
    return 0;
}

static int free_key(void **state)
{
    signing_key_free(*state);
    return 0;
}

static enum signature_verdict check(void **state, const char *value, struct str text)
{
    return signature_check(*state, str_of(value), text, NOW, TOLERANCE);
}

static struct buf sign(void **state, int64_t at)
{
    struct buf value = {0};

    signature_write(*state, at, body, &value);
    buf_char(&value, '\0');
    assert_false(value.failed);
    return value;
}

/* Made by: printf '1764406800.{"paymentId":17}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef */
static const char known[] = "t=1764406800,v1=2f8be4d2d5a1c74fc78a1ba7093877198ef23e4198024ad370a885b91cd79756";

static void a_signature_is_the_code_of_time_stamp_and_body(void **state)
{
    struct buf value = sign(state, NOW);

    assert_string_equal(value.p, known);
    assert_int_equal(check(state, value.p, body), SIGNATURE_GOOD);
    buf_free(&value);
}

static void the_code_is_that_of_rfc_4231(void **state)
{
    /* test case 6: a key longer than a block; the data in two parts */
    static const unsigned char expected[SIGNING_DIGEST] = {
        0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f, 0x0d, 0x8a, 0x26, 0xaa, 0xcb, 0xf5, 0xb7, 0x7f,
        0x8e, 0x0b, 0xc6, 0x21, 0x37, 0x28, 0xc5, 0x14, 0x05, 0x46, 0x04, 0x0f, 0x0e, 0xe3, 0x7f, 0x54};
    const struct str parts[] = {STR("Test Using Larger Than Block-Size Key"), STR(" - Hash Key First")};
    unsigned char code[SIGNING_DIGEST];
    char text[131];
    struct buf problem = {0};

    memset(text, 0xaa, sizeof(text));
    struct signing_key *key = signing_key_from_text((struct str){text, sizeof(text)}, &problem);
    assert_non_null(key);
    signing_key_digest(key, parts, COUNT_OF(parts), code);
    assert_memory_equal(code, expected, sizeof(code));
    signing_key_free(key);
    UNUSED(state);
}

static void another_body_time_or_digit_is_wrong(void **state)
{
    struct buf value = sign(state, NOW);

    assert_int_equal(check(state, value.p, STR("{\"paymentId\":18}")), SIGNATURE_WRONG);
    assert_int_equal(check(state, value.p, STR("")), SIGNATURE_WRONG);
    for (size_t i = 2; i < value.n - 1; i++) {
        char was = value.p[i];
        if (was == ',' || was == '=' || was == 'v' || i == strlen("t=1764406800,v"))
            continue;
        value.p[i] = was == '1' ? '2' : '1';
        assert_int_equal(check(state, value.p, body), SIGNATURE_WRONG);
        value.p[i] = was;
    }
    buf_free(&value);
}

static void a_signature_of_another_secret_is_wrong(void **state)
{
    struct buf problem = {0};
    struct buf value = {0};
    struct signing_key *other = signing_key_from_text(STR("0123456789abcdef0123456789abcdeF"), &problem);

    signature_write(other, NOW, body, &value);
    buf_char(&value, '\0');
    assert_int_equal(check(state, value.p, body), SIGNATURE_WRONG);
    signing_key_free(other);
    buf_free(&value);
}

static void a_time_stamp_is_believed_within_the_tolerance_on_both_sides(void **state)
{
    static const struct {
        int64_t at;
        enum signature_verdict verdict;
    } cases[] = {{NOW - TOLERANCE, SIGNATURE_GOOD},    {NOW + TOLERANCE, SIGNATURE_GOOD},
                 {NOW - TOLERANCE - 1, SIGNATURE_OLD}, {NOW + TOLERANCE + 1, SIGNATURE_OLD},
                 {INT64_MIN, SIGNATURE_OLD},           {INT64_MAX, SIGNATURE_OLD}};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf value = sign(state, cases[i].at);
        assert_int_equal(check(state, value.p, body), cases[i].verdict);
        buf_free(&value);
    }
}

static void what_is_no_signature_is_missing(void **state)
{
    static const char *const values[] = {"",
                                         ",",
                                         "t=1764406800",
                                         "v1=00",
                                         "nonsense",
                                         "t=,v1=",
                                         "t=1764406800,v1=zz",
                                         "t=x,v1="
                                         "0000000000000000000000000000000000000000000000000000000000000000",
                                         "v1="
                                         "0000000000000000000000000000000000000000000000000000000000000000"};

    for (size_t i = 0; i < COUNT_OF(values); i++)
        assert_int_equal(check(state, values[i], body), SIGNATURE_MISSING);
}

static void while_a_secret_is_changed_one_of_two_codes_is_enough(void **state)
{
    struct buf value = {0};
    struct buf right = sign(state, NOW);

    buf_printf(&value, "t=1764406800, v1=%064d, %s", 0, strchr(right.p, ',') + 1);
    buf_char(&value, '\0');
    assert_int_equal(check(state, value.p, body), SIGNATURE_GOOD);
    buf_free(&value);
    buf_printf(&value, "%s,t=1764406801", right.p); /* two times: which one was signed? */
    buf_char(&value, '\0');
    assert_int_equal(check(state, value.p, body), SIGNATURE_MISSING);
    buf_free(&value);
    buf_free(&right);
}

static void write_secret(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void assert_refused(const char *path, const char *sentence)
{
    struct buf problem = {0};

    assert_null(signing_key_from_file(path, &problem));
    buf_char(&problem, '\0');
    assert_non_null(strstr(problem.p, sentence));
    assert_null(strstr(problem.p, "0123456789"));
    buf_free(&problem);
}

static void a_secret_is_read_from_a_file_of_its_owners(void **state)
{
    struct scratch scratch;
    char path[SCRATCH_PATH_SIZE];
    struct buf problem = {0};
    struct buf value = {0};

    scratch_make(&scratch);
    scratch_path(&scratch, "secret", path);
    write_secret(path, "0123456789abcdef0123456789abcdef\n", 0600);
    struct signing_key *key = signing_key_from_file(path, &problem);
    assert_non_null(key);
    signature_write(key, NOW, body, &value);
    buf_char(&value, '\0');
    assert_int_equal(check(state, value.p, body), SIGNATURE_GOOD); /* the line's end doesn't count */
    signing_key_free(key);
    write_secret(path, "0123456789abcdef0123456789abcdef\n", 0604);
    assert_refused(path, "can be read by everybody");
    write_secret(path, "0123456789abcdef\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n", 0600);
    assert_refused(path, "has to be of 32..1024 bytes");
    assert_refused(scratch.dir, "is no file");
    assert_refused("/nowhere/secret", "can't be read");
    scratch_remove(&scratch);
    buf_free(&value);
}

/* The mapping's flags say it: "dd" in smaps is VM_DONTDUMP. */
static void the_key_is_no_part_of_a_core_dump(void **state)
{
    char line[512];
    bool inside = false;
    bool found = false;
    FILE *maps = fopen("/proc/self/smaps", "r");

    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        char *end;
        unsigned long from = strtoul(line, &end, 16);
        if (end > line && *end == '-') /* "from-to rw-p …" */
            inside = (unsigned long)*state >= from && (unsigned long)*state < strtoul(end + 1, NULL, 16);
        if (inside && strncmp(line, "VmFlags:", strlen("VmFlags:")) == 0)
            found = strstr(line, " dd") != NULL;
    }
    assert_int_equal(fclose(maps), 0);
    assert_true(found);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_key, free_key)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_signature_is_the_code_of_time_stamp_and_body),
        TEST(the_code_is_that_of_rfc_4231),
        TEST(another_body_time_or_digit_is_wrong),
        TEST(a_signature_of_another_secret_is_wrong),
        TEST(a_time_stamp_is_believed_within_the_tolerance_on_both_sides),
        TEST(what_is_no_signature_is_missing),
        TEST(while_a_secret_is_changed_one_of_two_codes_is_enough),
        TEST(a_secret_is_read_from_a_file_of_its_owners),
        TEST(the_key_is_no_part_of_a_core_dump),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
