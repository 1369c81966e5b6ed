#include "http_guard.h"

#include "base.h"

static const struct {
    struct str name;
    bool once;
} known[HTTP_HEADERS] = {
    [HTTP_HOST] = {STR_INIT("Host"), true},
    [HTTP_CONTENT_LENGTH] = {STR_INIT("Content-Length"), true},
    [HTTP_TRANSFER_ENCODING] = {STR_INIT("Transfer-Encoding"), true},
    [HTTP_CONTENT_TYPE] = {STR_INIT("Content-Type"), true},
    [HTTP_CONTENT_ENCODING] = {STR_INIT("Content-Encoding"), true},
    [HTTP_EXPECT] = {STR_INIT("Expect"), true},
    [HTTP_IDEMPOTENCY_KEY] = {STR_INIT("Idempotency-Key"), true},
    [HTTP_CORRELATION_ID] = {STR_INIT("X-Correlation-ID"), false},
    [HTTP_TRACEPARENT] = {STR_INIT("traceparent"), false},
    [HTTP_IF_NONE_MATCH] = {STR_INIT("If-None-Match"), false},
    [HTTP_IF_MATCH] = {STR_INIT("If-Match"), true},
    [HTTP_CALLER] = {STR_INIT("X-Caller"), true},
    [HTTP_LAST_EVENT_ID] = {STR_INIT("Last-Event-ID"), false},
    [HTTP_FEED_EPOCH] = {STR_INIT("Feed-Epoch"), false},
    [HTTP_FORWARDED_PROTO] = {STR_INIT("X-Forwarded-Proto"), false},
    [HTTP_FORWARDED_HOST] = {STR_INIT("X-Forwarded-Host"), false},
    [HTTP_FORWARDED_PORT] = {STR_INIT("X-Forwarded-Port"), false},
    [HTTP_FORWARDED_PREFIX] = {STR_INIT("X-Forwarded-Prefix"), false},
    [HTTP_FORWARDED_FOR] = {STR_INIT("X-Forwarded-For"), false},
    [HTTP_ACCEPT] = {STR_INIT("Accept"), false},
    [HTTP_GATEWAY] = {STR_INIT("X-Gateway"), false},
    [HTTP_ORIGIN] = {STR_INIT("Origin"), true},
    [HTTP_SEC_FETCH_SITE] = {STR_INIT("Sec-Fetch-Site"), true},
    [HTTP_SIGNATURE] = {STR_INIT("Coffeeshop-Signature"), true},
};

static const struct http_verdict fine = {0, NULL, NULL};

static struct http_verdict refuse(int status, const char *header, const char *detail)
{
    return (struct http_verdict){status, header, detail};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* RFC 9110, 5.6.2. White space before the colon ends up in the name and is refused here. */
static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!is_letter(text.p[i]) && !is_digit(text.p[i]) && !is_one_of(text.p[i], "!#$%&'*+-.^_`|~"))
            return false;
    return text.n > 0;
}

static bool is_field_value(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static int which(struct str name)
{
    for (int i = 0; i < HTTP_HEADERS; i++)
        if (known[i].name.n == name.n && str_eq_nocase(known[i].name, name))
            return i;
    return HTTP_HEADERS;
}

static struct http_verdict read_fields(const struct http_field *fields, size_t n, struct http_head *head)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_token(fields[i].name) || !is_field_value(fields[i].value))
            return refuse(400, NULL, "a header line is malformed");
        int at = which(fields[i].name);
        if (at == HTTP_HEADERS)
            continue;
        /* Blanks around a transfer coding are legal, but the parser below us would not see it is "chunked". */
        struct str value = at == HTTP_TRANSFER_ENCODING ? fields[i].value : str_trim(fields[i].value);
        if (at == HTTP_ACCEPT)
            http_accept_read(&head->accept, value);
        if (head->seen[at]++ == 0)
            head->value[at] = value;
        else if (known[at].once)
            return refuse(400, known[at].name.p, "the header is given more than once");
    }
    return fine;
}

/* Digits alone: no sign, no list, no blank inside. */
static bool read_length(struct str text, uint64_t *length)
{
    for (size_t i = 0; i < text.n; i++)
        if (!is_digit(text.p[i]))
            return false;
    return str_to_u64(text, length);
}

static struct http_verdict check_framing(struct http_head *head, bool http_1_1)
{
    bool has_length = head->seen[HTTP_CONTENT_LENGTH] != 0;
    if (head->seen[HTTP_TRANSFER_ENCODING]) {
        if (has_length)
            return refuse(400, "Content-Length", "the request has Content-Length and Transfer-Encoding");
        if (!http_1_1 || !str_eq_nocase(head->value[HTTP_TRANSFER_ENCODING], STR("chunked")))
            return refuse(400, "Transfer-Encoding", "only the transfer encoding chunked, in HTTP/1.1, is understood");
        head->chunked = true;
    }
    if (has_length && !read_length(head->value[HTTP_CONTENT_LENGTH], &head->content_length))
        return refuse(400, "Content-Length", "the length is not a whole number of bytes");
    return fine;
}

static struct http_verdict check_host(const struct http_head *head)
{
    if (!head->seen[HTTP_HOST])
        return refuse(400, "Host", "the request does not say which host it is for");
    if (!http_is_host(head->value[HTTP_HOST]))
        return refuse(400, "Host", "the host is not a name or address with or without a port");
    return fine;
}

