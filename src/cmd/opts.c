/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: one table of options, which also makes the help. */
#include "config.h"

#include "cmd/opts.h"
#include "base/strbuf.h"
#include "cmd/cmd.h"
#include "cmd/record.h"
#include "verify/check.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* Seconds for connections. Somebody waits for a migration; real servers that leave are
 * seen to by the next runs of repair. */
#define MIGRATE_DRAIN 300
#define REPAIR_DRAIN 3600

enum opt_id {
	OPT_ABORT = 256,
	OPT_ACCEPT,
	OPT_AGAINST,
	OPT_CHECK,
	OPT_COLOR,
	OPT_CONFIRM_WITHIN,
	OPT_DRAIN,
	OPT_DRY_RUN,
	OPT_FREEZE,
	OPT_HELP,
	OPT_IPTABLES,
	OPT_KUBECONFIG,
	OPT_KUBE_PROXY,
	OPT_LOG,
	OPT_MAX_CHANGES,
	OPT_METRICS_FILE,
	OPT_MODE_OF_NODE,
	OPT_NODE_ADDRESS,
	OPT_PART,
	OPT_PROBE,
	OPT_REPORT,
	OPT_REQUEST_TIMEOUT,
	OPT_RESUME,
	OPT_SOURCE,
	OPT_STATE_DIR,
	OPT_TO,
	OPT_UNCONFIRMED,
	OPT_VERSION,
};

struct option_row {
	int id; /* the short letter, or enum opt_id */
	const char *name, *arg;
	unsigned groups; /* 0: every command */
	const char *help;
};

