/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of commands, and the only place that exits. */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/report.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FORMS_OF_FINDINGS (FORM_BIT(OUT_TEXT) | FORM_BIT(OUT_JSON))
#define FORMS_OF_PLAN (FORM_BIT(OUT_TEXT) | FORM_BIT(OUT_JSON) | FORM_BIT(OUT_DIFF))

const struct command commands[] = {
    {
	.name = "show",
	.forms = FORM_BIT(OUT_TEXT) | FORM_BIT(OUT_JSON) | FORM_BIT(OUT_WIDE) |
		 FORM_BIT(OUT_IPVSADM),
	.groups = GROUP_MODEL | GROUP_OUTPUT | GROUP_SHOW,
	.synopsis =
	    "show -f SOURCE [-o text|wide|json|ipvsadm] | --mode-of-node [-f SOURCE]",
	.summary = "print the service model",
	.details = "Prints the services of SOURCE: a table, with -o wide the endpoints "
		   "too, with\n"
		   "-o json the native model (vipshift.json(5)), which -f reads back. "
		   "SOURCE may be a\n"
		   "node: live:iptables, live:ipvs, or dump:PATH with saved text.\n",
	.run = cmd_show,
    },
    {
	.name = "render",
	.forms = FORM_BIT(OUT_TEXT),
	.takes_mode = true,
	.groups = GROUP_MODEL | GROUP_PART,
	.synopsis = "render MODE -f SOURCE [--part PART]",
	.summary = "print the desired state in the stock tools' own formats",
	.details = "Prints what kube-proxy would program in MODE. Needs no root. Without "
		   "--part all\n"
		   "parts are printed, each under a heading \"# part: NAME\".\n",
	.run = cmd_render,
    },
    {
	.name = "diff",
	.forms = FORMS_OF_PLAN,
	.takes_mode = true,
	.groups = GROUP_MODEL | GROUP_LIVE | GROUP_OUTPUT | GROUP_AGAINST,
	.synopsis = "diff MODE -f SOURCE [--against DIR] [-o text|diff|json]",
	.summary = "show what apply would change",
	.details = "Compares the live kernel, or the saved dumps in DIR, with what MODE "
		   "should be.\n"
		   "Exits with 2 when something differs.\n",
	.run = cmd_diff,
    },
    {
	.name = "apply",
	.forms = FORMS_OF_PLAN,
	.takes_mode = true,
	.groups = GROUP_MODEL | GROUP_LIVE | GROUP_OUTPUT | GROUP_WRITE | GROUP_DRAIN |
		  GROUP_ACCEPT,
	.synopsis = "apply MODE -f SOURCE [--dry-run]",
	.summary = "make the live state of MODE equal the model",
	.details = "Touches only what differs and only objects that kube-proxy would "
		   "own, then reads\n"
		   "the kernel again and verifies it.\n",
	.run = cmd_apply,
    },
    {
	.name = "verify",
	.forms = FORMS_OF_FINDINGS,
	.takes_mode = true,
	.groups = GROUP_MODEL | GROUP_LIVE | GROUP_OUTPUT | GROUP_PROBE,
	.synopsis = "verify MODE -f SOURCE [--probe] [-o text|json]",
	.summary = "prove that the live state of MODE equals the model",
	.details = "Compares object by object and lists every finding, with -o json for "
		   "programs.\n"
		   "Exits with 2 if there is one.\n",
	.run = cmd_verify,
    },
    {
	.name = "repair",
	.forms = FORMS_OF_PLAN,
	.takes_mode = true,
	.groups = GROUP_MODEL | GROUP_LIVE | GROUP_OUTPUT | GROUP_WRITE | GROUP_DRAIN |
		  GROUP_REPAIR | GROUP_ACCEPT,
	.synopsis = "repair MODE -f SOURCE [--check] [--max-changes N|N%]",
	.summary = "mend what has drifted, for cron jobs and timers",
	.details = "As apply, and says what had drifted: a line of key=value per service "
		   "and one per\n"
		   "run. Refuses (exit status 3) to make more than --max-changes "
		   "changes.\n",
	.run = cmd_repair,
    },
    {
	.name = "migrate",
	.forms = FORMS_OF_PLAN,
	.groups = GROUP_MODEL | GROUP_LIVE | GROUP_OUTPUT | GROUP_WRITE | GROUP_MIGRATE |
		  GROUP_DRAIN | GROUP_PROBE | GROUP_ACCEPT,
	.synopsis = "migrate --to MODE [-f SOURCE] [--dry-run] [--yes] [--accept NAME] | "
		    "--resume | --abort",
	.summary = "switch the live node to MODE without losing a connection",
	.details = "Checks the node, builds the new state beside the old one, verifies "
		   "it, cuts over\n"
		   "with one atomic commit per IP family, verifies again and removes the "
		   "old mode's\n"
		   "objects. On any failure the old state is put back. Does nothing to a "
		   "node that is\n"
		   "in MODE already; config is the mode of -c. What is done is written "
		   "down first,\n"
		   "so that after a crash --resume finishes it and --abort goes back. "
		   "Without -f the\n"
		   "services are read back from the mode that the node is in.\n",
	.run = cmd_migrate,
    },
    {
	.name = "confirm",
	.forms = FORMS_OF_PLAN,
	.groups = GROUP_LIVE | GROUP_WRITE | GROUP_OUTPUT | GROUP_DRAIN | GROUP_CONFIRM,
	.synopsis = "confirm [--dry-run]",
	.summary = "end a migration that waits for confirmation",
	.details = "Removes what the old mode left, which until then made the way back a "
		   "matter of one\n"
		   "commit per IP family.\n",
	.run = cmd_confirm,
    },
    {
	.name = "rollback",
	.forms = FORMS_OF_PLAN,
	.groups = GROUP_LIVE | GROUP_WRITE | GROUP_OUTPUT | GROUP_DRAIN | GROUP_CONFIRM |
		  GROUP_UNCONFIRMED,
	.synopsis = "rollback [--dry-run]",
	.summary = "go back from the last migration",
	.details = "Undoes a migration that waits for confirmation, or the last one that "
		   "was finished,\n"
		   "from the snapshot that was made before it.\n",
	.run = cmd_rollback,
    },
    {
	.name = "doctor",
	.forms = FORMS_OF_FINDINGS,
	.groups = GROUP_MODEL | GROUP_LIVE | GROUP_OUTPUT | GROUP_DOCTOR | GROUP_ACCEPT,
	.synopsis = "doctor [--to MODE] [-f SOURCE] [-o text|json]",
	.summary = "say whether this node is fit for a switch",
	.details =
	    "Makes the checks of migrate alone, changing nothing: one line per "
	    "check or finding.\n"
	    "Exits with 3 when a switch would be refused. Without -f the services are "
	    "read back\n"
	    "from the node; without --to the mode is the one that the node is not "
	    "in.\n",
	.run = cmd_doctor,
    },
    {
	.name = "trace",
	.forms = FORMS_OF_FINDINGS,
	.takes_file = true,
	.groups = GROUP_MODEL | GROUP_LIVE | GROUP_OUTPUT | GROUP_AGAINST | GROUP_TRACE,
	.synopsis = "trace ADDRESS:PORT[/PROTOCOL] [-f SOURCE] [--source WHO] [--against "
		    "DIR]",
	.summary = "follow one packet through the rules, sets and servers",
	.details = "Prints each rule and entry that decides where a new connection goes, "
		   "and every\n"
		   "end that it can have. With -f in the states of both modes as render "
		   "prints them,\n"
		   "without it in that of this node, with --against in saved dumps.\n",
	.run = cmd_trace,
    },
    {
	.name = "flush",
	.forms = FORMS_OF_PLAN,
	.takes_mode = true,
	.groups = GROUP_CONFIG | GROUP_FAMILY | GROUP_LIVE | GROUP_OUTPUT | GROUP_WRITE |
		  GROUP_ASK,
	.synopsis = "flush MODE [--dry-run] [--yes]",
	.summary = "remove exactly the objects of MODE",
	.details =
	    "Needs no model: names tell what belongs to MODE. What both modes share "
	    "stays while\n"
	    "the other one is there; sysctls stay. Asks before it takes down the "
	    "mode that\n"
	    "carries the services.\n",
	.run = cmd_flush,
    },
    {
	.name = "snapshot save",
	.forms = FORM_BIT(OUT_TEXT),
	.takes_file = true,
	.groups = GROUP_FAMILY | GROUP_LIVE,
	.synopsis = "snapshot save FILE",
	.summary = "save tables, sets, virtual servers, addresses, sysctls",
	.details = "Writes one text file, which says how the stock tools load its parts. "
		   "What is not\n"
		   "of either mode is in it as comments. FILE may be - for standard "
		   "output.\n",
	.run = cmd_snapshot_save,
    },
    {
	.name = "snapshot restore",
	.forms = FORMS_OF_PLAN,
	.takes_file = true,
	.groups = GROUP_CONFIG | GROUP_FAMILY | GROUP_LIVE | GROUP_OUTPUT | GROUP_WRITE |
		  GROUP_ACCEPT,
	.synopsis = "snapshot restore FILE [--dry-run]",
	.summary = "bring the objects of both modes back as saved",
	.details =
	    "Changes what differs and nothing of others, then reads the kernel again "
	    "and\n"
	    "verifies it. FILE may be - for standard input. One that serves nothing is "
	    "refused\n"
	    "where the node does, without --accept no-services.\n",
	.run = cmd_snapshot_restore,
    },
    {0},
};

