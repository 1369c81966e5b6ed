/** ownership_internal.h: what the files of the driver share. Not for others.
 *
 *  ownership.c        the thread, and what any thread may call
 *  ownership_turn.c   one turn: signs of life, claims given back, and what follows
 *  ownership_look.c   a new picture, and what follows from it
 *  ownership_cell.c   opening and closing one cell, and telling whose it is
 *  ownership_table.c  whose each cell is, for all threads
 */
#ifndef COFFEESHOP_OWNERSHIP_INTERNAL_H
#define COFFEESHOP_OWNERSHIP_INTERNAL_H

#include "ownership.h"
#include "ownership_table.h"

#include <pthread.h>

/* A cell as the driver has it; its thread only. */
enum cell_state {
    CELL_NOT_OURS,
    CELL_OPENING, /* claimed; take() is asked, or will be again at `retry_at` */
    CELL_OPEN,
    CELL_CLOSING /* give() is asked */
};

struct owned_cell {
    enum cell_state state;
    bool asked;    /* take() hasn't been answered yet */
    bool unwanted; /* close it as soon as it has been */
    bool claimed;  /* by what we know the claim is ours, as the member that we are now */
    bool disown;   /* it is to be given back */
    bool freed;    /* it was, and its heir hasn't been told yet */
    int64_t token;
    int64_t retry_at, retry_ms;
};

/* What was reported since the last turn; under the lock. */
struct cell_report {
    bool taken, given;
    int error; /* with `taken` */
};

struct ownership {
    struct ownership_settings settings;
    struct membership *membership;
    struct ownership_service *service;
    char address[MEMBER_ADDRESS_SIZE];
    size_t n_cells;
    struct ownership_entry *table;
    _Atomic size_t n_open;
    _Atomic int trouble;
    _Atomic int64_t trouble_since;

    /* The driver's. */
    struct owned_cell *cells;
    struct picture picture;
    bool joined, was_member;
    bool leaving, left, leave_told;
    bool look, poke_all;
    int64_t join_at, beat_at, look_at;
    int64_t others_at; /* before that we leave alone what others had */
    int *owners, *heirs, *list;
    struct claim *claims;
    int *targets; /* these three for so many members */
    bool *leavers, *pokes;
    size_t room;

    /* Anybody's. */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct cell_report *reports;
    struct cell_report *taken_reports; /* the driver's copy */
    bool reported, poked, leave, stop;
    bool running;
    pthread_t thread;
};

/* --- ownership_cell.c --- */

/** How the store answered: 0 ends the trouble, E_NOT_FOUND makes us no member, anything else is trouble. Returns
 * `error`. */
int ownership_heard(struct ownership *self, int error, int64_t now);
/** Asks the service to open a cell that is claimed. */
void ownership_open(struct ownership *self, int cell);
/** Asks the service to close a cell that is open, or doesn't open one that isn't yet. */
void ownership_close(struct ownership *self, int cell);
/** What everybody is told of a cell: from its state, or from who has it in the picture. */
void ownership_publish(struct ownership *self, int cell);
/** What the service has reported (ownership_taken(), ownership_given()). */
void ownership_on_taken(struct ownership *self, int cell, int error, int64_t now);
void ownership_on_given(struct ownership *self, int cell);

/* --- ownership_look.c --- */

/** Reads the picture, and does what follows from it. */
void ownership_look(struct ownership *self, int64_t now);

#endif
