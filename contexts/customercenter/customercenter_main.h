/** customercenter_main.h: the customercenter service. */
#ifndef COFFEESHOP_CUSTOMERCENTER_MAIN_H
#define COFFEESHOP_CUSTOMERCENTER_MAIN_H

#include "program.h"

extern const struct program customercenter_program;

#endif