static const struct option_row rows[] = {
    {'f', "from", "SOURCE", GROUP_MODEL,
	"cluster (the API server), live:MODE, dump:PATH, or a file: Kubernetes JSON or "
	"vipshift's model JSON; - is standard input"},
    {OPT_KUBECONFIG, "kubeconfig", "FILE", GROUP_MODEL,
	"how -f cluster gets there (default: as kubectl, $KUBECONFIG and so on)"},
    {OPT_REQUEST_TIMEOUT, "request-timeout", "SECONDS", GROUP_MODEL,
	"the longest wait for an answer of the API server (default 30)"},
    {'c', "config", "FILE", GROUP_MODEL | GROUP_CONFIG,
	"KubeProxyConfiguration, or the ConfigMap that holds it"},
    {'n', "node", "NAME", GROUP_MODEL, "the node to render for (default: the host name)"},
    {OPT_NODE_ADDRESS, "node-address", "IP", GROUP_MODEL,
	"an address of the node (repeatable); overrides what is found"},
    {OPT_KUBE_PROXY, "kube-proxy", "VERSION", GROUP_MODEL,
	"whose dialect to speak, " DIALECT_OLDEST " to " DIALECT_NEWEST
	" (default: the Node's kubelet version, else the newest)"},
    {OPT_TO, "to", "MODE", GROUP_MIGRATE | GROUP_DOCTOR,
	"the mode to switch to: iptables, ipvs, or config for that of -c FILE"},
    {OPT_ACCEPT, "accept", "NAME", GROUP_ACCEPT,
	"go on in spite of these findings (repeatable), or of all"},
    {OPT_CONFIRM_WITHIN, "confirm-within", "SECONDS", GROUP_MIGRATE,
	"go back unless vipshift confirm comes in time"},
    {OPT_RESUME, "resume", NULL, GROUP_MIGRATE, "finish a migration that did not end"},
    {OPT_ABORT, "abort", NULL, GROUP_MIGRATE,
	"go back from a migration that did not end"},
    {OPT_REPORT, "report", "FILE", GROUP_MIGRATE,
	"write a record of the migration: FILE.html or FILE.json"},
    {OPT_UNCONFIRMED, "unconfirmed", NULL, GROUP_UNCONFIRMED,
	"when the time to confirm is over, and only if nobody did"},
    {OPT_PART, "part", "PART", GROUP_PART,
	"only iptables, ip6tables, ipset, ipvs, addresses or sysctls"},
    {OPT_SOURCE, "source", "WHO", GROUP_TRACE,
	"who connects: pod (default), node, outside or an address[%INTERFACE]"},
    {OPT_AGAINST, "against", "DIR", GROUP_AGAINST,
	"compare with saved dumps instead of the live kernel"},
    {OPT_DRY_RUN, "dry-run", NULL, GROUP_WRITE, "print the plan, change nothing"},
    {OPT_CHECK, "check", NULL, GROUP_REPAIR, "report what has drifted, change nothing"},
    {OPT_MAX_CHANGES, "max-changes", "N|N%", GROUP_REPAIR,
	"refuse to make more changes, % of the wanted objects"},
    {OPT_FREEZE, "freeze", "PID|auto", GROUP_MIGRATE,
	"stop kube-proxy for the switch; with :continue let it go on after it"},
    {OPT_PROBE, "probe", NULL, GROUP_PROBE, "make real connections to the services, too"},
    {OPT_DRAIN, "drain", "SECONDS", GROUP_DRAIN,
	"leave what goes that long for its connections (default 3600; migrate, rollback "
	"300)"},
    {OPT_METRICS_FILE, "metrics-file", "FILE", GROUP_REPAIR,
	"write what came of it for Prometheus"},
    {OPT_LOG, "log", "TARGET", GROUP_WRITE, "stderr, syslog or journal"},
    {'y', "yes", NULL, GROUP_MIGRATE | GROUP_ASK, "ask no question"},
    {'4', "ipv4", NULL, GROUP_MODEL | GROUP_FAMILY, "IPv4 only"},
    {'6', "ipv6", NULL, GROUP_MODEL | GROUP_FAMILY, "IPv6 only"},
    {OPT_IPTABLES, "iptables", "KIND", GROUP_LIVE | GROUP_SHOW,
	"the kernel interface for rules: auto, legacy or nft"},
    {'w', "wait", "SECONDS", GROUP_LIVE,
	"wait for the xtables lock and for another run (default 5)"},
    {OPT_STATE_DIR, "state-dir", "DIR", GROUP_LIVE,
	"where lock and ledger are (default /var/lib/vipshift)"},
    {'o', "output", "FORM", GROUP_OUTPUT,
	"text, json, diff; show also has wide and ipvsadm"},
    {OPT_MODE_OF_NODE, "mode-of-node", NULL, GROUP_SHOW,
	"which mode the node is in, and who wrote it"},
    {OPT_COLOR, "color", "WHEN", GROUP_OUTPUT, "auto, always or never"},
    {'q', "quiet", NULL, 0, "say only problems"},
    {'v', "verbose", NULL, 0, "say more"},
    {OPT_HELP, "help", NULL, 0, "this text"},
    {OPT_VERSION, "version", NULL, 0, "the program's version"},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct option_row *row_of(int id)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].id == id)
			return &rows[i];
	return NULL;
}

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
	static const char *const outputs[] = {
	    "text", "json", "diff", "wide", "ipvsadm", NULL};
	static const char *const colors[] = {"auto", "always", "never", NULL};
	static const char *const variants[] = {"auto", "legacy", "nft", NULL};
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
		if (take_choice("output", arg, outputs,
			"text, json, diff, wide or ipvsadm", &v, err))
			return -1;
		o->output = (enum output)v;
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
			"iptables", arg, variants, "auto, legacy or nft", &v, err))
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

/* The command that the first words name; *used is how many of them. NULL with err. */
static const struct command *command_find(
    char **words, int n, int *used, struct error *err)
{
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
		strbuf_addf(&which, "%s%s", which.len ? ", or " : "", c->synopsis);
	}
	if (which.len)
		error_set(err, ERR_USAGE, 0, "%s: which one? %s", words[0], which.s);
	else
		error_set(err, ERR_USAGE, 0,
		    "%s: no such command; vipshift --help lists them", words[0]);
	strbuf_free(&which);
	return NULL;
}

static void getopt_tables(struct option *longs, char *shorts)
{
	char *s = shorts;

	*s++ = ':';
	for (size_t i = 0; i < N_ROWS; i++) {
		longs[i] = (struct option){
		    .name = rows[i].name,
		    .has_arg = rows[i].arg ? required_argument : no_argument,
		    .val = rows[i].id,
		};
		if (rows[i].id < 256) {
			*s++ = (char)rows[i].id;
			if (rows[i].arg)
				*s++ = ':';
		}
	}
	longs[N_ROWS] = (struct option){0};
	*s = '\0';
}

