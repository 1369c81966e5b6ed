/** product_main.h: the product service (the kitchen) as a program of cmd/coffeeshop. */
#ifndef COFFEESHOP_PRODUCT_MAIN_H
#define COFFEESHOP_PRODUCT_MAIN_H

#include "program.h"

extern const struct program product_program;

#endif
