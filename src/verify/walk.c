/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of a packet: chains, hooks, routing and IPVS in the kernel's order. A way is
 * walked from its beginning for each combination of choices, which walk_at.choices counts
 * through like the digits of a number.
 */
#include "config.h"

#include "verify/walk_part.h"

#include <string.h>

#define MAX_DEPTH 16 /* of jumps; tables with loops cannot be loaded */
#define MAX_PATHS 16384
#define MAX_UNSURE 6 /* on one way; then the rest is taken not to match */

enum way { WAY_ON, WAY_BACK, WAY_ACCEPTED, WAY_ENDED };

/* ---- steps */

static void add_step(struct walk_at *at, struct walk_step step)
{
	if (at->with_steps)
		vec_push(&at->steps, step);
}

static void end(struct walk_at *at, enum walk_end how)
{
	at->path.end = how;
	at->path.dst = at->p.dst;
	at->path.port = at->p.port;
}

/* ---- rules of others, kept as text */

/* The word behind "-j", which comes behind all matches; "" if there is none. */
static void word_of_target(const char *text, char *buf, size_t size)
{
	const char *j = !strncmp(text, "-j ", 3) ? text : NULL;

	for (const char *p = strstr(text, " -j "); p; p = strstr(p + 1, " -j "))
		j = p + 1;
	snprintf(buf, size, "%.*s", j ? (int)strcspn(j + 3, " ") : 0, j ? j + 3 : "");
}

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(word, *list))
			return true;
	return false;
}

static enum way do_text(struct walk_at *at, const struct fw_rule *r)
{
	static const char *const source[] = {"SNAT", "MASQUERADE", NULL};
	static const char *const harmless[] = {"", "LOG", "NFLOG", "TCPMSS", "CONNMARK",
	    "SET", "CLASSIFY", "DSCP", "TOS", "TRACE", "AUDIT", "CHECKSUM", NULL};
	char word[32];

	word_of_target(r->opaque, word, sizeof(word));
	switch (guess_verdict(r)) {
	case VERDICT_ACCEPT:
		return WAY_ACCEPTED;
	case VERDICT_DROP:
		end(at, strcmp(word, "REJECT") ? WALK_DROPPED : WALK_REFUSED);
		return WAY_ENDED;
	case VERDICT_RETURN:
		return WAY_BACK;
	case VERDICT_DNAT:
		at->path.unsure = true;
		end(at, WALK_UNKNOWN);
		return WAY_ENDED;
	case VERDICT_CHAIN:
	case VERDICT_NEXT:
		break;
	}
	if (is_one_of(word, source)) {
		at->masqueraded = true;
		return WAY_ACCEPTED;
	}
	if (!is_one_of(word, harmless))
		at->path.unsure = true;
	return WAY_ON;
}

/* Nothing follows from it for the packet, whether it matches or not. */
static bool is_idle(const struct fw_rule *r)
{
	char word[32];

	if (!r->opaque)
		return r->target.kind == FWT_NONE;
	if (r->target.kind == FWT_JUMP)
		return false;
	word_of_target(r->opaque, word, sizeof(word));
	return !*word || strstr(word, "LOG");
}

/* ---- chains */

static enum way through_chain(
    struct walk_at *at, enum fw_table_id t, const struct fw_chain *c, unsigned depth);

static enum way jump(struct walk_at *at, enum fw_table_id t, const struct fw_chain *c,
    size_t rule, unsigned depth)
{
	const struct fw_rule *r = &c->rules[rule];
	size_t steps = at->steps.n;
	enum way way = through_chain(
	    at, t, walker_jump(at->walker, at->p.family, t, c, rule), depth + 1);

	if (way != WAY_ON && way != WAY_BACK)
		return way;
	/* It was for nothing: the jump decided nothing either. */
	if (at->steps.n == steps && steps)
		at->steps.n--;
	/* Who was sent by "goto" does not come back here. */
	return r->target.go ? WAY_BACK : WAY_ON;
}

