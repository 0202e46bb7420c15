/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes IP sets through libipset, at the level of its session: that level neither prints
 * nor exits. Entries go out aggregated, many to a message. What libipset says on failure
 * is text only, so a table of its messages tells what kind of failure it was.
 */
#include "config.h"

#include "kernel/driver.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <libipset/data.h>
#include <libipset/parse.h>
#include <libipset/session.h>
#include <libipset/types.h>

#include "base/vec.h"
#include "kernel/kset_read.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct kset_driver {
	struct driver base;
	struct ipset_session *session; /* NULL: not opened yet */
};

static struct kset_driver *kset_driver(struct driver *d)
{
	return (struct kset_driver *)d;
}

/* ---- the session */

/* Only listings print, and nothing is listed here. */
static __attribute__((format(printf, 3, 4))) int print_nothing(
    struct ipset_session *session, void *p, const char *fmt, ...)
{
	(void)session;
	(void)p;
	(void)fmt;
	return 0;
}

static int open_session(struct kset_driver *d, struct error *err)
{
	if (d->session)
		return 0;
	ipset_load_types();
	d->session = ipset_session_init(print_nothing, NULL);
	if (!d->session)
		return error_set(
		    err, ERR_KERNEL, errno, "cannot open a session to ipset");
	/* Otherwise a kernel with a newer protocol makes every command warn. */
	ipset_envopt_set(d->session, IPSET_ENV_QUIET);
	return 0;
}

static const struct {
	const char *part;
	enum error_kind kind;
} failures[] = {
    {"Operation not permitted", ERR_BACKEND},
    {"Permission denied", ERR_BACKEND},
    {"Cannot open session", ERR_BACKEND},
    {"Kernel does not support", ERR_BACKEND},
    {"set type not supported", ERR_BACKEND},
    {"set with the same name already exists", ERR_MOVED},
    {"set with the given name does not exist", ERR_MOVED},
    {"it's already added", ERR_MOVED},
    {"it's not added", ERR_MOVED},
};

/* What the session reports, as an error; empties the report. *line: the line number in
 * it, 0 if none. */
static int report(struct kset_driver *d, uint32_t *line, struct error *err)
{
	const char *msg = ipset_session_report_msg(d->session);
	enum error_kind kind = ERR_KERNEL;
	unsigned number = 0;
	int skip = 0;

	if (sscanf(msg, "Error in line %u: %n", &number, &skip) == 1)
		msg += skip;
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (strstr(msg, failures[i].part)) {
			kind = failures[i].kind;
			break;
		}
	error_set(err, kind, 0, "%.*s", (int)strcspn(msg, "\n"),
	    *msg ? msg : "no reason given");
	if (line)
		*line = number;
	ipset_session_report_reset(d->session);
	/* Or the next command's message would carry the number too. */
	ipset_session_lineno(d->session, 0);
	return -1;
}

/* A command's return code lies at times: what was reported counts too. */
static int command(struct kset_driver *d, enum ipset_cmd cmd, uint32_t line,
    uint32_t *failed, struct error *err)
{
	int r = ipset_cmd(d->session, cmd, line);

	if (r < 0 || ipset_session_report_type(d->session) >= IPSET_NOTICE)
		return report(d, failed, err);
	ipset_session_report_reset(d->session);
	return 0;
}

static int set_name(struct kset_driver *d, const char *name, struct error *err)
{
	ipset_data_reset(ipset_session_data(d->session));
	if (ipset_parse_setname(d->session, IPSET_SETNAME, name) < 0)
		return report(d, NULL, err);
	return 0;
}

static int kset_read(
    struct driver *d, unsigned families, struct state *into, struct error *err)
{
	(void)d;
	return kset_read_all(families, into->arena, &into->sets, err);
}

/* ---- writing */

struct writer {
	struct kset_driver *d;
	struct error *err;
	VEC(const struct kset_entry *) lines; /* what line number i + 1 stands for */
};

static int fail_entry(struct writer *w, const struct kset *s, const struct kset_entry *e)
{
	struct strbuf text = {0};
	const char *p;

	if (!e)
		return -1;
	kset_print_entry(&text, s, e);
	text.s[strcspn(text.s, "\n")] = '\0';
	p = strrchr(text.s, ' '); /* "add SET ENTRY" */
	error_wrap(w->err, "entry %s", p ? p + 1 : text.s);
	strbuf_free(&text);
	return -1;
}

/* Failures of aggregated entries surface late, and name their line. */
static int fail_line(struct writer *w, const struct kset *s, uint32_t line)
{
	return fail_entry(w, s, line && line <= w->lines.n ? w->lines.v[line - 1] : NULL);
}

