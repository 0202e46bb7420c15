/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The change record for people who look rather than read: what came of it, a timeline of
 * the phases with the test connections on it, and each service before and after.
 */
#include "config.h"

#include "cmd/record.h"

#include <string.h>
#include <time.h>

/* ---- text */

/* Names come from the cluster and from rules of others. */
static void esc(struct strbuf *sb, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			strbuf_add(sb, "&amp;");
			break;
		case '<':
			strbuf_add(sb, "&lt;");
			break;
		case '>':
			strbuf_add(sb, "&gt;");
			break;
		case '"':
			strbuf_add(sb, "&quot;");
			break;
		default:
			strbuf_addch(sb, *s);
		}
	}
}

static const char *or_dash(const char *s)
{
	return s && *s ? s : "–";
}

static void head(struct strbuf *sb, const struct record *r)
{
	strbuf_add(sb,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	    "<title>");
	esc(sb, r->node);
	strbuf_addf(sb, ": %s to %s</title>\n<style>\n", r->from, r->to);
	strbuf_add(sb,
	    "body{font:15px/1.45 system-ui,sans-serif;color:#1c2733;background:#fff;"
	    "max-width:1080px;margin:2em auto;padding:0 1.2em}\n"
	    "h1{font-size:1.5em;margin:0}h2{font-size:1.1em;margin:2em 0 .5em}\n"
	    ".verdict{border-left:.4em solid #2a7d46;background:#eef7f1;padding:.8em "
	    "1em;margin:1em 0}\n"
	    ".verdict.bad{border-color:#b3261e;background:#fcefee}\n"
	    "table{border-collapse:collapse;width:100%}\n"
	    "th,td{text-align:left;vertical-align:top;padding:.3em .7em .3em 0;"
	    "border-bottom:1px solid #dde3e9}\n"
	    "th{font-weight:600;color:#51606f}\n"
	    "code,.mono{font:13px/1.5 ui-monospace,monospace}\n"
	    ".same{color:#51606f}.changed td{background:#fff6dd}\n"
	    ".facts td:first-child{color:#51606f;white-space:nowrap;width:1%}\n"
	    "svg{width:100%;height:auto}svg text{font:12px system-ui,sans-serif;"
	    "fill:#1c2733}\n"
	    "@media print{body{margin:0;max-width:none}tr{break-inside:avoid}}\n"
	    "</style>\n</head>\n<body>\n");
}

static void fact(struct strbuf *sb, const char *name, const char *value)
{
	strbuf_addf(sb, "<tr><td>%s</td><td>", name);
	esc(sb, or_dash(value));
	strbuf_add(sb, "</td></tr>\n");
}

static void switch_facts(struct strbuf *sb, const struct record *r)
{
	char name[48], text[64];

	for (size_t i = 0; i < r->n_switches; i++) {
		snprintf(name, sizeof(name), "Switch of %s", r->switches[i].family);
		snprintf(text, sizeof(text), "%.3f s from first to last write",
		    r->switches[i].seconds);
		fact(sb, name, text);
	}
}

static void summary(struct strbuf *sb, const struct record *r)
{
	char when[64] = "", text[160];
	time_t t = (time_t)r->started;
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	strbuf_add(sb, "<h1>");
	esc(sb, r->node);
	strbuf_addf(sb, ": from %s to %s mode</h1>\n", r->from, r->to);
	strbuf_addf(sb, "<p class=\"verdict%s\"><b>", r->exit_status ? " bad" : "");
	esc(sb, r->result);
	snprintf(text, sizeof(text), "</b> Exit status %d, %.2f s.</p>\n", r->exit_status,
	    r->seconds);
	strbuf_add(sb, text);
	strbuf_add(sb, "<table class=\"facts\">\n");
	fact(sb, "Started", when);
	fact(sb, "Program", PACKAGE_STRING);
	fact(sb, "Kernel", r->kernel);
	fact(sb, "Rules as of kube-proxy", r->kube_proxy);
	fact(sb, "iptables", r->variant);
	snprintf(text, sizeof(text), "%zu added, %zu changed, %zu deleted", r->added,
	    r->changed, r->deleted);
	fact(sb, "Kernel objects", text);
	snprintf(text, sizeof(text), "%zu service ports", r->n_services);
	fact(sb, "Services", text);
	switch_facts(sb, r);
	strbuf_add(sb, "</table>\n");
}

/* ---- the timeline */

#define LEFT 110.0
#define WIDTH 860.0
#define ROW 26

static double x_of(const struct record *r, double at)
{
	double span = r->seconds > 0 ? r->seconds : 1;

	return LEFT + WIDTH * (at < 0 ? 0 : at > span ? span : at) / span;
}

static void phase_row(struct strbuf *sb, const struct record *r, size_t i)
{
	const struct record_phase *p = &r->phases[i];
	double x = x_of(r, p->begin), w = x_of(r, p->begin + p->seconds) - x;
	int y = 10 + ROW * (int)i;

	strbuf_addf(sb, "<text x=\"0\" y=\"%d\">%s</text>\n", y + 14, p->name);
	strbuf_addf(sb,
	    "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"18\" rx=\"2\" "
	    "fill=\"%s\"><title>%s: %zu operations, %.3f s</title></rect>\n",
	    x, y, w < 2 ? 2.0 : w, p->failed ? "#b3261e" : "#4a7fb5", p->name, p->n_ops,
	    p->seconds);
	strbuf_addf(sb, "<text x=\"%.1f\" y=\"%d\"%s>%.3f s</text>\n",
	    x + w > LEFT + WIDTH - 60 ? x - 6 : x + w + 8, y + 14,
	    x + w > LEFT + WIDTH - 60 ? " text-anchor=\"end\"" : "", p->seconds);
}

