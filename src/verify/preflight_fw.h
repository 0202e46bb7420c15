/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_PREFLIGHT_FW_H
#define VERIFY_PREFLIGHT_FW_H

/* Between preflight.c and preflight_fw.c. */

#include "model/conf.h"
#include "state/own.h"

struct subject {
	enum mode to;
	const struct model *model;
	const struct conf *conf;
	const struct state *want, *have;
	struct notes *notes;
};

/* Rules of others that would meet traffic on its new way. */
void preflight_tables(const struct subject *s);

#endif
