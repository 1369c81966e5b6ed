/** provider_url.h: where a payment provider may be. What is sent there is worth money, so that it goes by https, or not
 * beyond this machine. Pure; any thread.
 */
#ifndef COFFEESHOP_PROVIDER_URL_H
#define COFFEESHOP_PROVIDER_URL_H

#include "str.h"

/** NULL when it is fine, or what is wrong with it, behind the setting's name: "has to begin with …". Static. */
const char *provider_url_problem(struct str url);

#endif
