/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, word by word. What goes together is checked in opts_check.c. */
#include "config.h"

#include "cmd/opts_table.h"
#include "base/strbuf.h"
#include "cmd/cmd.h"
#include "cmd/record.h"
#include "verify/check.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

const char *const output_names[OUT_COUNT + 1] = {
    "text", "json", "diff", "wide", "ipvsadm"};

static const char *const variant_names[] = {"auto", "legacy", "nft", NULL};

/* Seconds for connections. Somebody waits for a migration; real servers that leave are
 * seen to by the next runs of repair. */
#define MIGRATE_DRAIN 300
#define REPAIR_DRAIN 3600

static int bad_value(
    struct error *err, const char *option, const char *value, const char *wanted)
{
	return error_set(
	    err, ERR_USAGE, 0, "--%s %s: expected %s", option, value, wanted);
}

/* Index of s in a NULL-terminated list, or -1. */
static int choice(const char *s, const char *const *list)
{
	for (int i = 0; list[i]; i++)
		if (!strcmp(list[i], s))
			return i;
	return -1;
}

static int take_choice(const char *option, const char *value, const char *const *list,
    const char *wanted, unsigned *ret, struct error *err)
{
	int i = choice(value, list);

	if (i < 0)
		return bad_value(err, option, value, wanted);
	*ret = (unsigned)i;
	return 0;
}

static int take_seconds(
    const char *option, const char *value, double *ret, struct error *err)
{
	char *end;
	double v = strtod(value, &end);

	if (end == value || *end || !(v >= 0) || v > 86400)
		return bad_value(err, option, value, "seconds, 0 to 86400");
	*ret = v;
	return 0;
}

static int take_max_changes(const char *value, struct opts *o, struct error *err)
{
	char *end;
	double v = strtod(value, &end);
	bool percent = end != value && *end == '%';

	end += percent;
	if (end == value || *end || !(v >= 0) || v > (percent ? 100 : 1e9) ||
	    (!percent && v != (double)(uint32_t)v))
		return bad_value(
		    err, "max-changes", value, "a number, or a percentage as 5%");
	o->limited = true;
	o->max_changes = v;
	o->max_percent = percent;
	return 0;
}

static int take_accept(const char *name, struct opts *o, struct error *err)
{
	if (!strcmp(name, "all")) {
		o->accept_all = true;
		return 0;
	}
	if (strncmp(name, CHECK_INCOMPLETE ":", strlen(CHECK_INCOMPLETE ":")) &&
	    (!check_find(name) || !strcmp(name, CHECK_INCOMPLETE)))
		return bad_value(err, "accept", name,
		    "a name that doctor lists, " CHECK_INCOMPLETE ":SERVICE, or all");
	vec_push(&o->accepted, name);
	return 0;
}

/* PID or auto, then what comes after the switch: ":keep", the default, or ":continue". */
static int take_freeze(const char *value, struct opts *o, struct error *err)
{
	const char *colon = strchr(value, ':');
	size_t n = colon ? (size_t)(colon - value) : strlen(value);
	long pid = 0;
	char *end;

	if (n != strlen("auto") || strncmp(value, "auto", n)) {
		pid = strtol(value, &end, 10);
		if (end != value + n || pid < 2 || pid > INT32_MAX)
			return bad_value(
			    err, "freeze", value, "a process number or auto");
	}
	if (colon && strcmp(colon, ":keep") && strcmp(colon, ":continue"))
		return bad_value(
		    err, "freeze", value, "nothing, :keep or :continue behind");
	o->freeze = true;
	o->freeze_pid = (int)pid;
	o->freeze_continue = colon && !strcmp(colon, ":continue");
	return 0;
}

