/** archive.h: a whole shop as one file: JSON Lines with checksums (archive_line.h, archive_format.h, docs/adr/0056).
 *
 *  Both directions take memory for a line and a batch of rows, whatever the size of the shop; both go on where they
 * were interrupted. One thread; nobody else has the stores open.
 */
#ifndef COFFEESHOP_ARCHIVE_H
#define COFFEESHOP_ARCHIVE_H

#include "archive_format.h"
#include "archive_store.h"

/** One service's. */
struct archive_part {
    const char *service;
    struct archive_store *store;
    int64_t epoch; /* export: what DATA/<service>.epoch says; 0: there is none */
};

/** Who is told how far it is. */
struct archive_progress {
    /** Now and then, and at a table's end. */
    void (*rows)(struct archive_progress *self, struct str service, struct str table, int64_t rows, bool ends);
    /** What an interrupted run has done already is not done again: up to this line. */
    void (*goes_on)(struct archive_progress *self, const char *path, int64_t line);
};

/** Writes FILE.partial, which becomes FILE when it is complete and on the disk. One that is there is gone on with, if
 * it is of this shop as it is now; what is behind its last right line is written again. *rows: in the whole file. false
 * with a sentence in `problem`. */
bool archive_export(const char *path, const struct archive_part *parts, size_t n_parts,
                    struct archive_progress *progress, int64_t *rows, struct buf *problem);

/** A table in an archive. */
struct archive_section {
    struct str service, table, columns;
    size_t n_columns;
    int64_t line, last_line; /* that begin and end it */
    int64_t rows;
};

enum { ARCHIVE_MOST_SECTIONS = 256 };

/** What a verified archive holds. */
struct archive_contents {
    struct archive_head head;
    struct archive_section sections[ARCHIVE_MOST_SECTIONS];
    size_t n_sections;
    int64_t lines, rows;
    uint64_t sum;
};

/** Reads the whole file and looks at everything that can be looked at without a store. Texts live in the arena. false
 * with a sentence in `problem` that names the line. */
bool archive_verify(const char *path, struct archive_contents *contents, struct archive_progress *progress,
                    struct arena *arena, struct buf *problem);

/** Fills the stores, which are empty or half filled from this very file; parts are as contents->head.services. They
 * stay marked. false with a sentence in `problem`; then the same call goes on, and only if `*begun` anything was
 * changed. */
bool archive_fill(const char *path, const struct archive_contents *contents, const struct archive_part *parts,
                  struct archive_progress *progress, bool *begun, struct buf *problem);
/** Takes the marks away. If it fails in between, archive_fill() and this finish it. */
bool archive_finish(const struct archive_part *parts, size_t n_parts, struct buf *problem);

#endif
