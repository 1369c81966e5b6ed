/** gateway_main.h: the gateway as a program of cmd/coffeeshop. */
#ifndef COFFEESHOP_GATEWAY_MAIN_H
#define COFFEESHOP_GATEWAY_MAIN_H

#include "program.h"

extern const struct program gateway_program;

#endif
