/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of options, and the help that is made of it. */
#include "config.h"

#include "cmd/opts_table.h"
#include "base/strbuf.h"
#include "cmd/cmd.h"

#include <string.h>

const struct option_row option_rows[] = {
    {'f', "from", "SOURCE", GROUP_MODEL, OPTION_BEGIN,
	"cluster (the API server), live:MODE, dump:PATH, or a file: Kubernetes objects or "
	"vipshift's model, as JSON or YAML; - is standard input"},
    {OPT_KUBECONFIG, "kubeconfig", "FILE", GROUP_MODEL, OPTION_BEGIN,
	"how -f cluster gets there (default: as kubectl, $KUBECONFIG and so on)"},
    {OPT_REQUEST_TIMEOUT, "request-timeout", "SECONDS", GROUP_MODEL, OPTION_BEGIN,
	"the longest wait for an answer of the API server (default 30)"},
    {'c', "config", "FILE", GROUP_MODEL | GROUP_CONFIG, OPTION_BEGIN,
	"KubeProxyConfiguration, or the ConfigMap that holds it"},
    {'n', "node", "NAME", GROUP_MODEL, OPTION_BEGIN,
	"the node to render for (default: the host name)"},
    {OPT_NODE_ADDRESS, "node-address", "IP", GROUP_MODEL, OPTION_BEGIN,
	"an address of the node (repeatable); overrides what is found"},
    {OPT_KUBE_PROXY, "kube-proxy", "VERSION", GROUP_MODEL, OPTION_BEGIN,
	"whose dialect to speak, " DIALECT_OLDEST " to " DIALECT_NEWEST
	" (default: the Node's kubelet version, else the newest)"},
    {OPT_TO, "to", "MODE", GROUP_MIGRATE | GROUP_DOCTOR, 0,
	"the mode to switch to: iptables, ipvs, or config for that of -c FILE"},
    {OPT_ACCEPT, "accept", "NAME", GROUP_ACCEPT, OPTION_BEGIN,
	"go on in spite of these findings (repeatable), or of all"},
    {OPT_CONFIRM_WITHIN, "confirm-within", "SECONDS", GROUP_MIGRATE, OPTION_SWITCH,
	"go back unless vipshift confirm comes in time"},
    {OPT_RESUME, "resume", NULL, GROUP_MIGRATE, 0, "finish a migration that did not end"},
    {OPT_ABORT, "abort", NULL, GROUP_MIGRATE, 0,
	"go back from a migration that did not end"},
    {OPT_REPORT, "report", "FILE", GROUP_MIGRATE, OPTION_SWITCH,
	"write a record of the migration: FILE.html or FILE.json"},
    {OPT_UNCONFIRMED, "unconfirmed", NULL, GROUP_UNCONFIRMED, 0,
	"when the time to confirm is over, and only if nobody did"},
    {OPT_PART, "part", "PART", GROUP_PART, 0,
	"only iptables, ip6tables, ipset, ipvs, addresses or sysctls"},
    {OPT_SOURCE, "source", "WHO", GROUP_TRACE, 0,
	"who connects: pod (default), node, outside or an address[%INTERFACE]"},
    {OPT_AGAINST, "against", "DIR", GROUP_AGAINST, 0,
	"compare with saved dumps instead of the live kernel"},
    {OPT_DRY_RUN, "dry-run", NULL, GROUP_WRITE, 0, "print the plan, change nothing"},
    {OPT_CHECK, "check", NULL, GROUP_REPAIR, 0,
	"report what has drifted, change nothing"},
    {OPT_MAX_CHANGES, "max-changes", "N|N%", GROUP_REPAIR, 0,
	"refuse to make more changes, % of the wanted objects"},
    {OPT_FREEZE, "freeze", "PID|auto", GROUP_MIGRATE, OPTION_BEGIN,
	"stop kube-proxy for the switch; auto:continue lets it go on after it"},
    {OPT_PROBE, "probe", NULL, GROUP_PROBE, OPTION_SWITCH,
	"make real connections to the services, too"},
    {OPT_DRAIN, "drain", "SECONDS", GROUP_DRAIN, 0,
	"leave what goes that long for its connections (default 3600; migrate, confirm, "
	"rollback 300)"},
    {OPT_METRICS_FILE, "metrics-file", "FILE", GROUP_REPAIR, 0,
	"write what came of it for Prometheus"},
    {OPT_LOG, "log", "TARGET", 0, OPTION_EVERYWHERE,
	"where messages go: stderr, syslog or journal"},
    {'y', "yes", NULL, GROUP_MIGRATE | GROUP_ASK, OPTION_EVERYWHERE, "ask no question"},
    {'4', "ipv4", NULL, GROUP_MODEL | GROUP_FAMILY, OPTION_EVERYWHERE, "IPv4 only"},
    {'6', "ipv6", NULL, GROUP_MODEL | GROUP_FAMILY, OPTION_EVERYWHERE, "IPv6 only"},
    {OPT_IPTABLES, "iptables", "KIND", GROUP_LIVE | GROUP_SHOW, OPTION_EVERYWHERE,
	"the kernel interface for rules: auto, legacy or nft"},
    {'w', "wait", "SECONDS", GROUP_LIVE, OPTION_EVERYWHERE,
	"wait for the xtables lock and for another run (default 5)"},
    {OPT_STATE_DIR, "state-dir", "DIR", GROUP_LIVE, OPTION_EVERYWHERE,
	"where lock and ledger are (default /var/lib/vipshift)"},
    {'o', "output", "FORM", GROUP_OUTPUT, OPTION_EVERYWHERE,
	"text, json, diff, wide or ipvsadm, whichever the command has"},
    {OPT_MODE_OF_NODE, "mode-of-node", NULL, GROUP_SHOW, 0,
	"which mode the node is in, and who wrote it"},
    {OPT_COLOR, "color", "WHEN", GROUP_OUTPUT, OPTION_EVERYWHERE,
	"auto, always or never"},
    {'q', "quiet", NULL, 0, 0, "say only problems"},
    {'v', "verbose", NULL, 0, 0, "say more"},
    {'h', "help", NULL, 0, 0, "this text"},
    {OPT_VERSION, "version", NULL, 0, 0, "the program's version"},
};
const size_t n_option_rows = sizeof(option_rows) / sizeof(option_rows[0]);
_Static_assert(
    sizeof(option_rows) / sizeof(option_rows[0]) <= MAX_OPTION_ROWS, "too many");