static enum way do_rule(struct walk_at *at, enum fw_table_id t, const struct fw_chain *c,
    size_t rule, unsigned depth)
{
	const struct fw_rule *r = &c->rules[rule];

	if (r->target.kind == FWT_JUMP)
		return jump(at, t, c, rule, depth);
	if (r->opaque)
		return do_text(at, r);
	switch ((enum fw_target_kind)r->target.kind) {
	case FWT_NONE:
	case FWT_JUMP:
		break;
	case FWT_ACCEPT:
		return WAY_ACCEPTED;
	case FWT_DROP:
		end(at, WALK_DROPPED);
		return WAY_ENDED;
	case FWT_REJECT:
		end(at, WALK_REFUSED);
		return WAY_ENDED;
	case FWT_RETURN:
		return WAY_BACK;
	case FWT_MARK:
		at->p.mark = (at->p.mark & ~r->target.mark.mask) ^ r->target.mark.value;
		break;
	case FWT_MASQUERADE:
		at->masqueraded = true;
		return WAY_ACCEPTED;
	case FWT_DNAT:
		at->dnatted = true;
		at->p.dst = *r->target.addr;
		if (r->target.port)
			at->p.port = r->target.port;
		return WAY_ACCEPTED;
	}
	return WAY_ON;
}

#define ASK_AGAIN (-1) /* it has chosen, and chooses again */

static enum answer ask_rule(struct walk_at *at, const struct fw_rule *r)
{
	size_t i = at->asked++, choices = at->next;
	enum answer a;

	if (i < at->known)
		return at->answers.v[i] == ASK_AGAIN ? walk_rule(at, r)
						     : (enum answer)at->answers.v[i];
	a = walk_rule(at, r);
	at->answers.n = i;
	vec_push(&at->answers, (signed char)(at->next == choices ? (int)a : ASK_AGAIN));
	return a;
}

/* Whether the way leads through this rule; where it cannot be told it does and does not.
 */
static bool takes_rule(struct walk_at *at, const struct fw_rule *r, bool *unsure)
{
	enum answer a = ask_rule(at, r);

	*unsure = a == ANSWER_MAYBE;
	if (a != ANSWER_MAYBE)
		return a == ANSWER_YES;
	if (is_idle(r))
		return false;
	at->path.unsure = true;
	return at->unsure++ < MAX_UNSURE && !walk_choose(at, 2);
}

/* NULL: a chain that is not there. */
static enum way through_chain(
    struct walk_at *at, enum fw_table_id t, const struct fw_chain *c, unsigned depth)
{
	struct walk_cursor cursor;
	enum way way = WAY_ON;
	size_t i;
	bool unsure;

	if (!c || depth >= MAX_DEPTH)
		return WAY_ON;
	walk_cursor_start(&cursor, at->walker, &at->p, t, c);
	while (way == WAY_ON && walk_cursor_next(&cursor, &i)) {
		const struct fw_rule *r = &c->rules[i];

		if (!takes_rule(at, r, &unsure))
			continue;
		if (!is_idle(r))
			add_step(at, (struct walk_step){.kind = WALK_RULE,
					 .unsure = unsure,
					 .table = t,
					 .chain = c->name,
					 .rule = r});
		way = do_rule(at, t, c, i, depth);
	}
	if ((way == WAY_ON || way == WAY_BACK) && c->builtin &&
	    c->policy == FW_POLICY_DROP) {
		add_step(at, (struct walk_step){
				 .kind = WALK_POLICY, .table = t, .chain = c->name});
		end(at, WALK_DROPPED);
		return WAY_ENDED;
	}
	return way;
}

/* ---- hooks */

/* Whether the packet goes on behind these tables' chains of one hook. */
static bool hook(struct walk_at *at, const char *chain, unsigned tables)
{
	static const enum fw_table_id order[] = {
	    FW_RAW, FW_MANGLE, FW_NAT, FW_FILTER, FW_SECURITY};

	for (size_t i = 0; i < FW_TABLE_COUNT; i++)
		if (tables & 1u << order[i] &&
		    through_chain(at, order[i],
			walker_chain(at->walker, at->p.family, order[i], chain),
			0) == WAY_ENDED)
			return false;
	return true;
}

