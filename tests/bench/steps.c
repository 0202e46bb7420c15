/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does what `vipshift apply` does and prints the seconds of each step, so that
 * programming the kernel can be set against tools that are given finished text.
 * Everything that is measured is the program's own code; only the order of the calls is
 * repeated here.
 */
#include "config.h"

#include "emit/emit.h"
#include "kernel/live.h"
#include "verify/walk_compare.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOCK_WAIT 5

struct run {
	enum mode mode;
	const char *node, *from, *saved;
	unsigned families, kinds;
	bool write, load_only, walk;
	struct conf *conf;
	struct model *model;
	struct source *dump;
	struct state *want;
	double begin, begin_cpu;
};

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void start(struct run *r)
{
	r->begin = now(CLOCK_MONOTONIC);
	r->begin_cpu = now(CLOCK_PROCESS_CPUTIME_ID);
}

/* Ends a step: prints how long it took. */
static void step(struct run *r, const char *name)
{
	printf("%s %.6f %.6f\n", name, now(CLOCK_MONOTONIC) - r->begin,
	    now(CLOCK_PROCESS_CPUTIME_ID) - r->begin_cpu);
	start(r);
}

static int load_model(struct run *r, struct error *err)
{
	const struct model_node *node;

	if (model_load(r->from, &r->model, NULL, err))
		return -1;
	node = model_node_find(r->model, r->node);
	r->conf = conf_new();
	r->conf->node_name = r->node;
	if (dialect_parse(node ? node->kubelet_version : NULL, &r->conf->dialect, err))
		return -1;
	conf_take_node(r->conf, r->model);
	step(r, "load");
	return 0;
}

/* The wanted state from saved text: what the stock tools are given, too. */
static int load_saved(struct run *r, struct error *err)
{
	if (dump_open(r->saved, &r->dump, err) ||
	    source_read(r->dump, r->kinds, r->families, &r->want, err))
		return -1;
	step(r, "load");
	return 0;
}

static int program(struct run *r, const struct state *have, struct error *err)
{
	struct live_options live = {.variant = FW_LEGACY, .lock_wait = LOCK_WAIT};
	struct scope scope = {
	    .modes = MODE_BIT(r->mode), .families = r->families, .kinds = r->kinds};
	AUTO(sink) struct sink *sink = NULL;
	AUTO(plan) struct plan *plan = NULL;
	struct outcome out = {0};

	if (plan_make(r->want, have, &scope, &plan, err))
		return -1;
	step(r, "plan");
	printf("operations %zu\n", plan->n_ops);
	if (!r->write)
		return 0;
	if (live_sink_open(&live, &sink, err) ||
	    sink_run(sink, plan, 0, plan->n_ops, &out, err))
		return -1;
	step(r, "write");
	for (int p = 0; p < PHASE_COUNT; p++)
		printf("%s %.6f\n", phase_name((enum phase)p), out.seconds[p]);
	return 0;
}

/* Where packets go in each of the modes, instead of programming one. */
static int walk(struct run *r, struct error *err)
{
	AUTO(state) struct state *ipt = NULL;
	AUTO(state) struct state *ipvs = NULL;
	struct notes notes = {0};
	size_t n;

	if (emit_state(MODE_IPTABLES, r->model, r->conf, r->families, &ipt, NULL, err) ||
	    emit_state(MODE_IPVS, r->model, r->conf, r->families, &ipvs, NULL, err))
		return -1;
	walk_add_node(ipt, r->conf);
	walk_add_node(ipvs, r->conf);
	step(r, "emit");
	n = walk_compare(r->model, r->conf, r->families, ipt, ipvs, &notes);
	step(r, "walk");
	printf("packets %zu\ndifferences %zu\n", n, notes.list.n);
	notes_clear(&notes);
	return 0;
}

static int run(struct run *r, struct error *err)
{
	struct live_options live = {.variant = FW_LEGACY, .lock_wait = LOCK_WAIT};
	AUTO(source) struct source *source = NULL;
	AUTO(state) struct state *have = NULL;

	start(r);
	if (r->saved ? load_saved(r, err) : load_model(r, err))
		return -1;
	if (r->load_only)
		return 0;
	if (r->walk)
		return walk(r, err);
	if (live_source_open(&live, &source, err) ||
	    source_read(source, r->kinds, r->families, &have, err))
		return -1;
	step(r, "read");
	if (!r->saved) {
		if (emit_state(
			r->mode, r->model, r->conf, r->families, &r->want, NULL, err))
			return -1;
		step(r, "emit");
	}
	return program(r, have, err);
}

static void release(struct run *r)
{
	state_free(r->want);
	source_close(r->dump);
	model_free(r->model);
	conf_free(r->conf);
}

static bool kind_option(const char *s, unsigned *kinds)
{
	static const char *const names[KIND_COUNT] = {"fw", "kset", "lvs", "vip", "knob"};

	for (unsigned k = 0; k < KIND_COUNT; k++)
		if (!strcmp(s, names[k])) {
			*kinds = KIND_BIT(k);
			return true;
		}
	return false;
}

static const char usage[] =
    "usage: steps [-4] [-n NODE] [-k KIND] [-w | -l | -p] MODE -f FILE | -d SAVED\n"
    "FILE: Kubernetes JSON; SAVED: folder of dumps. -w writes to the kernel, -l only "
    "loads,\n-p compares where packets go in both modes.\n";

int main(int argc, char **argv)
{
	struct run r = {.families = FAMILY_BOTH, .kinds = KIND_ALL, .node = "node-0000"};
	struct error err = {0};
	int ret;

	for (int o; (o = getopt(argc, argv, "4n:k:wlpf:d:")) >= 0;) {
		switch (o) {
		case '4':
			r.families = FAMILY_BIT(FAMILY_4);
			break;
		case 'n':
			r.node = optarg;
			break;
		case 'w':
			r.write = true;
			break;
		case 'l':
			r.load_only = true;
			break;
		case 'p':
			r.walk = true;
			break;
		case 'f':
			r.from = optarg;
			break;
		case 'd':
			r.saved = optarg;
			break;
		case 'k':
			if (kind_option(optarg, &r.kinds))
				break;
			/* fall through */
		default:
			fputs(usage, stderr);
			return 64;
		}
	}
	if (optind != argc - 1 || !mode_parse(argv[optind], &r.mode) ||
	    !r.from == !r.saved || (r.walk && r.saved)) {
		fputs(usage, stderr);
		return 64;
	}
	ret = run(&r, &err);
	if (ret)
		fprintf(stderr, "steps: %s\n", err.msg);
	release(&r);
	return ret ? 1 : 0;
}
