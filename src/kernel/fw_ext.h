/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_FW_EXT_H
#define KERNEL_FW_EXT_H

#include "kernel/fw_entry.h"

/*
 * The kernel's data of each match and target that a typed rule can hold.
 * put: writes header and data at `at`, *size bytes in all.
 * get: false when the revision or the content is not what put would write.
 */
#define FW_EXT_MAX 384 /* the largest one with its header */

int fw_match_put(struct fw_codec *c, const struct fw_match *m, void *at, size_t *size,
    struct error *err);
bool fw_match_get(
    struct fw_codec *c, const struct xt_entry_match *from, struct fw_match *ret);

/* Targets that are extensions, not verdicts nor jumps (fw_ext_target.c). */
void fw_target_put(struct fw_codec *c, const struct fw_target *t, void *at, size_t *size);
bool fw_target_get(
    struct fw_codec *c, const struct xt_entry_target *from, struct fw_target *ret);

#endif