static void probe_dots(struct strbuf *sb, const struct record *r, int y)
{
	if (!r->n_probes)
		return;
	strbuf_addf(sb, "<text x=\"0\" y=\"%d\">connections</text>\n", y + 14);
	for (size_t i = 0; i < r->n_probes; i++) {
		const struct record_probe *p = &r->probes[i];

		strbuf_addf(sb,
		    "<circle cx=\"%.1f\" cy=\"%d\" r=\"%d\" fill=\"%s\"><title>%s: %zu of "
		    "%zu failed at %.3f s</title></circle>\n",
		    x_of(r, p->at), y + (p->failed ? 4 : 12), p->failed ? 5 : 3,
		    p->failed ? "#b3261e" : "#2a7d46", p->when, p->failed, p->tried,
		    p->at);
	}
}

static void timeline(struct strbuf *sb, const struct record *r)
{
	int rows = (int)r->n_phases + (r->n_probes ? 1 : 0);
	size_t tried = 0, failed = 0;

	for (size_t i = 0; i < r->n_probes; i++) {
		tried += r->probes[i].tried;
		failed += r->probes[i].failed;
	}
	strbuf_add(sb, "<h2>Timeline</h2>\n");
	strbuf_addf(sb,
	    "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"phases and test "
	    "connections over time\">\n",
	    (int)(LEFT + WIDTH + 60), rows * ROW + 36);
	for (size_t i = 0; i < r->n_phases; i++)
		phase_row(sb, r, i);
	probe_dots(sb, r, 10 + ROW * (int)r->n_phases);
	strbuf_addf(sb,
	    "<line x1=\"%.0f\" y1=\"%d\" x2=\"%.0f\" y2=\"%d\" stroke=\"#9aa7b3\"/>\n"
	    "<text x=\"%.0f\" y=\"%d\">0 s</text>\n"
	    "<text x=\"%.0f\" y=\"%d\" text-anchor=\"end\">%.2f s</text>\n</svg>\n",
	    LEFT, rows * ROW + 12, LEFT + WIDTH, rows * ROW + 12, LEFT, rows * ROW + 28,
	    LEFT + WIDTH, rows * ROW + 28, r->seconds);
	if (r->n_probes)
		strbuf_addf(
		    sb, "<p>%zu test connections, %zu failed.</p>\n", tried, failed);
	else
		strbuf_add(
		    sb, "<p>No test connections: made with <code>--probe</code>.</p>\n");
}

/* ---- tables */

static void notes(struct strbuf *sb, const char *title, const struct record_note *v,
    size_t n, bool differences)
{
	strbuf_addf(sb, "<h2>%s</h2>\n", title);
	if (!n) {
		strbuf_add(sb, "<p>None.</p>\n");
		return;
	}
	strbuf_add(sb, "<table>\n");
	for (size_t i = 0; i < n; i++) {
		strbuf_add(sb, "<tr><td class=\"mono\">");
		esc(sb, or_dash(v[i].about));
		strbuf_add(sb, "</td><td>");
		esc(sb, v[i].text);
		strbuf_add(sb, "</td>");
		if (differences) {
			strbuf_add(sb, "<td class=\"mono\">");
			esc(sb, or_dash(v[i].name));
			strbuf_addf(
			    sb, "</td><td>%s</td>", v[i].accepted ? "accepted" : "");
		}
		strbuf_add(sb, "</tr>\n");
	}
	strbuf_add(sb, "</table>\n");
}

static void endpoint_cell(struct strbuf *sb, const char *const *list)
{
	strbuf_add(sb, "<td class=\"mono\">");
	for (size_t i = 0; list[i]; i++) {
		if (i)
			strbuf_add(sb, "<br>");
		esc(sb, list[i]);
	}
	strbuf_add(sb, list[0] ? "</td>" : "–</td>");
}

static void way_row(struct strbuf *sb, const struct record_service *s, size_t i)
{
	const struct record_way *w = &s->ways[i];
	bool same = record_same(w);

	strbuf_add(sb, same ? "<tr>" : "<tr class=\"changed\">");
	strbuf_add(sb, "<td>");
	if (!i) {
		strbuf_add(sb, "<b>");
		esc(sb, s->name);
		strbuf_add(sb, "</b><br><span class=\"same\">");
		esc(sb, s->type);
		strbuf_add(sb, ", ");
		esc(sb, s->proto);
		strbuf_add(sb, "</span>");
	}
	strbuf_add(sb, "</td><td class=\"mono\">");
	esc(sb, w->frontend);
	strbuf_add(sb, "</td>");
	endpoint_cell(sb, w->before);
	if (same)
		strbuf_add(sb, "<td class=\"same\">the same</td>");
	else
		endpoint_cell(sb, w->after);
	strbuf_add(sb, "</tr>\n");
}

static void services(struct strbuf *sb, const struct record *r)
{
	strbuf_addf(sb,
	    "<h2>Services</h2>\n<table>\n<tr><th>Service</th><th>Address</th><th>Before "
	    "(%s)</th><th>After (%s)</th></tr>\n",
	    r->from, r->to);
	for (size_t i = 0; i < r->n_services; i++)
		for (size_t k = 0; k < r->services[i].n_ways; k++)
			way_row(sb, &r->services[i], k);
	strbuf_add(sb, "</table>\n");
}

void record_print_html(struct strbuf *sb, const struct record *r)
{
	head(sb, r);
	summary(sb, r);
	timeline(sb, r);
	notes(sb, "What behaves differently now", r->differences, r->n_differences, true);
	if (r->n_findings)
		notes(sb, "Findings", r->findings, r->n_findings, false);
	services(sb, r);
	strbuf_add(sb, "</body>\n</html>\n");
}