#define RAW (1u << FW_RAW)
#define MANGLE (1u << FW_MANGLE)
#define NAT (1u << FW_NAT)
#define FILTER (1u << FW_FILTER | 1u << FW_SECURITY)

/* Where the packet goes by its destination; what it says of the interface. */
static bool route(struct walk_at *at)
{
	bool local = walker_is_local(at->walker, &at->p.dst);

	at->out = local ? "lo" : "";
	return local;
}

static bool route_and_tell(struct walk_at *at)
{
	bool local = route(at);

	add_step(at, (struct walk_step){.kind = WALK_ROUTE, .local = local});
	return local;
}

static void end_at_destination(struct walk_at *at, bool local)
{
	if (at->dnatted || at->served)
		end(at, WALK_ENDPOINT);
	else
		end(at, local ? WALK_LISTENER : WALK_PASSED);
}

/* ---- IPVS */

static const struct lvs_service *find_server(const struct walk_at *at)
{
	const struct lvs_table *t = &at->walker->state->lvs;
	struct lvs_key key = {.family = (uint8_t)at->p.family, .fwmark = at->p.mark};
	const struct lvs_service *s = at->p.mark ? lvs_find(t, &key) : NULL;

	key = (struct lvs_key){
	    .addr = at->p.dst,
	    .port = at->p.port,
	    .proto = at->p.proto,
	    .family = (uint8_t)at->p.family,
	};
	if (!s)
		s = lvs_find(t, &key);
	key.port = 0;
	return s ? s : lvs_find(t, &key);
}

/* The choice of the scheduler; NULL: nobody has a weight. */
static const struct lvs_dest *choose_dest(struct walk_at *at, const struct lvs_service *s)
{
	unsigned n = 0, chosen;
	double sum = 0;

	for (size_t i = 0; i < s->n_dests; i++)
		if (s->dests[i].weight > 0) {
			sum += s->dests[i].weight;
			n++;
		}
	if (!n)
		return NULL;
	chosen = n > 1 ? walk_choose(at, n) : 0;
	for (size_t i = 0; i < s->n_dests; i++)
		if (s->dests[i].weight > 0 && !chosen--) {
			walk_narrow(at, s->dests[i].weight / sum);
			return &s->dests[i];
		}
	return NULL;
}

/* Whether the packet goes on; at->served if IPVS gave it another destination. */
static bool serve(struct walk_at *at)
{
	const struct lvs_service *s = find_server(at);
	const struct lvs_dest *d;

	if (!s)
		return true;
	d = choose_dest(at, s);
	add_step(at, (struct walk_step){.kind = WALK_SERVER, .svc = s, .dest = d});
	if (!d) {
		end(at, WALK_REFUSED);
		return false;
	}
	at->served = s;
	at->p.dst = d->addr;
	at->p.port = d->port ? d->port : at->p.port;
	/* Tunnels and direct routing leave the packet as it is and choose its way. */
	if (d->fwd == LVS_TUNNEL || d->fwd == LVS_DROUTE) {
		end(at, WALK_ENDPOINT);
		return false;
	}
	return true;
}

/* ---- the way */

/* Translated by IPVS and not for this node: sent as if it were the node's own. */
static void send_served(struct walk_at *at)
{
	at->p.in = NULL;
	if (hook(at, "OUTPUT", RAW | MANGLE | FILTER) &&
	    hook(at, "POSTROUTING", MANGLE | NAT))
		end(at, WALK_ENDPOINT);
}

static void deliver(struct walk_at *at)
{
	if (!hook(at, "INPUT", MANGLE | FILTER) || !serve(at))
		return;
	if (at->served && !route(at)) {
		send_served(at);
		return;
	}
	if (hook(at, "INPUT", NAT))
		end_at_destination(at, true);
}

