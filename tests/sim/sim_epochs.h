/** sim_epochs.h: whether a process works with the data that it, and those who follow it, know of: as service_history.c
 * and follower.c do it, by the program's feed_history_check() (ADR 29).
 */
#ifndef COFFEESHOP_SIM_EPOCHS_H
#define COFFEESHOP_SIM_EPOCHS_H

#include "feed_history.h"
#include "sim_feed.h"

struct sim_epochs {
    struct feed_history history; /* the store's */
    uint64_t file;               /* what DATA/<name>.epoch names; 0: there is none */
    bool barred;                 /* latched: this isn't our data; we change nothing and say so */
};

/** The process starts: it begins an epoch, and looks whether the data is the one that was there. */
void sim_epoch_begin(struct sim_service *service);
/** The follower connects. True: it may read on. Else it says why not, and comes again by itself. */
bool sim_epoch_admits(struct sim_follower *follower);
/** Its cursor is one of this epoch from now on. */
void sim_epoch_enter(struct sim_follower *follower, uint64_t epoch);
/** It has been handed this event … */
void sim_epoch_note_read(struct sim_follower *follower, uint64_t position, struct str text);
/** … and only those up to `position` count. */
void sim_epoch_forget_read(struct sim_follower *follower, uint64_t position);
/** Whether what it has read is a beginning of what the producer has said. */
bool sim_epoch_is_one_history(const struct sim_follower *follower);

#endif
