/** payment_main.h: the payment service as a program of cmd/coffeeshop. */
#ifndef COFFEESHOP_PAYMENT_MAIN_H
#define COFFEESHOP_PAYMENT_MAIN_H

#include "program.h"

extern const struct program payment_program;

#endif
