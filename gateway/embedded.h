/** embedded.h: the gateway's files, built into the program (embed.py writes the C file). */
#ifndef COFFEESHOP_EMBEDDED_H
#define COFFEESHOP_EMBEDDED_H

#include "str.h"

extern const struct str embedded_nginx_conf;
extern const struct str embedded_index_html;
extern const struct str embedded_shop_css;
extern const struct str embedded_shop_js;

#endif
