/** archive_format.h: what the lines of an archive say that aren't rows. docs/adr/0056 has the whole format.
 *
 *      {"coffeeshop":"archive","format":1,"version":…,"cells":1,"services":[{"name":"order","schema":6,…},…],"sum":…}
 *      {"service":"order","table":"cursor","columns":"source position epoch","sum":…}     a table begins
 *      ["payment",12,77,…]                                                                its rows
 *      {"rows":1,"sum":…}                                                                 it ends
 *      {"complete":true,"lines":4711,"sum":…}                                             so does the archive
 */
#ifndef COFFEESHOP_ARCHIVE_FORMAT_H
#define COFFEESHOP_ARCHIVE_FORMAT_H

#include "json.h"

enum { ARCHIVE_FORMAT = 1, ARCHIVE_CELLS = 1, ARCHIVE_MOST_SERVICES = 16 };

/** A service in the head. */
struct archive_service {
    struct str name;
    int64_t schema; /* the version of its tables */
    int64_t epoch;  /* what DATA/<name>.epoch says; 0: there is none */
    struct str state;
};

struct archive_head {
    struct str coffeeshop; /* "archive" */
    int64_t format;
    struct str version; /* of the program that wrote it */
    int64_t cells;      /* P of the stores */
    struct json_array services;
};

/** Any other line in braces: which members are there says what it is. */
struct archive_control {
    struct str service, table, columns; /* a table begins */
    int64_t rows;                       /* it ends; JSON_ABSENT: this says something else */
    int64_t lines;                      /* the archive ends, this line included; JSON_ABSENT */
};

extern const struct json_desc archive_head_desc, archive_control_desc;

/** Appends the line without its end. */
void archive_head_write(struct buf *line, const struct archive_head *head);
void archive_table_write(struct buf *line, struct str service, struct str table, struct str columns);
void archive_rows_write(struct buf *line, int64_t rows);
void archive_complete_write(struct buf *line, int64_t lines);

/** Whether it is one, and one that this version can read; otherwise why not, in a sentence without its subject. */
bool archive_head_read(struct str line, struct archive_head *head, struct arena *arena, struct buf *why);

#endif
