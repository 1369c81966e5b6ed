/** mypage_message.h: one change of the view as a message of an event stream. Written once, for all followers; only the
 * links' base is each follower's own, and put in when it is sent. Pure.
 */
#ifndef COFFEESHOP_MYPAGE_MESSAGE_H
#define COFFEESHOP_MYPAGE_MESSAGE_H

#include "buf.h"
#include "mypage.h"

/** Appends event and data, what comes behind its id, with a mark wherever the base belongs. */
void mypage_message_write(struct buf *text, const struct mypage *page);
/** Appends such a text with `base` for the marks. */
void mypage_message_add(struct buf *out, struct str text, struct str base);
/** Appends its id, which it begins with: how far its follower is (view_position.h). */
void mypage_message_id(struct buf *out, const int64_t *last, int32_t cells);
/** Appends what comes behind the id of the message that says: load the list again; what comes after this follows. */
void mypage_message_reset(struct buf *out);

#endif
