#include "provider_name.h"

#include "base.h"

#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>

struct provider_name provider_name_of(int64_t payment_id, struct str key)
{
    static const char digits[] = "0123456789abcdef";
    struct provider_name name;
    struct sha256_ctx context;
    uint8_t digest[PROVIDER_NAME_DIGITS / 2];

    ASSERT(payment_id > 0);
    sha256_init(&context);
    if (key.n > 0)
        sha256_update(&context, key.n, (const uint8_t *)key.p);
    sha256_digest(&context, sizeof(digest), digest);
    size_t n = (size_t)snprintf(name.text, sizeof(name.text), "%" PRId64 "-", payment_id);
    for (size_t i = 0; i < sizeof(digest); i++) {
        name.text[n++] = digits[digest[i] >> 4];
        name.text[n++] = digits[digest[i] & 15];
    }
    name.text[n] = '\0';
    return name;
}

int64_t provider_name_number(struct str name)
{
    struct str rest;
    int64_t number;

    if (!str_to_i64(str_split(name, '-', &rest), &number) || number < 1)
        return 0;
    return number;
}
