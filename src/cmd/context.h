/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_CONTEXT_H
#define CMD_CONTEXT_H

#include "cmd/opts.h"
#include "kernel/live.h"
#include "model/conf.h"
#include "plan/plan.h"
#include "state/ledger.h"
#include "state/caps.h"
#include "state/source.h"

/* What one run of the program holds: options in, and the values of the line as they are
 * built. Released by context_free(). */
struct context {
	struct opts opts;
	struct notes notes; /* remarks of the loaders */
	struct conf *conf;
	struct model *model;
	struct source *source; /* where `have` comes from */
	struct state *have, *want;
	/* When the model was read back: from what (have, or seen_own), and the mode (MODE_BIT)
	 * of each family. */
	struct source *seen_source;
	const struct state *seen;
	struct state *seen_own;
	unsigned seen_modes[FAMILY_COUNT];
	int old_release; /* 1.x: kube-proxy's, older than all that is written; or 0 */
	struct reading *reading; /* under way beside the loading of the model, or NULL */
	struct lvs_table emitted; /* want->lvs before context_drain() */
	struct fw_ruleset emitted_fw[FAMILY_COUNT]; /* and want->fw before context_plan() */
	struct arena *arena;
	struct ledger ledger; /* of earlier runs */
	struct kernel_caps caps;   /* the examination before a switch: fitness_examine() */
	struct notes findings;
	struct probing *probing; /* --probe: probing_begin(); or NULL */
	bool no_ipv6; /* nor ip6tables: opts.families is IPv4 alone for that reason */
	bool variant_guessed; /* opts.variant, which --iptables auto may have refused */
	int lock;
	bool lock_taken;
	bool hold; /* live_options.hold */
	struct model *earlier_model; /* conf borrows from it: context_renew_model() */
	bool plain_masquerade; /* the journal of a migration says so */
	bool ends_migration; /* the command goes on with a migration that did not end */
};

void context_free(struct context *ctx);

/* Reads settings: fills conf. context_load() does it too. */
int context_load_conf(struct context *ctx, struct error *err);

/* Before a live source is read: opts.families becomes what this kernel has tables of. */
int context_choose_families(struct context *ctx, struct error *err);

/* Reads settings, model and node facts: fills conf and model. Takes the lock if the command
 * writes (state_dir_lock()), and begins to read the kernel meanwhile. */
int context_load(struct context *ctx, struct error *err);

/* Says that IPVS is not there, where that is why all of ipvs mode is missing. */
void context_say_no_ipvs(const struct context *ctx);

/* Opens the live kernel, or the dumps of --against, and reads what `modes` are made of
 * into ctx->have; then conf has the node's addresses as kube-proxy would take them. */
int context_read(struct context *ctx, struct error *err);

/* context_read(), and meanwhile context_emit() for the mode of the options, for what is
 * wanted depends on little of the node. */
int context_read_and_emit(struct context *ctx, struct error *err);

/* Finds out whether this kernel and this user can do what the command is about to do; with
 * try false, as in a dry run, only looks. -1: ERR_BACKEND says what is missing. */
int context_probe(
    struct context *ctx, bool try, struct kernel_caps *ret, struct error *err);

/* Waits for the reading that context_load() began; its state is ctx->have then. */
int context_end_reading(struct context *ctx, struct error *err);

/* The addresses of the interfaces in s become the node's, as kube-proxy would take them. */
void context_take_addresses(struct context *ctx, const struct state *s);

/* Once who changes services has been stopped: the model of a server, or of this node as it is
 * in ctx->have now, and what is wanted, anew. A file stays as it is. */
int context_renew_model(struct context *ctx, struct error *err);

/* Reads again: replaces ctx->have. */
int context_reread(struct context *ctx, struct error *err);

/* Emits the desired state of a mode into ctx->want. */
int context_emit(struct context *ctx, enum mode mode, struct error *err);

/* How many real servers are allowed to end their connections: lets those of ctx->have that
 * are not wanted do so, by adding them to ctx->want. To be called before anything is
 * compared, and again after ctx->have was read again to plan anew. */
size_t context_drain(struct context *ctx);

/* The plan from ctx->have to ctx->want, which then is content with chains of ctx->have that
 * differ in their text only, as those of other releases do; what there is of that is
 * reported with -v. ctx->have must live as long as ctx->want, or until the next plan. */
int context_plan(struct context *ctx, const struct scope *scope, struct plan **ret,
    struct error *err);

/* What a run for these modes may touch. Borrows from ctx. */
struct scope context_scope(const struct context *ctx, unsigned modes);

#endif
