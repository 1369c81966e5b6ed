/** embedded.h: the gateway's files, built into the program: embed.py and web/build.py write the C files. */
#ifndef COFFEESHOP_EMBEDDED_H
#define COFFEESHOP_EMBEDDED_H

#include "str.h"

extern const struct str embedded_nginx_conf;

/** The pages of web/, gzipped, by their paths below the page directory: "pages/customer.ko.html.gz". */
struct embedded_page {
    const char *path;
    struct str bytes;
};
extern const struct embedded_page embedded_pages[];
extern const size_t embedded_pages_count;
/** Their styles, as the Content-Security-Policy names them: "'sha256-…' 'sha256-…'". */
extern const char embedded_styles[];

#endif
