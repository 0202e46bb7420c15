/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_NATIVE_JSON_H
#define MODEL_NATIVE_JSON_H

/* What reading and writing the native model JSON have in common. */

#include "model/model_load.h"

/* Spellings of enums and of the policies; the position is the value. End with NULL. */
extern const char *const native_policies[];
extern const char *const native_affinities[];
extern const char *const native_forwardings[];
extern const char *const native_ip_modes[];

/* Without "families": those of the cluster IPs; where there is none, of all addresses in
 * front; where there are node ports alone, of the endpoints. */
unsigned native_default_families(const struct service *s);

#endif