static void walk_in(struct walk_at *at)
{
	if (!hook(at, "PREROUTING", RAW | MANGLE | NAT))
		return;
	if (route_and_tell(at)) {
		at->out = NULL;
		deliver(at);
	} else if (hook(at, "FORWARD", MANGLE | FILTER)) {
		at->p.in = NULL;
		if (hook(at, "POSTROUTING", MANGLE | NAT))
			end_at_destination(at, false);
	}
}

static void walk_out(struct walk_at *at)
{
	bool local;

	route(at);
	if (!hook(at, "OUTPUT", RAW | MANGLE | NAT))
		return;
	local = route_and_tell(at);
	if (!serve(at))
		return;
	local = at->served ? route(at) : local;
	if (!hook(at, "OUTPUT", FILTER) || !hook(at, "POSTROUTING", MANGLE | NAT))
		return;
	if (local) {
		at->p.in = "lo";
		at->out = NULL;
		if (!hook(at, "PREROUTING", RAW | MANGLE) ||
		    !hook(at, "INPUT", MANGLE | FILTER))
			return;
	}
	end_at_destination(at, local);
}

/* ---- all ways */

static void start(struct walk_at *at, const struct walk_packet *p)
{
	at->p = *p;
	if (!addr_is_set(&at->p.src))
		at->p.src = walker_source(at->walker, &p->dst);
	at->out = NULL;
	at->dnatted = at->masqueraded = false;
	at->served = NULL;
	at->unsure = 0;
	at->path = (struct walk_path){.share = 1};
	at->steps.n = 0;
	at->next = at->asked = 0;
}

static void finish(struct walk_at *at, const struct walk_packet *p, struct arena *a)
{
	struct walk_path *path = &at->path;

	if (at->masqueraded)
		path->source = WALK_NODE;
	else if (walker_is_virtual(at->walker, &at->p.src))
		path->source = WALK_VIP;
	else
		path->source = p->in ? WALK_CLIENT : WALK_NODE;
	if (path->unsure)
		path->share = 0;
	path->n_steps = at->steps.n;
	path->steps = arena_copy(a, at->steps.v, at->steps.n * sizeof(*at->steps.v));
}

/* The next combination; false: there is none. */
static bool advance(struct walk_at *at)
{
	at->choices.n = at->next;
	while (at->choices.n) {
		struct walk_choice *last = &at->choices.v[at->choices.n - 1];

		if (++last->taken < last->options) {
			at->known = last->asked;
			return true;
		}
		at->choices.n--;
	}
	return false;
}

void walk_packet(const struct walker *w, const struct walk_packet *p, bool with_steps,
    struct walk *ret)
{
	struct walk_at at = {.walker = w, .with_steps = with_steps};
	VEC(struct walk_path) paths = {0};
	bool more;

	*ret = (struct walk){.arena = arena_new()};
	do {
		start(&at, p);
		if (p->in)
			walk_in(&at);
		else
			walk_out(&at);
		finish(&at, p, ret->arena);
		vec_push(&paths, at.path);
		more = advance(&at);
	} while (more && paths.n < MAX_PATHS);
	ret->cut = more;
	vec_take(&paths, ret->arena, ret->paths, ret->n_paths);
	vec_free(&at.choices);
	vec_free(&at.answers);
	vec_free(&at.steps);
}

void walk_free(struct walk *w)
{
	arena_free(w->arena);
	*w = (struct walk){0};
}

const char *walk_end_name(enum walk_end e)
{
	static const char *const names[] = {
	    [WALK_ENDPOINT] = "endpoint",
	    [WALK_LISTENER] = "listener",
	    [WALK_PASSED] = "passed",
	    [WALK_REFUSED] = "refused",
	    [WALK_DROPPED] = "dropped",
	    [WALK_UNKNOWN] = "unknown",
	};

	return names[e];
}

const char *walk_source_name(enum walk_source s)
{
	static const char *const names[] = {
	    [WALK_CLIENT] = "client",
	    [WALK_NODE] = "node",
	    [WALK_VIP] = "virtual",
	};

	return names[s];
}