static int take(struct opts *o, int id, const char *arg, struct error *err)
{
	static const char *const colors[] = {"auto", "always", "never", NULL};
	static const char *const logs[] = {"stderr", "syslog", "journal", NULL};
	struct addr a;
	unsigned v = 0;

	switch (id) {
	case OPT_ACCEPT:
		return take_accept(arg, o, err);
	case 'f':
		o->from = arg;
		return 0;
	case 'c':
		o->config = arg;
		return 0;
	case 'n':
		o->node = arg;
		return 0;
	case '4':
	case '6':
		if (o->families != FAMILY_BOTH)
			return error_set(err, ERR_USAGE, 0,
			    "-4 and -6 exclude each other; leave both out for both "
			    "families");
		o->families = FAMILY_BIT(id == '4' ? FAMILY_4 : FAMILY_6);
		return 0;
	case 'w':
		return take_seconds("wait", arg, &o->wait, err);
	case 'o':
		/* Which there are, the command tells. */
		v = (unsigned)choice(arg, output_names);
		o->output = (enum output)(v < OUT_COUNT ? v : OUT_COUNT);
		o->form = arg;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	case OPT_VERSION:
		o->version = true;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	case 'v':
		o->verbose++;
		return 0;
	case 'y':
		o->yes = true;
		return 0;
	case OPT_MODE_OF_NODE:
		o->mode_of_node = true;
		return 0;
	case OPT_ABORT:
		o->abort = true;
		return 0;
	case OPT_CONFIRM_WITHIN:
		return take_seconds("confirm-within", arg, &o->confirm_within, err);
	case OPT_REPORT:
		o->report = arg;
		return record_path_ok(arg) ? 0
					   : bad_value(err, "report", arg,
						 "a name that ends in .html or .json");
	case OPT_RESUME:
		o->resume = true;
		return 0;
	case OPT_AGAINST:
		o->against = arg;
		return 0;
	case OPT_CHECK:
		o->check = true;
		return 0;
	case OPT_COLOR:
		if (take_choice("color", arg, colors, "auto, always or never", &v, err))
			return -1;
		o->color = (enum color)v;
		return 0;
	case OPT_DRAIN:
		return take_seconds("drain", arg, &o->drain, err);
	case OPT_DRY_RUN:
		o->dry_run = true;
		return 0;
	case OPT_FREEZE:
		return take_freeze(arg, o, err);
	case OPT_IPTABLES:
		if (take_choice(
			"iptables", arg, variant_names, "auto, legacy or nft", &v, err))
			return -1;
		o->variant = (enum fw_variant)v;
		return 0;
	case OPT_KUBECONFIG:
		o->kubeconfig = arg;
		return 0;
	case OPT_KUBE_PROXY:
		o->kube_proxy = arg;
		return 0;
	case OPT_LOG:
		if (take_choice("log", arg, logs, "stderr, syslog or journal", &v, err))
			return -1;
		o->log = (enum log_target)v;
		return 0;
	case OPT_MAX_CHANGES:
		return take_max_changes(arg, o, err);
	case OPT_METRICS_FILE:
		o->metrics_file = arg;
		return 0;
	case OPT_NODE_ADDRESS:
		if (!addr_parse(arg, &a))
			return bad_value(err, "node-address", arg, "an IP address");
		vec_push(&o->node_addresses, a);
		return 0;
	case OPT_PROBE:
		o->probe = true;
		return 0;
	case OPT_PART:
		if (!part_parse(arg, &o->part))
			return bad_value(err, "part", arg,
			    "iptables, ip6tables, ipset, ipvs, addresses or sysctls");
		o->part_set = true;
		return 0;
	case OPT_REQUEST_TIMEOUT:
		return take_seconds("request-timeout", arg, &o->request_timeout, err);
	case OPT_SOURCE:
		o->source = arg;
		return 0;
	case OPT_STATE_DIR:
		o->state_dir = arg;
		return 0;
	case OPT_TO:
		o->to_given = true;
		o->mode_of_config = !strcmp(arg, "config");
		return o->mode_of_config || mode_parse(arg, &o->mode)
			   ? 0
			   : bad_value(err, "to", arg, "iptables, ipvs or config");
	case OPT_UNCONFIRMED:
		o->unconfirmed = true;
		return 0;
	default:
		return error_set(err, ERR_USAGE, 0, "unknown option");
	}
}

/* The command that the first words name; *used is how many of them. NULL with err. For
 * help the first word is enough. */
static const struct command *command_find(
    struct opts *o, char **words, int n, int *used, struct error *err)
{
	const struct command *first = NULL;
	size_t len = strlen(words[0]);
	struct strbuf which = {0};

	for (const struct command *c = commands; c->name; c++) {
		const char *second = c->name + len;

		if (strncmp(c->name, words[0], len) != 0 || (*second && *second != ' '))
			continue;
		*used = *second ? 2 : 1;
		if (!*second || (n > 1 && !strcmp(second + 1, words[1]))) {
			strbuf_free(&which);
			return c;
		}
		if (!first)
			first = c;
		strbuf_addf(&which, "%s%s", which.len ? ", or " : "", c->synopsis);
	}
	o->help_all = o->help && first && n == 1;
	if (first && !o->help_all)
		error_set(err, ERR_USAGE, 0, "%s: which one? %s", words[0], which.s);
	else if (!first)
		error_set(err, ERR_USAGE, 0,
		    "%s: no such command; vipshift --help lists them", words[0]);
	strbuf_free(&which);
	return o->help_all ? first : NULL;
}

static void getopt_tables(struct option *longs, char *shorts)
{
	char *s = shorts;

	*s++ = ':';
	for (size_t i = 0; i < n_option_rows; i++) {
		longs[i] = (struct option){
		    .name = option_rows[i].name,
		    .has_arg = option_rows[i].arg ? required_argument : no_argument,
		    .val = option_rows[i].id,
		};
		if (option_rows[i].id < 256) {
			*s++ = (char)option_rows[i].id;
			if (option_rows[i].arg)
				*s++ = ':';
		}
	}
	longs[n_option_rows] = (struct option){0};
	*s = '\0';
}

