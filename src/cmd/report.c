/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the program says to people, and plans in the form they asked for. */
#include "config.h"

#include "cmd/report.h"
#include "cmd/cmd.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

static void __attribute__((format(printf, 3, 0)))
say(const struct context *ctx, int priority, const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		return;
	log_text(ctx->opts.log, priority,
	    ctx->opts.command ? ctx->opts.command->name : NULL, text);
	free(text);
}

static void __attribute__((format(printf, 2, 3)))
say_error(const struct context *ctx, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(ctx, LOG_ERR, fmt, ap);
	va_end(ap);
}

void report_info(const struct context *ctx, const char *fmt, ...)
{
	va_list ap;

	if (ctx->opts.quiet)
		return;
	va_start(ap, fmt);
	say(ctx, LOG_INFO, fmt, ap);
	va_end(ap);
}

void report_problem(const struct context *ctx, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(ctx, LOG_WARNING, fmt, ap);
	va_end(ap);
}

void report_error(const struct context *ctx, const struct error *err)
{
	say_error(ctx, "%s", err->msg);
}

void report_note(const struct context *ctx, const struct note *n)
{
	static const char *const prefix[] = {
	    [NOTE_INFO] = "",
	    [NOTE_WARNING] = "warning: ",
	    [NOTE_ACCEPT] = "",
	    [NOTE_REFUSE] = "",
	};

	if (n->level == NOTE_INFO && ctx->opts.quiet)
		return;
	report_problem(ctx, "%s%s%s%s%s%s%s", prefix[n->level], n->about ? n->about : "",
	    n->about ? ": " : "", n->text, n->name ? " [" : "", n->name ? n->name : "",
	    n->name ? "]" : "");
}

void report_notes(const struct context *ctx, const struct notes *n, enum note_level min)
{
	for (size_t i = 0; i < n->list.n; i++)
		if (n->list.v[i].level >= min)
			report_note(ctx, &n->list.v[i]);
}

/* A signal that is caught while an answer is waited for. (A read would go on.) */
static bool is_interrupted(void)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

	if (poll(&p, 1, -1) >= 0 || errno != EINTR)
		return false;
	fputc('\n', stderr);
	return true;
}

int report_confirm(const struct context *ctx, const char *question, struct error *err)
{
	char answer[16] = "";

	if (ctx->opts.yes)
		return 0;
	if (!isatty(STDIN_FILENO))
		return error_set(err, ERR_USAGE, 0,
		    "no terminal to ask on: add --yes, or --dry-run to look");
	fprintf(stderr, "%s [y/N] ", question);
	if (is_interrupted() || !fgets(answer, sizeof(answer), stdin) ||
	    (strcmp(answer, "y\n") && strcmp(answer, "yes\n")))
		return error_set(
		    err, ERR_REFUSED, 0, "not confirmed; nothing was changed");
	return 0;
}

bool report_colour(const struct context *ctx, FILE *stream)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	switch (ctx->opts.color) {
	case COLOR_ALWAYS:
		return true;
	case COLOR_NEVER:
		return false;
	case COLOR_AUTO:
		break;
	}
	if ((no && *no) || (term && !strcmp(term, "dumb")))
		return false;
	return isatty(fileno(stream));
}

int report_flush(struct strbuf *sb, struct error *err)
{
	int failed = strbuf_flush(sb);

	if (failed || fflush(stdout))
		return error_set(
		    err, ERR_INPUT, errno, "cannot write to standard output");
	return 0;
}

bool report_wants_plan(const struct context *ctx, const struct plan *p)
{
	const struct opts *o = &ctx->opts;

	return o->dry_run || o->form || (o->verbose && p->n_ops);
}

int report_plan(
    const struct context *ctx, const struct plan *p, bool phases, struct error *err)
{
	struct strbuf sb = {.out = stdout};
	int ret;

	switch (ctx->opts.output) {
	case OUT_JSON:
		plan_print_json(&sb, p, phases);
		break;
	case OUT_DIFF:
		plan_print_diff(&sb, p, report_colour(ctx, stdout));
		break;
	case OUT_TEXT:
	case OUT_WIDE:
	case OUT_IPVSADM:
		plan_print_text(&sb, p, phases);
		break;
	}
	ret = report_flush(&sb, err);
	strbuf_free(&sb);
	return ret;
}

double report_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}
