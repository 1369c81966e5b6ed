/** ownership.h: which cells of a service this process has, and who has the others: the driver.
 *
 *  Past one machine a service's state is cut into P cells, and R replicas share them out. The driver makes this process
 * a member (membership.h), works out its fair share (sharing.h), and has the service open and close cells, until all
 * is fair; and it knows for each cell whom to ask:
 *
 *      beat, read the picture  ->  share out  ->  claim  ->  take(cell)   the service opens it    -> ownership_taken()
 *      every look_ms, or poked                ->  give(cell)              the service closes it   -> ownership_given()
 *                                                 then the claim is given back, and the successor is poked
 *
 *  A claim comes before the opening, so that requests find the new owner and wait there while it opens. Whether the one
 * before may still write is not decided here, but where the cell is kept (docs/adr/0064): take() opens a PostgreSQL
 * connection with `alone`, and lost_ms as its `lost_ms` and `silent_ms` (sql.h), which fails until the session of the
 * one before has ended; or a Redis store with the claim's number as its `token` (kv_redis.h), which shuts out the one
 * before. An owner that was stopped and wakes up can't commit, whatever it believes.
 *
 *  What is known while the store of the members can't be asked: what we have we keep (the lock decides), nothing is
 * taken, nobody is taken for dead, and who the others are stays as it was last seen. Once it can be asked again, we
 * join anew, claim again what we have, and leave others' cells alone for lost_ms: they have to find their way back,
 * too.
 *
 *  The driver has one thread, on which it waits for the store and calls the service back; every function here that is
 * for any thread never waits for it.
 */
#ifndef COFFEESHOP_OWNERSHIP_H
#define COFFEESHOP_OWNERSHIP_H

#include "membership.h"

struct ownership;

struct ownership_settings {
    int64_t lost_ms;  /* ownership.lost_ms: who gives no sign of life for so long has lost its cells; the same for the
                         membership and the cells' connections, and for all replicas */
    int64_t beat_ms;  /* between two signs of life; at most a third of lost_ms */
    int64_t look_ms;  /* the picture is read so often; earlier when somebody pokes */
    int64_t retry_ms; /* a cell that couldn't be opened is tried again after so long, then twice that, up to look_ms */
    int64_t moves;    /* so many cells are given up at a time, so that few requests wait; when leaving: all */
};

#define OWNERSHIP_DEFAULTS                                                                                             \
    ((struct ownership_settings){.lost_ms = 3000, .beat_ms = 1000, .look_ms = 500, .retry_ms = 50, .moves = 4})

/** What the service does; embedded in whatever it needs for that. All are called on the driver's thread, one at a time,
 * without a lock held; they must not wait: start the work and return. */
struct ownership_service {
    /** Open the cell, and say how that went by ownership_taken(). `token`: the claim's number, for kv_redis_options. It
     * may still be another's: then ownership_taken() with an error, and it is called again. Until it has been answered,
     * neither is called again for this cell. */
    void (*take)(struct ownership_service *self, int cell, int64_t token);
    /** Finish the batch, flush the relay, close what the cell has open, then ownership_given(). Requests for it that
     * come meanwhile wait. Of a cell that was reported closed just before there is nothing to do or to say. */
    void (*give)(struct ownership_service *self, int cell);
    /** ownership_find(cell) answers otherwise than before: requests that wait may go on. */
    void (*moved)(struct ownership_service *self, int cell);
    /** Tell the replica at this address to call ownership_poke(): there is something for it. It may get lost. */
    void (*poke)(struct ownership_service *self, const char *address);
    /** After ownership_leave(): nothing is ours any more, and the store has been told if it could be. Called once. */
    void (*left)(struct ownership_service *self);
};

enum ownership_place {
    CELL_UNKNOWN, /* nobody's, or it is moving: wait a moment, then 503 with Retry-After */
    CELL_HERE,    /* open in this process */
    CELL_ELSEWHERE
};

/** `address`: by which the others call us. The membership is the driver's from now on; the service has to live longer.
 * NULL when memory is exhausted. */
struct ownership *ownership_new(const struct ownership_settings *settings, struct membership *membership,
                                size_t n_cells, const char *address, struct ownership_service *service);
/** Starts the thread, once. E_SYSTEM when there can't be another thread. */
int ownership_start(struct ownership *ownership);
/** Ends the thread, closes the membership and frees all. What is still open stays so: it is the service's. Nobody may
 * call anything any more. NULL is taken. */
void ownership_free(struct ownership *ownership);

/** Any thread. Whose the cell is; when it is elsewhere, the owner's address. Takes no lock: for every request. */
enum ownership_place ownership_find(struct ownership *ownership, int cell, char address[MEMBER_ADDRESS_SIZE]);
/** Any thread. What take() came to: 0, or why the cell couldn't be opened. */
void ownership_taken(struct ownership *ownership, int cell, int error);
/** Any thread. The cell is closed: give() is done, or, unasked, the service has lost it (another one has written to it,
 * its connection broke and couldn't be made again). */
void ownership_given(struct ownership *ownership, int cell);
/** Any thread. Look now: somebody says that something has changed. */
void ownership_poke(struct ownership *ownership);
/** Any thread. Give up everything, take nothing any more; left() tells when it is done. */
void ownership_leave(struct ownership *ownership);
/** Any thread. Why the other replicas can't be asked about, since when (monotonic us): an errors.h code; 0: they can.
 * For /readyz. */
int ownership_trouble(const struct ownership *ownership, int64_t *since);
/** Any thread. How many cells are open here. */
size_t ownership_count(const struct ownership *ownership);

/** What the thread does: all that is to be done at `now` (monotonic us); returns when it has to be called again. For
 * who drives it without a thread: a simulation. */
int64_t ownership_turn(struct ownership *ownership, int64_t now);

#endif