/* The words that are no options: COMMAND [MODE|FILE]. */
static int take_words(struct opts *o, char **words, int n, struct error *err)
{
	int used;

	if (!n)
		return error_set(err, ERR_USAGE, 0, "no command; try: vipshift --help");
	o->command = command_find(words, n, &used, err);
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

/* Every option given must mean something to the command. */
static int check_seen(const struct opts *o, const bool *seen, struct error *err)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (seen[i] && rows[i].groups && !(rows[i].groups & o->command->groups))
			return error_set(err, ERR_USAGE, 0,
			    "--%s means nothing to this command; vipshift %s",
			    rows[i].name, o->command->synopsis);
	if (o->command->groups & GROUP_MIGRATE &&
	    seen[row_of(OPT_TO) - rows] + o->resume + o->abort != 1)
		return error_set(err, ERR_USAGE, 0,
		    "which way? One of --to, --resume, --abort; vipshift %s",
		    o->command->synopsis);
	if (seen[row_of(OPT_CONFIRM_WITHIN) - rows] && !o->confirm_within)
		return bad_value(err, "confirm-within", "0", "more than 0 seconds");
	if (o->mode_of_config && !o->config)
		return error_set(
		    err, ERR_USAGE, 0, "--to config: which one? give it with -c FILE");
	if ((o->output == OUT_WIDE || o->output == OUT_IPVSADM) &&
	    o->command->run != cmd_show)
		return error_set(
		    err, ERR_USAGE, 0, "-o wide and -o ipvsadm are for show only");
	if (o->output == OUT_DIFF && o->command->run == cmd_show)
		return error_set(
		    err, ERR_USAGE, 0, "-o diff: show has text, wide, json and ipvsadm");
	return 0;
}

int opts_parse(int argc, char **argv, struct opts *ret, struct error *err)
{
	struct option longs[N_ROWS + 1];
	char shorts[2 * N_ROWS + 2];
	bool seen[N_ROWS] = {false}, version = false;
	int id;

	*ret = (struct opts){
	    .families = FAMILY_BOTH, .wait = 5, .drain = -1, .request_timeout = 30};
	getopt_tables(longs, shorts);
	opterr = 0;
	while ((id = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (id == '?' || id == ':')
			return error_set(err, ERR_USAGE, 0, "%s: %s", argv[optind - 1],
			    id == ':' ? "needs a value" : "unknown option; try --help");
		seen[row_of(id) - rows] = true;
		if (id == OPT_HELP)
			ret->help = true;
		else if (id == OPT_VERSION)
			version = true;
		else if (take(ret, id, optarg, err))
			return -1;
	}
	if (version || (ret->help && optind == argc))
		return 0;
	if (take_words(ret, argv + optind, argc - optind, err))
		return -1;
	if (ret->drain < 0)
		ret->drain = ret->command->groups & (GROUP_MIGRATE | GROUP_CONFIRM)
				 ? MIGRATE_DRAIN
				 : REPAIR_DRAIN;
	return ret->help ? 0 : check_seen(ret, seen, err);
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

static void print_option(FILE *out, const struct option_row *r)
{
	char left[64];

	if (r->id < 256)
		snprintf(left, sizeof(left), "  -%c, --%s%s%s", r->id, r->name,
		    r->arg ? " " : "", r->arg ? r->arg : "");
	else
		snprintf(left, sizeof(left), "      --%s%s%s", r->name, r->arg ? " " : "",
		    r->arg ? r->arg : "");
	fprintf(out, "%-28s %s\n", left, r->help);
}

void opts_print_help(FILE *out, const struct command *cmd)
{
	if (cmd) {
		fprintf(out, "Usage: vipshift %s [OPTIONS]\n\n%s\nOptions:\n",
		    cmd->synopsis, cmd->details);
	} else {
		fputs(
		    "Usage: vipshift COMMAND [MODE] [OPTIONS]\n\n"
		    "Programs and migrates a Kubernetes node's service load balancing.\n"
		    "MODE is iptables or ipvs.\n\nCommands:\n",
		    out);
		for (const struct command *c = commands; c->name; c++)
			fprintf(out, "  %-16s %s\n", c->name, c->summary);
		fputs("\nOptions:\n", out);
	}
	for (size_t i = 0; i < N_ROWS; i++)
		if (!cmd || !rows[i].groups || rows[i].groups & cmd->groups)
			print_option(out, &rows[i]);
	fputs(
	    "\nExit status: 0 done, 1 error, 2 something differs, 3 refused, 4 locked,\n"
	    "5 interface missing, 6 failed and rolled back, 7 partly done, 64 usage.\n"
	    "vipshift(8) says all of it.\n",
	    out);
}