const struct option_row *option_row_of(int id)
{
	for (size_t i = 0; i < n_option_rows; i++)
		if (option_rows[i].id == id)
			return &option_rows[i];
	return NULL;
}

void option_forms_print(struct strbuf *sb, unsigned forms)
{
	for (enum output f = 0; f < OUT_COUNT; f++) {
		unsigned later = forms >> (f + 1);

		if (forms & FORM_BIT(f))
			strbuf_addf(sb, "%s%s", output_names[f],
			    !later		  ? ""
			    : later & (later - 1) ? ", "
						  : " and ");
	}
}

static void print_option(FILE *out, const struct option_row *r, const struct command *cmd)
{
	struct strbuf forms = {0};
	char left[64];

	if (r->id < 256)
		snprintf(left, sizeof(left), "  -%c, --%s%s%s", r->id, r->name,
		    r->arg ? " " : "", r->arg ? r->arg : "");
	else
		snprintf(left, sizeof(left), "      --%s%s%s", r->name, r->arg ? " " : "",
		    r->arg ? r->arg : "");
	if (r->id == 'o' && cmd)
		option_forms_print(&forms, cmd->forms);
	fprintf(out, "%-28s %s\n", left, forms.len ? forms.s : r->help);
	strbuf_free(&forms);
}

static void print_commands(FILE *out)
{
	fputs("Usage: vipshift COMMAND [MODE] [OPTIONS]\n\n"
	      "Programs and migrates a Kubernetes node's service load balancing.\n"
	      "MODE is iptables or ipvs.\n\nCommands:\n",
	    out);
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-16s %s\n", c->name, c->summary);
	fputs("\nOptions:\n", out);
}

static void print_page(FILE *out, const struct command *cmd)
{
	if (cmd)
		fprintf(out, "Usage: vipshift %s [OPTIONS]\n\n%s\nOptions:\n",
		    cmd->synopsis, cmd->details);
	else
		print_commands(out);
	for (size_t i = 0; i < n_option_rows; i++) {
		const struct option_row *r = &option_rows[i];

		if (!cmd || !r->groups || r->groups & cmd->groups)
			print_option(out, r, cmd);
	}
}

void opts_print_help(FILE *out, const struct opts *o)
{
	const struct command *cmd = o->command;
	size_t word = cmd ? strcspn(cmd->name, " ") : 0;

	print_page(out, cmd);
	/* "snapshot" alone is about both of them. */
	for (; o->help_all && cmd[1].name && !strncmp(cmd[1].name, cmd->name, word + 1);
	     cmd++) {
		fputc('\n', out);
		print_page(out, cmd + 1);
	}
	fputs(
	    "\nExit status: 0 done, 1 error, 2 something differs, 3 refused, 4 locked,\n"
	    "5 interface missing, 6 failed and rolled back, 7 partly done, 64 usage.\n"
	    "vipshift(8) says all of it.\n",
	    out);
}
