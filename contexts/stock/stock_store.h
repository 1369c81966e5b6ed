/** stock_store.h: where stock is kept, as the settings say: in a file (LMDB), or past one machine in a Redis, in which
 * each cell (shop.cells) has a store and a connection of its own. */
#ifndef COFFEESHOP_STOCK_STORE_H
#define COFFEESHOP_STOCK_STORE_H

#include "archive_store.h"
#include "config.h"
#include "service.h"
#include "stock_queries_kv.h"

struct stock_store_settings {
    int64_t map_size;
    const char *redis; /* empty: in a file */
    const char *redis_password, *redis_password_file, *redis_ca_file, *redis_cert_file, *redis_key_file;
    int64_t redis_patience_ms;
};

enum { STOCK_CELL_NAME = 16 }; /* "stock:1023" */

struct stock_store {
    struct stock_cells cells;
    char (*names)[STOCK_CELL_NAME]; /* the cells', in Redis */
    bool on_a_server;               /* what is asked of it may take its time: not on the loop's thread */
    struct secret *password;
    struct buf holder; /* who we are to others that would open it in Redis */
};

/** Opens it, made when it has to be; waits for a server that isn't there yet (start.wait_ms). false and a sentence in
 * `problem`. The settings have to live as long as the store. */
bool stock_store_open(struct stock_store *store, struct service *service, const struct common_settings *common,
                      const struct stock_store_settings *settings, struct buf *problem);
/** The same for `coffeeshop export` and `import`: as program.h says of open_archive. Looking doesn't fence off whoever
 * has it open in a Redis. */
struct archive_store *stock_store_open_archive(const struct common_settings *common,
                                               const struct stock_store_settings *settings,
                                               struct archive_opening *opening, struct buf *problem);
/** Also one that isn't open. */
void stock_store_close(struct stock_store *store);

#endif
