/** fake_kv.h: the kv port in memory, for tests and the simulation: sorted, all or nothing, and it can be made to break.
 *  Its own memory isn't alloc.h's: an allocation that is made to fail is always the tested code's.
 *
 *  What was committed survives fake_kv_crash(); everything that a load or a scan handed out is the caller's copy. One
 * thread at a time.
 */
#ifndef COFFEESHOP_FAKE_KV_H
#define COFFEESHOP_FAKE_KV_H

#include "kv.h"

struct fake_kv;

struct fake_kv *fake_kv_new(void);
/** The port; it belongs to the fake. Its close() only marks it closed: the data stay, as a file's would. */
struct kv *fake_kv_port(struct fake_kv *fake);
/** The process dies and comes back: nothing committed is forgotten; a failure asked for is. */
void fake_kv_crash(struct fake_kv *fake);
/** The `nth` commit from now on (1: the next) returns `error` and changes nothing; 0 switches it off. */
void fake_kv_fail_commit(struct fake_kv *fake, size_t nth, int error);
/** The same for load, scan and last together. */
void fake_kv_fail_read(struct fake_kv *fake, size_t nth, int error);
/** From now on check() says that the file is gone. */
void fake_kv_lose_file(struct fake_kv *fake);
/** How many commits have succeeded. */
size_t fake_kv_commits(const struct fake_kv *fake);
/** How many keys there are. */
size_t fake_kv_size(const struct fake_kv *fake);
/** What is committed now, as a store of its own. */
struct fake_kv *fake_kv_copy(const struct fake_kv *fake);
/** The store is replaced by what it was; NULL: by an empty one. */
void fake_kv_put_back(struct fake_kv *fake, const struct fake_kv *copy);
/** Everything is given back; the port is gone too. */
void fake_kv_free(struct fake_kv *fake);

#endif
