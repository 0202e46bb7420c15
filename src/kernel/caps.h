/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_CAPS_H
#define KERNEL_CAPS_H

#include "base/error.h"
#include "base/family.h"
#include "state/caps.h"

/*
 * What this kernel can do. With try false only looks (a dry run leaves no trace: whatever
 * could be autoloaded is judged by the module files). With try true makes each thing and
 * undoes it: a virtual server with the scheduler, a dummy link, a set of each type.
 */
int caps_probe(const char *scheduler, bool try, struct kernel_caps *ret, struct error *err);

/* Whether this kernel has the IP family: it has no IPv6 when started with ipv6.disable=1, or
 * built without. A module that the kernel would load counts as there, and is not loaded. */
bool caps_has_family(enum family f);

#endif
