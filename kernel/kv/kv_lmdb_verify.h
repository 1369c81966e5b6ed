/** kv_lmdb_verify.h: is a store's file as LMDB wrote it?
 *
 *  LMDB has no checksums, reads through a memory map, and believes what it finds: a damaged inner page hides entries or
 * ends the process, a damaged meta page brings back an older state. So the file is gone through before LMDB opens it
 * (docs/adr/0032): both meta pages; each page that the last commit reaches, and the list of free ones; the order of all
 * keys; each value's checksum, but for those longer than half a page, which are compared when they are read. It takes
 * as long as reading the pages that hold keys. The layout: kv_lmdb_pages.h. Not for others.
 */
#ifndef COFFEESHOP_KV_LMDB_VERIFY_H
#define COFFEESHOP_KV_LMDB_VERIFY_H

#include "kv.h"

/** 0, or E_CORRUPT with a sentence in `problem`; E_MEMORY, E_SYSTEM when it can't be told. A file that is empty,
 * missing or no store at all is left to LMDB. Reads only; nobody may have it open. */
int kv_lmdb_verify(const char *path, struct buf *problem);

#endif
