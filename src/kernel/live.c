/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel of this network namespace as a source and as a sink: picks the driver of
 * each kind, opened when it is first needed, and hands it what belongs into one commit.
 */
#include "config.h"

#include "kernel/live.h"

#include <stdlib.h>
#include <time.h>

#include "kernel/driver.h"
#include "kernel/fw_variant.h"
#include "kernel/fw_xt.h"

struct drivers {
	struct live_options options;
	struct driver *of[KIND_COUNT];
};

/* ---- drivers */

static int open_fw(const struct drivers *ds, struct driver **ret, struct error *err)
{
	enum fw_variant variant;

	if (fw_variant_detect(ds->options.variant, &variant, err))
		return -1;
	return variant == FW_NFT ? fw_nft_open(&ds->options, ret, err)
				 : fw_legacy_open(&ds->options, ret, err);
}

static int get_driver(
    struct drivers *ds, enum kind kind, struct driver **ret, struct error *err)
{
	int r = 0;

	if (!ds->of[kind]) {
		switch (kind) {
		case KIND_FW:
			r = open_fw(ds, &ds->of[kind], err);
			break;
		case KIND_KSET:
			r = kset_nl_open(&ds->of[kind], err);
			break;
		case KIND_LVS:
			r = lvs_nl_open(&ds->of[kind], err);
			break;
		case KIND_VIP:
			r = vip_nl_open(&ds->of[kind], err);
			break;
		case KIND_KNOB:
			r = knob_proc_open(&ds->of[kind], err);
			break;
		}
	}
	if (r == 0)
		*ret = ds->of[kind];
	return r;
}

static void close_drivers(struct drivers *ds)
{
	for (int k = 0; k < KIND_COUNT; k++)
		driver_close(ds->of[k]);
}

/* ---- sink */

struct live_sink {
	struct sink base;
	struct drivers *drivers, own;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int run_group(struct live_sink *s, const struct op *ops, size_t n,
    struct outcome *out, struct error *err)
{
	struct driver *d;
	double start = now();
	uint32_t commits;
	size_t done = 0;
	int r;

	if (get_driver(s->drivers, ops->kind, &d, err))
		return -1;
	commits = d->commits;
	r = d->ops->write(d, ops, n, &done, err);
	out->done += done;
	out->commits += d->commits - commits;
	out->seconds[ops->phase] += now() - start;
	return r;
}

static int live_run(struct sink *base, const struct plan *p, size_t from, size_t to,
    struct outcome *out, struct error *err)
{
	struct live_sink *s = (struct live_sink *)base;
	struct error own = {0};
	struct outcome none = {0};

	if (!err)
		err = &own;
	if (!out)
		out = &none;
	out->done = from;
	out->n_ops = p->n_ops;
	while (from < to) {
		size_t end = plan_group_end(p, from, to);

		if (run_group(s, &p->ops[from], end - from, out, err))
			return -1;
		from = end;
	}
	return 0;
}

void live_sink_hold(struct sink *base, const struct plan *p, size_t from, size_t to)
{
	struct live_sink *s = (struct live_sink *)base;
	struct error ignored = {0};
	struct driver *d;

	while (from < to) {
		size_t end = plan_group_end(p, from, to);
		const struct op *ops = &p->ops[from];

		/* What fails here fails again when it is written, and is told then. */
		if (!get_driver(s->drivers, ops->kind, &d, &ignored) &&
		    d->ops->hold)
			d->ops->hold(d, ops, end - from);
		from = end;
	}
}

static void release(struct drivers *ds)
{
	for (int k = 0; k < KIND_COUNT; k++)
		if (ds->of[k] && ds->of[k]->ops->release)
			ds->of[k]->ops->release(ds->of[k]);
}

void live_sink_release(struct sink *base)
{
	release(((struct live_sink *)base)->drivers);
}

static void live_sink_close(struct sink *base)
{
	struct live_sink *s = (struct live_sink *)base;

	if (s->drivers != &s->own)
		return;
	close_drivers(&s->own);
	free(s);
}

static const struct sink_ops sink_ops = {.run = live_run, .close = live_sink_close};

int live_sink_open(const struct live_options *o, struct sink **ret, struct error *err)
{
	struct live_sink *s = xcalloc(1, sizeof(*s));

	(void)err;
	s->base.ops = &sink_ops;
	s->drivers = &s->own;
	s->own.options = *o;
	*ret = &s->base;
	return 0;
}

void sink_close(struct sink *s)
{
	if (s)
		s->ops->close(s);
}

/* ---- source */

struct live_source {
	struct source base;
	struct drivers drivers;
	struct live_sink sink; /* live_sink_of() */
};

/* since: NULL, or what allows to read less. */
static int read_kinds(struct live_source *s, unsigned kinds, unsigned families,
    const struct since *since, bool *borrowed, struct state *into, struct error *err)
{
	struct error own = {0};

	if (!err)
		err = &own; /* drivers look at what they were told */
	for (int k = 0; k < KIND_COUNT; k++) {
		struct driver *d;

		if (!(kinds & KIND_BIT(k)))
			continue;
		if (get_driver(&s->drivers, (enum kind)k, &d, err))
			return -1;
		if (since && d->ops->reread
			? d->ops->reread(d, families, since, into, borrowed, err)
			: d->ops->read(d, families, into, err))
			return -1;
	}
	return 0;
}

static int live_read(struct source *base, unsigned kinds, unsigned families,
    struct state *into, struct error *err)
{
	return read_kinds(
	    (struct live_source *)base, kinds, families, NULL, NULL, into, err);
}

int live_reread(struct source *live, unsigned families, struct state *before,
    const struct plan *p, const struct outcome *out, struct state **ret,
    struct error *err)
{
	struct since since = {before, p->ops, p->n_ops, out->commits};
	AUTO(state) struct state *st = state_new();
	bool borrowed = false;

	if (read_kinds((struct live_source *)live, KIND_ALL, families, &since, &borrowed,
		st, err))
		return -1;
	if (borrowed)
		st->base = before;
	*ret = st;
	st = NULL;
	return 0;
}

static void live_source_close(struct source *base)
{
	struct live_source *s = (struct live_source *)base;

	close_drivers(&s->drivers);
	free(s);
}

int live_source_open(const struct live_options *o, struct source **ret, struct error *err)
{
	static const struct source_ops ops = {
	    .read = live_read, .close = live_source_close};
	struct live_source *s = xcalloc(1, sizeof(*s));

	(void)err;
	fw_xt_prepare();
	s->base.ops = &ops;
	s->drivers.options = *o;
	s->sink = (struct live_sink){.base.ops = &sink_ops, .drivers = &s->drivers};
	*ret = &s->base;
	return 0;
}

struct sink *live_sink_of(struct source *live)
{
	return &((struct live_source *)live)->sink.base;
}

void live_release(struct source *live)
{
	release(&((struct live_source *)live)->drivers);
}
