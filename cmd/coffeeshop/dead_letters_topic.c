#include "dead_letters_topic.h"

#include "clock.h"
#include "kafka_dead_letters.h"
#include "topic_options.h"

struct printing {
    struct buf out;
    size_t n;
};

void dead_letters_add_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        const char c = text.p[i];
        if ((unsigned char)c < ' ' || c == 0x7f)
            buf_char(out, '?');
        else
            buf_char(out, c);
    }
}

static void print_letter(void *context, const struct kafka_dead_letter *letter)
{
    struct printing *printing = context;
    struct buf *out = &printing->out;

    BUF_LIT(out, "partition ");
    dead_letters_add_text(out, letter->source_partition);
    BUF_LIT(out, " offset ");
    dead_letters_add_text(out, letter->source_offset);
    BUF_LIT(out, "  ");
    buf_time(out, letter->at_ms * US_PER_MS);
    BUF_LIT(out, "  ");
    dead_letters_add_text(out, letter->reason);
    BUF_LIT(out, "\n    ");
    dead_letters_add_text(out, letter->message);
    buf_char(out, '\n');
    printing->n++;
}

int dead_letters_print_topic(const struct shop_settings *settings)
{
    const struct common_settings *common = &settings->common;
    struct kafka_options kafka;
    struct secret *password = NULL;
    struct printing printing = {0};
    struct buf problem = {0};
    bool fine = common->kafka.servers[0];

    if (!fine)
        BUF_LIT(&problem, "kafka.servers isn't set: dead letters are the services' alone");
    fine = fine && topic_options_take(common, "coffeeshop", &kafka, &password, &problem) &&
           !kafka_dead_letters_read(&kafka, common->kafka.answer_ms, print_letter, &printing, &problem);
    if (fine && printing.n == 0)
        buf_printf(&printing.out, "the topic %s has no dead letters\n", common->kafka.topic);
    if (print_out(&printing.out) != EXIT_OK)
        fine = false;
    if (problem.n || problem.failed)
        print_problem(&problem);
    secret_free(password);
    buf_free(&printing.out);
    buf_free(&problem);
    return fine ? EXIT_OK : EXIT_CANNOT;
}
