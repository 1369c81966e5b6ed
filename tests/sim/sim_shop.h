/** sim_shop.h: the services of the shop, each with its real core, its real events and a store in memory; and how their
 * clients reach them.
 */
#ifndef COFFEESHOP_SIM_SHOP_H
#define COFFEESHOP_SIM_SHOP_H

#include "fake_kv.h"
#include "fake_order_repo.h"
#include "fake_product_repo.h"
#include "order_app.h"
#include "product_app.h"
#include "sim_service.h"
#include "stock_app.h"

/** One request of a client: it gets exactly one answer, or sees its connection break. */
struct sim_request {
    struct sim *sim;
    int answers;
    struct sim_request *next; /* all requests there ever were */
};

/** What a request's `done` gets instead of an errors.h code: the connection broke, nothing is known. */
enum { SIM_BROKEN = -1, SIM_REFUSED_CONNECTION = -2 };

struct sim_order_request {
    struct sim_request base;
    enum order_command_kind kind;
    int64_t order_id; /* CANCEL */
    bool was_there;   /* the order, when it was asked; set by sim_order_ask() */
    struct str item;
    int64_t qty, amount;
    const struct order_shown *shown; /* what the customer agreed to; NULL: they don't say */
    struct str method;               /* how they pay */
    struct str key;                  /* empty: none */
    uint64_t fingerprint;
    /** rc 0: `command` is what came out; else NULL. */
    void (*done)(struct sim_order_request *self, int rc, const struct order_command *command);
};

struct sim_product_request {
    struct sim_request base;
    struct ticket_intent intent;
    int64_t ticket_id;
    enum ticket_state was; /* when it was asked; set by sim_product_ask() */
    struct str key;
    uint64_t fingerprint;
    void (*done)(struct sim_product_request *self, int rc, const struct product_command *command);
};

struct sim_stock_request {
    struct sim_request base;
    struct stock_intent intent;
    struct str key;
    /** rc 0: `step` has its verdict, its refusal and its yes; when the answer is one that was kept, nothing else. */
    void (*done)(struct sim_stock_request *self, int rc, const struct stock_step *step);
};

void sim_order_open(struct sim *sim);
void sim_product_open(struct sim *sim);
void sim_stock_open(struct sim *sim);
void sim_view_open(struct sim *sim);
void sim_order_close(struct sim *sim);
void sim_product_close(struct sim *sim);
void sim_stock_close(struct sim *sim);
void sim_view_close(struct sim *sim);
/** Rule 8, at the end. */
void sim_view_check_end(struct sim *sim);
/** After a step. */
void sim_view_check_told(struct sim *sim);

/** Sends it; `done` is called at once when the connection is refused. */
void sim_order_ask(struct sim_order_request *request);
void sim_product_ask(struct sim_product_request *request);
void sim_stock_ask(struct sim_stock_request *request);

/** A call's request has arrived at product: cancel by order. `done` of the call: sim_call_answer(). */
struct sim_cancel_call;
void sim_product_cancel_order(struct sim_cancel_call *call);
/** What product answered; before sim_call_answer(). */
void sim_cancel_call_is(struct sim_cancel_call *call, bool confirmed, const struct ticket *ticket);
int64_t sim_cancel_call_order(const struct sim_cancel_call *call);
struct sim_call *sim_cancel_call_base(struct sim_cancel_call *call);

/** Product's questions to stock: one call. */
enum { SIM_MOST_QUESTIONS = 8, SIM_RESERVATION_ID = 32 };
struct sim_stock_call;
struct sim_question {
    int64_t ticket_id, attempt;
    char reservation[SIM_RESERVATION_ID]; /* NUL-terminated */
    struct str product_name;              /* the history's */
    int64_t qty;
    bool yes; /* the answer */
};
/** A call's request has arrived at stock. */
void sim_stock_answer_questions(struct sim_stock_call *call);
struct sim_question *sim_stock_call_questions(struct sim_stock_call *call, size_t *n, bool *release);
struct sim_call *sim_stock_call_base(struct sim_stock_call *call);

/** The committed states. */
const struct fake_order_repo *sim_orders(const struct sim *sim);
const struct fake_product_repo *sim_tickets(const struct sim *sim);
struct fake_kv *sim_stock_store(const struct sim *sim);

/** What happens to every batch that a repository commits, for the plants. */
void sim_plant_before_commit(struct sim_service *service, struct batch *batch);
/** UNKNOWN_IS_DONE and UNKNOWN_GOES_ON: what the process takes that error for. */
int sim_plant_unknown(struct sim_service *service, int error);
/** OTHERS_TIME_DECIDES, in the kitchen. */
void sim_plant_others_time(struct sim_service *product, struct product_batch *batch);
/** A text as long as the history. */
struct str sim_text(struct sim *sim, const char *format, ...) PRINTF_LIKE(2, 3);

/** The client's side of a request: counts and tells. */
static inline void sim_request_answered(struct sim *sim, struct sim_request *request)
{
    if (++request->answers > 1)
        sim_break(sim, "everybody gets one answer", "a client gets a second answer");
}

#endif
