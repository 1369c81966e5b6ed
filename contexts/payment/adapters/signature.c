#include "signature.h"

#include <nettle/memops.h>

enum { MOST_CODES = 4 }; /* of a header: nobody changes a secret more often */

static void digest(const struct signing_key *key, struct str at, struct str body, unsigned char out[SIGNING_DIGEST])
{
    const struct str parts[] = {at, STR("."), body};

    signing_key_digest(key, parts, COUNT_OF(parts), out);
}

void signature_write(const struct signing_key *key, int64_t at, struct str body, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char code[SIGNING_DIGEST];
    struct buf time = {0};

    buf_i64(&time, at);
    digest(key, buf_str(&time), body, code);
    BUF_LIT(out, "t=");
    buf_add(out, buf_str(&time));
    BUF_LIT(out, ",v1=");
    for (size_t i = 0; i < sizeof(code); i++) {
        buf_char(out, digits[code[i] >> 4]);
        buf_char(out, digits[code[i] & 15]);
    }
    out->failed |= time.failed;
    buf_free(&time);
}

static bool read_code(struct str text, unsigned char out[SIGNING_DIGEST])
{
    if (text.n != (size_t)2 * SIGNING_DIGEST)
        return false;
    for (size_t i = 0; i < SIGNING_DIGEST; i++) {
        int high = str_hex_digit(text.p[2 * i]);
        int low = str_hex_digit(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high * 16 + low);
    }
    return true;
}

struct claim {
    struct str at_text; /* as it was signed */
    int64_t at;
    unsigned char codes[MOST_CODES][SIGNING_DIGEST];
    size_t n;
};

static bool read_claim(struct str value, struct claim *claim)
{
    *claim = (struct claim){.n = 0};
    while (value.n > 0) {
        struct str text;
        struct str name = str_trim(str_split(str_split(value, ',', &value), '=', &text));
        text = str_trim(text);
        if (str_is(name, "t") && !claim->at_text.p && str_to_i64(text, &claim->at))
            claim->at_text = text;
        else if (str_is(name, "v1") && claim->n < MOST_CODES && read_code(text, claim->codes[claim->n]))
            claim->n++;
        else if (str_is(name, "t") || str_is(name, "v1"))
            return false;
    }
    return claim->at_text.p && claim->n > 0;
}

enum signature_verdict signature_check(const struct signing_key *key, struct str value, struct str body, int64_t now,
                                       int64_t tolerance)
{
    unsigned char right[SIGNING_DIGEST];
    struct claim claim;
    int64_t age;
    int is_right = 0;

    if (!read_claim(value, &claim))
        return SIGNATURE_MISSING;
    digest(key, claim.at_text, body, right);
    for (size_t i = 0; i < claim.n; i++)
        is_right |= memeql_sec(right, claim.codes[i], SIGNING_DIGEST);
    if (!is_right)
        return SIGNATURE_WRONG;
    if (__builtin_sub_overflow(now, claim.at, &age) || age > tolerance || age < -tolerance)
        return SIGNATURE_OLD;
    return SIGNATURE_GOOD;
}

const char *signature_verdict_text(enum signature_verdict verdict)
{
    static const char *const texts[] = {
        [SIGNATURE_GOOD] = "is right",
        [SIGNATURE_MISSING] = "is missing or can't be read: t=<seconds>,v1=<64 hexadecimal digits>",
        [SIGNATURE_WRONG] = "is not the one of this time stamp and body",
        [SIGNATURE_OLD] = "has a time stamp that is too far from now",
    };

    return texts[verdict];
}
