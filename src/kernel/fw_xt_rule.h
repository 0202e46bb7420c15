/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_FW_XT_RULE_H
#define KERNEL_FW_XT_RULE_H

#include "base/strbuf.h"
#include "kernel/fw_xt.h"

/* Makes libxtables ready for rules of one family, the only one that this process can print
 * from then on. false: it gave up. May exit. */
bool fw_xt_start_library(enum family f);

/*
 * The save form of a rule, which lives in sb. library: its matches and targets as libxtables
 * prints them, where it can; may exit. Otherwise all in raw form.
 */
const char *fw_xt_rule(
    struct strbuf *sb, const struct fw_layout *l, const struct fw_raw *r, bool library);

#endif