static int run(struct context *ctx, int argc, char **argv)
{
	struct error err = {0};
	int status;

	if (opts_parse(argc, argv, &ctx->opts, &err)) {
		report_error(ctx, &err);
		return EXIT_USAGE;
	}
	if (ctx->opts.help || ctx->opts.version) {
		if (ctx->opts.version)
			puts(PACKAGE_STRING);
		else
			opts_print_help(stdout, &ctx->opts);
		return fflush(stdout) || ferror(stdout) ? EXIT_ERROR : EXIT_DONE;
	}
	/* A reader that goes away ends a printing command, but never a writing one. */
	if (ctx->opts.command->groups & GROUP_WRITE)
		signal(SIGPIPE, SIG_IGN);
	status = ctx->opts.command->run(ctx, &err);
	if (status < 0) {
		report_error(ctx, &err);
		status = (int)exit_status_of(err.kind);
	}
	return status;
}

/* Else the next file that is opened, the lock or the journal, would get what is said.
 * Using a stream that is not there fails as before. */
static bool take_missing_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	struct context ctx = {0};
	int status;

	if (!take_missing_streams())
		return EXIT_ERROR;
	/* Numbers in rules and JSON are written with a point, whatever the locale says.
	 */
	setlocale(LC_ALL, "C");
	status = run(&ctx, argc, argv);
	context_free(&ctx);
	return status;
}
