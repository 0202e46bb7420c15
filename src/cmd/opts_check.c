/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which options go with a command, and with each other. */
#include "config.h"

#include "cmd/opts_table.h"
#include "base/strbuf.h"
#include "cmd/cmd.h"

/* Every option given must mean something to the command, or to the next one that is
 * typed. */
static int check_groups(const struct opts *o, const bool *seen, struct error *err)
{
	for (size_t i = 0; i < n_option_rows; i++) {
		const struct option_row *r = &option_rows[i];

		if (seen[i] && r->groups && !(r->groups & o->command->groups) &&
		    !(r->flags & OPTION_EVERYWHERE))
			return error_set(err, ERR_USAGE, 0,
			    "--%s means nothing to this command; vipshift %s", r->name,
			    o->command->synopsis);
	}
	return 0;
}

static int check_form(const struct opts *o, struct error *err)
{
	unsigned forms =
	    o->mode_of_node ? FORM_BIT(OUT_TEXT) | FORM_BIT(OUT_JSON) : o->command->forms;
	struct strbuf list = {0};

	if (FORM_BIT(o->output) & forms)
		return 0;
	option_forms_print(&list, forms);
	error_set(err, ERR_USAGE, 0, "-o %s: %s%s has %s", o->form, o->command->name,
	    o->mode_of_node ? " --mode-of-node" : "", list.s);
	strbuf_free(&list);
	return -1;
}

/* What is gone on with was called with its source, settings and node. */
static int check_earlier(const struct opts *o, const bool *seen, struct error *err)
{
	unsigned flags = o->abort ? OPTION_BEGIN | OPTION_SWITCH : OPTION_BEGIN;

	for (size_t i = 0; i < n_option_rows; i++)
		if (seen[i] && option_rows[i].flags & flags)
			return error_set(err, ERR_USAGE, 0,
			    "--%s means nothing to --%s%s", option_rows[i].name,
			    o->abort ? "abort" : "resume",
			    option_rows[i].flags & OPTION_BEGIN
				? ": the migration has it from its beginning"
				: "");
	return 0;
}

static int check_migrate(const struct opts *o, const bool *seen, struct error *err)
{
	if (o->command->groups & GROUP_MIGRATE && o->to_given + o->resume + o->abort != 1)
		return error_set(err, ERR_USAGE, 0,
		    "which way? One of --to, --resume, --abort; vipshift %s",
		    o->command->synopsis);
	if (seen[option_row_of(OPT_CONFIRM_WITHIN) - option_rows] && !o->confirm_within)
		return error_set(err, ERR_USAGE, 0,
		    "--confirm-within 0: expected more than 0 seconds");
	if (o->mode_of_config && !o->config)
		return error_set(
		    err, ERR_USAGE, 0, "--to config: which one? give it with -c FILE");
	return o->resume || o->abort ? check_earlier(o, seen, err) : 0;
}

int opts_check(const struct opts *o, const bool *seen, struct error *err)
{
	return check_groups(o, seen, err) || check_form(o, err) ||
		       check_migrate(o, seen, err)
		   ? -1
		   : 0;
}
