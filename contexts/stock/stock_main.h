/** stock_main.h: the stock service as a program of cmd/coffeeshop. */
#ifndef COFFEESHOP_STOCK_MAIN_H
#define COFFEESHOP_STOCK_MAIN_H

#include "program.h"

extern const struct program stock_program;

#endif