static int flush(struct writer *w, const struct kset *s)
{
	uint32_t line = 0;

	if (ipset_commit(w->d->session) == 0 &&
	    ipset_session_report_type(w->d->session) < IPSET_NOTICE)
		return 0;
	report(w->d, &line, w->err);
	return fail_line(w, s, line);
}

static uint8_t set_family(const struct kset *s)
{
	return (uint8_t)family_info(s->family)->af;
}

/* kube-proxy's sets have none; but undoing must be able to put back what was there. */
static int put_extensions(struct writer *w, struct ipset_data *data, const char *text)
{
	static const struct {
		const char *word;
		enum ipset_opt opt;
		bool number;
	} known[] = {
	    {"counters", IPSET_OPT_COUNTERS, false},
	    {"comment", IPSET_OPT_CREATE_COMMENT, false},
	    {"forceadd", IPSET_OPT_FORCEADD, false},
	    {"skbinfo", IPSET_OPT_SKBINFO, false},
	    {"timeout", IPSET_OPT_TIMEOUT, true},
	};
	char *copy = xstrdup(text), *save, *word;
	int result = 0;

	for (word = strtok_r(copy, " ", &save); word && !result;
	     word = strtok_r(NULL, " ", &save)) {
		uint32_t value = 0;
		size_t i = 0;

		while (i < ARRAY_SIZE(known) && strcmp(known[i].word, word) != 0)
			i++;
		if (i < ARRAY_SIZE(known) && known[i].number) {
			char *number = strtok_r(NULL, " ", &save);

			value = number ? (uint32_t)strtoul(number, NULL, 10) : 0;
		}
		if (i == ARRAY_SIZE(known))
			result = error_set(w->err, ERR_REFUSED, 0,
			    "cannot make a set with the extension %s", word);
		else
			ipset_data_set(data, known[i].opt, &value);
	}
	free(copy);
	return result;
}

static int create(struct writer *w, const struct kset *s, const char *name)
{
	struct ipset_data *data = ipset_session_data(w->d->session);
	uint8_t family = set_family(s);

	if (s->type == KSET_OTHER)
		return error_set(w->err, ERR_REFUSED, 0,
		    "sets of type %s are not made here, kube-proxy uses none",
		    s->other_type);
	if (set_name(w->d, name, w->err))
		return -1;
	ipset_data_set(data, IPSET_OPT_TYPENAME, kset_type_name(s->type));
	if (s->type != KSET_BITMAP_PORT)
		ipset_data_set(data, IPSET_OPT_FAMILY, &family);
	if (!ipset_type_get(w->d->session, IPSET_CMD_CREATE)) {
		report(w->d, NULL, w->err);
		return error_wrap(w->err, "type %s", kset_type_name(s->type));
	}
	if (s->type == KSET_BITMAP_PORT) {
		ipset_data_set(data, IPSET_OPT_PORT_FROM, &s->port_from);
		ipset_data_set(data, IPSET_OPT_PORT_TO, &s->port_to);
	} else {
		ipset_data_set(data, IPSET_OPT_HASHSIZE, &s->hashsize);
		ipset_data_set(data, IPSET_OPT_MAXELEM, &s->maxelem);
	}
	if (s->extensions && put_extensions(w, data, s->extensions))
		return -1;
	return command(w->d, IPSET_CMD_CREATE, 0, NULL, w->err);
}

/* Only the set's own fields: libipset would send any other along, and the kernel refuse.
 */
static void fill_entry(
    struct ipset_data *data, const struct kset *s, const struct kset_entry *e)
{
	uint8_t family = set_family(s);

	if (s->type != KSET_BITMAP_PORT) {
		ipset_data_set(data, IPSET_OPT_FAMILY, &family);
		ipset_data_set(data, IPSET_OPT_IP, e->ip.b);
	}
	if (s->type != KSET_BITMAP_PORT && s->type != KSET_HASH_IP)
		ipset_data_set(data, IPSET_OPT_PROTO, &e->proto);
	if (s->type != KSET_HASH_IP)
		ipset_data_set(data, IPSET_OPT_PORT, &e->port);
	if (s->type == KSET_HASH_IP_PORT_IP || s->type == KSET_HASH_IP_PORT_NET)
		ipset_data_set(data, IPSET_OPT_IP2, e->ip2.b);
	if (s->type == KSET_HASH_IP_PORT_NET)
		ipset_data_set(data, IPSET_OPT_CIDR2, &e->bits);
}

static int put_entry(struct writer *w, enum ipset_cmd cmd, const struct kset *s,
    const char *name, const struct kset_entry *e)
{
	uint32_t line = 0;

	if (set_name(w->d, name, w->err))
		return -1;
	if (!ipset_type_get(w->d->session, cmd)) {
		report(w->d, NULL, w->err);
		return fail_entry(w, s, e);
	}
	fill_entry(ipset_session_data(w->d->session), s, e);
	vec_push(&w->lines, e);
	if (command(w->d, cmd, (uint32_t)w->lines.n, &line, w->err))
		return fail_line(w, s, line);
	return 0;
}

