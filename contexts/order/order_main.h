/** order_main.h: the order service as a program of cmd/coffeeshop. */
#ifndef COFFEESHOP_ORDER_MAIN_H
#define COFFEESHOP_ORDER_MAIN_H

#include "program.h"

extern const struct program order_program;

#endif