struct http_verdict http_guard(const struct http_field *fields, size_t n, bool http_1_1, uint64_t max_body,
                               struct http_head *head)
{
    *head = (struct http_head){0};
    struct http_verdict verdict = read_fields(fields, n, head);
    if (verdict.status == 0)
        verdict = check_framing(head, http_1_1);
    if (verdict.status == 0)
        verdict = check_host(head);
    if (verdict.status)
        return verdict;
    if (head->content_length > max_body)
        return refuse(413, NULL, "the body is larger than this service takes");
    if (head->seen[HTTP_EXPECT] && !str_eq_nocase(head->value[HTTP_EXPECT], STR("100-continue")))
        return refuse(417, "Expect", "only 100-continue can be expected");
    /* an empty one is none */
    if (head->value[HTTP_IDEMPOTENCY_KEY].n && !http_is_visible(head->value[HTTP_IDEMPOTENCY_KEY], 1, 255))
        return refuse(400, "Idempotency-Key", "Idempotency-Key must be 1 to 255 visible ASCII characters");
    return fine;
}

/* A line's end, CR LF, is two NULs by now. */
static bool is_behind(struct str text, const char *next)
{
    return next == text.p + text.n + 2;
}

bool http_guard_may_begin(struct str bytes)
{
    struct str rest;
    struct str method = str_split(bytes, ' ', &rest);

    return is_token(method) && (method.n < bytes.n || bytes.n < HTTP_MAX_METHOD);
}

bool http_guard_is_plain(struct str before, const struct http_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_behind(before, fields[i].name.p))
            return false;
        const char *at = fields[i].name.p + fields[i].name.n + 1;
        while (at != fields[i].value.p && (*at == ' ' || *at == '\t'))
            at++;
        if (at != fields[i].value.p)
            return false;
        before = fields[i].value;
    }
    return n == 0 || before.p[before.n + 1] == '\0';
}

/* Also those whose name says that they are (RFC 6839, 3.1): hal+json, merge-patch+json. */
static bool is_json_type(struct str type)
{
    struct str name;
    struct str group = str_split(type, '/', &name);
    const struct str suffix = STR("+json");
    if (!str_eq_nocase(group, STR("application")) || !is_token(name))
        return false;
    return str_eq_nocase(name, STR("json")) ||
           (name.n > suffix.n && str_eq_nocase((struct str){name.p + name.n - suffix.n, suffix.n}, suffix));
}

/* "utf8" is no name of it (RFC 3629, 8), but what many send. */
static bool is_utf8_name(struct str charset)
{
    charset = str_trim(charset);
    if (charset.n >= 2 && charset.p[0] == '"' && charset.p[charset.n - 1] == '"')
        charset = (struct str){charset.p + 1, charset.n - 2};
    return str_eq_nocase(charset, STR("utf-8")) || str_eq_nocase(charset, STR("utf8"));
}

bool http_is_json(struct str content_type, struct str content_encoding)
{
    if (content_encoding.n && !str_eq_nocase(content_encoding, STR("identity")))
        return false;
    struct str parameters;
    if (!is_json_type(str_trim(str_split(content_type, ';', &parameters))))
        return false;
    while (parameters.n) {
        struct str charset;
        struct str name = str_split(str_trim(str_split(parameters, ';', &parameters)), '=', &charset);
        if (str_eq_nocase(name, STR("charset")) && !is_utf8_name(charset))
            return false;
    }
    return true;
}

static bool is_port(struct str text)
{
    uint64_t port = 0;
    return text.n <= 5 && (text.n == 0 || (read_length(text, &port) && port <= 65535));
}

static bool is_address_literal(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!is_digit(text.p[i]) && !is_letter(text.p[i]) && !is_one_of(text.p[i], ":."))
            return false;
    return text.n > 0;
}

bool http_is_host(struct str text)
{
    struct str rest;
    if (text.n && text.p[0] == '[') {
        struct str address = str_split((struct str){text.p + 1, text.n - 1}, ']', &rest);
        bool closed = 1 + address.n < text.n;
        return closed && is_address_literal(address) &&
               (rest.n == 0 || (rest.p[0] == ':' && is_port((struct str){rest.p + 1, rest.n - 1})));
    }
    struct str name = str_split(text, ':', &rest);
    for (size_t i = 0; i < name.n; i++)
        if (!is_digit(name.p[i]) && !is_letter(name.p[i]) && !is_one_of(name.p[i], "-._~"))
            return false;
    return name.n > 0 && name.n <= 253 && is_port(rest);
}

bool http_is_visible(struct str text, size_t least, size_t most)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] > '~')
            return false;
    return text.n >= least && text.n <= most;
}

/* `n` lower-case hexadecimal digits, not all of them zero when `some` is asked for. */
static bool is_hex(const char *text, size_t n, bool some)
{
    bool zero = true;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(text[i]) && !(text[i] >= 'a' && text[i] <= 'f'))
            return false;
        zero = zero && text[i] == '0';
    }
    return !(some && zero);
}

/* version "-" trace-id "-" parent-id "-" flags; later versions may say more behind it. */
bool http_is_traceparent(struct str text)
{
    enum { VERSION = 0, TRACE = 3, PARENT = 36, FLAGS = 53, END = 55 };
    if (text.n < END || !http_is_visible(text, END, 255))
        return false;
    const char *p = text.p;
    if (p[TRACE - 1] != '-' || p[PARENT - 1] != '-' || p[FLAGS - 1] != '-')
        return false;
    if (!is_hex(p + VERSION, 2, false) || memcmp(p, "ff", 2) == 0 || !is_hex(p + TRACE, 32, true) ||
        !is_hex(p + PARENT, 16, true) || !is_hex(p + FLAGS, 2, false))
        return false;
    return text.n == END || (memcmp(p, "00", 2) != 0 && p[END] == '-');
}