/* The words that are no options: COMMAND [MODE|FILE]. */
static int take_words(struct opts *o, char **words, int n, struct error *err)
{
	int used;

	if (n && !strcmp(words[0], "help")) {
		o->help = true;
		words++;
		n--;
	}
	if (!n)
		return o->help ? 0
			       : error_set(err, ERR_USAGE, 0,
				     "no command; try: vipshift --help");
	o->command = command_find(o, words, n, &used, err);
	if (!o->command)
		return -1;
	if (o->help)
		return 0;
	if (o->command->takes_mode || o->command->takes_file) {
		if (n == used)
			return error_set(err, ERR_USAGE, 0, "which %s? vipshift %s",
			    o->command->groups & GROUP_TRACE ? "address"
			    : o->command->takes_file	     ? "file"
							     : "mode",
			    o->command->synopsis);
		o->file = words[used++];
	}
	if (o->command->takes_mode && !mode_parse(o->file, &o->mode))
		return error_set(err, ERR_USAGE, 0,
		    "%s: no such mode; it is iptables or ipvs", o->file);
	if (n > used)
		return error_set(err, ERR_USAGE, 0, "%s: one word too many; vipshift %s",
		    words[used], o->command->synopsis);
	return 0;
}

/* What getopt_long() did not take: '?' or ':'. */
static int bad_option(int id, const char *word, struct error *err)
{
	const struct option_row *r = option_row_of(optopt);
	char name[40];

	if (strncmp(word, "--", 2) != 0 || word[2] == '\0')
		snprintf(name, sizeof(name), "-%c", optopt);
	else
		snprintf(name, sizeof(name), "--%s", r ? r->name : word + 2);
	if (id == ':')
		return error_set(err, ERR_USAGE, 0, "%s: needs a value; --%s %s", name,
		    r->name, r->arg);
	return error_set(err, ERR_USAGE, 0, "%s: %s", name,
	    r && name[1] == '-' ? "takes no value" : "unknown option; try --help");
}

/* The first thing that is wrong is kept, for the command is known only when all options
 * are through. */
static void take_options(
    int argc, char **argv, struct opts *o, bool *seen, struct error *err)
{
	struct option longs[MAX_OPTION_ROWS + 1];
	char shorts[2 * MAX_OPTION_ROWS + 2];
	struct error later = {0};
	int id;

	getopt_tables(longs, shorts);
	opterr = 0;
	while ((id = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		struct error *e = err->kind ? &later : err;

		if (id == '?' || id == ':') {
			bad_option(id, argv[optind - 1], e);
			continue;
		}
		seen[option_row_of(id) - option_rows] = true;
		take(o, id, optarg, e);
	}
}

int opts_parse(int argc, char **argv, struct opts *ret, struct error *err)
{
	bool seen[MAX_OPTION_ROWS] = {false};
	struct error bad = {0};

	*ret = (struct opts){
	    .families = FAMILY_BOTH, .wait = 5, .drain = -1, .request_timeout = 30};
	take_options(argc, argv, ret, seen, &bad);
	if (!bad.kind && (ret->version || (ret->help && optind == argc)))
		return 0;
	if (take_words(ret, argv + optind, argc - optind, bad.kind ? NULL : err) &&
	    !bad.kind)
		return -1;
	if (bad.kind) {
		*err = bad;
		return -1;
	}
	if (ret->help)
		return 0;
	if (ret->drain < 0)
		ret->drain = ret->command->groups & (GROUP_MIGRATE | GROUP_CONFIRM)
				 ? MIGRATE_DRAIN
				 : REPAIR_DRAIN;
	return opts_check(ret, seen, err);
}

void opts_free(struct opts *o)
{
	vec_free(&o->node_addresses);
	vec_free(&o->accepted);
}

bool opts_accepts(const struct opts *o, const char *kind, const char *name)
{
	size_t n = strlen(kind);

	for (size_t i = 0; i < o->accepted.n; i++) {
		const char *a = o->accepted.v[i];

		if (strncmp(a, kind, n))
			continue;
		if (name ? a[n] == ':' && !strcmp(a + n + 1, name) : !a[n])
			return true;
	}
	return false;
}

/* ---- said again */

/* For a shell: in quotes if need be. */
static void print_word(struct strbuf *sb, const char *option, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789@%+=:,./-_";

	if (!word)
		return;
	strbuf_addf(sb, " %s ", option);
	if (*word && !word[strspn(word, plain)]) {
		strbuf_add(sb, word);
		return;
	}
	strbuf_addch(sb, '\'');
	for (; *word; word++)
		if (*word == '\'')
			strbuf_add(sb, "'\\''");
		else
			strbuf_addch(sb, *word);
	strbuf_addch(sb, '\'');
}

void opts_print_source(struct strbuf *sb, const struct opts *o)
{
	char text[ADDR_STRLEN];

	print_word(sb, "-f", o->from);
	print_word(sb, "--kubeconfig", o->kubeconfig);
	print_word(sb, "-c", o->config);
	print_word(sb, "-n", o->node);
	for (size_t i = 0; i < o->node_addresses.n; i++)
		print_word(
		    sb, "--node-address", addr_format(&o->node_addresses.v[i], text));
	print_word(sb, "--kube-proxy", o->kube_proxy);
	if (o->families != FAMILY_BOTH)
		strbuf_add(sb, o->families == FAMILY_BIT(FAMILY_4) ? " -4" : " -6");
	if (o->variant != FW_AUTO)
		print_word(sb, "--iptables", variant_names[o->variant]);
}