static int put_all(struct writer *w, const struct kset *s, const char *name)
{
	for (size_t i = 0; i < s->n_entries; i++)
		if (put_entry(w, IPSET_CMD_ADD, s, name, &s->entries[i]))
			return -1;
	return flush(w, s);
}

/* One walk over both sorted lists: the entries that only `from` has. */
static int put_missing(
    struct writer *w, enum ipset_cmd cmd, const struct kset *from, const struct kset *in)
{
	size_t j = 0;

	for (size_t i = 0; i < from->n_entries; i++) {
		const struct kset_entry *e = &from->entries[i];
		int c = 1;

		while (j < in->n_entries && (c = kset_entry_cmp(&in->entries[j], e)) < 0)
			j++;
		if ((j == in->n_entries || c > 0) &&
		    put_entry(w, cmd, from, from->name, e))
			return -1;
	}
	return flush(w, from);
}

static int destroy(struct writer *w, const char *name)
{
	if (set_name(w->d, name, w->err))
		return -1;
	if (command(w->d, IPSET_CMD_DESTROY, 0, NULL, w->err) == 0)
		return 0;
	if (strstr(w->err->msg, "in use by a kernel component"))
		error_set(w->err, ERR_KERNEL, EBUSY,
		    "cannot destroy it, rules or other sets still use it");
	return -1;
}

static int swap(struct writer *w, const char *a, const char *b)
{
	if (set_name(w->d, a, w->err))
		return -1;
	ipset_data_set(ipset_session_data(w->d->session), IPSET_OPT_SETNAME2, b);
	return command(w->d, IPSET_CMD_SWAP, 0, NULL, w->err);
}

/* Builds the set under another name and swaps: the rules that use it follow. */
static int replace_in_use(
    struct writer *w, const struct kset *have, const struct kset *want)
{
	char aside[IPSET_MAXNAMELEN];
	struct error first;

	/* The kernel swaps sets of one type only. */
	if (have->type != want->type || have->family != want->family)
		return error_set(w->err, ERR_REFUSED, 0,
		    "rules use it, and its type is %s %s, not %s %s; remove these rules "
		    "first",
		    have->type == KSET_OTHER ? have->other_type
					     : kset_type_name(have->type),
		    family_info(have->family)->set_family, kset_type_name(want->type),
		    family_info(want->family)->set_family);
	snprintf(aside, sizeof(aside), "vipshift-%ld", (long)getpid());
	if (create(w, want, aside))
		return -1;
	if (put_all(w, want, aside) == 0 && swap(w, aside, want->name) == 0)
		return destroy(w, aside);
	first = *w->err;
	destroy(w, aside);
	*w->err = first;
	return -1;
}

static int write_op(struct writer *w, const struct op *op)
{
	const struct kset *have = op->have, *want = op->want;

	w->lines.n = 0;
	if (!want)
		return destroy(w, have->name);
	if (have && kset_same_header(have, want)) {
		if (put_missing(w, IPSET_CMD_ADD, want, have))
			return -1;
		return put_missing(w, IPSET_CMD_DEL, have, want);
	}
	if (have && destroy(w, have->name)) {
		if (w->err->sys_errno != EBUSY)
			return -1;
		error_clear(w->err);
		return replace_in_use(w, have, want);
	}
	return create(w, want, want->name) || put_all(w, want, want->name) ? -1 : 0;
}

static int kset_write(
    struct driver *base, const struct op *ops, size_t n, size_t *done, struct error *err)
{
	struct writer w = {.d = kset_driver(base), .err = err};
	int result = 0;

	*done = 0;
	if (open_session(w.d, err))
		return -1;
	for (size_t i = 0; i < n && result == 0; i++) {
		const struct op *op = &ops[i];
		const struct kset *s = op->want ? op->want : op->have;

		result = write_op(&w, op);
		if (result)
			error_wrap(err, "IP set %s%s%s%s", s->name, op->why ? " (" : "",
			    op->why ? op->why : "", op->why ? ")" : "");
		else
			++*done;
	}
	vec_free(&w.lines);
	return result;
}

static void kset_close(struct driver *base)
{
	struct kset_driver *d = kset_driver(base);

	if (d->session)
		ipset_session_fini(d->session);
	free(d);
}

int kset_nl_open(struct driver **ret, struct error *err)
{
	static const struct driver_ops ops = {
	    .read = kset_read, .write = kset_write, .close = kset_close};
	struct kset_driver *d = xcalloc(1, sizeof(*d));

	(void)err;
	d->base.ops = &ops;
	*ret = &d->base;
	return 0;
}
