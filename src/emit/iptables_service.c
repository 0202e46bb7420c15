/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of one service port in iptables mode, in the order in which kube-proxy writes
 * them. Which endpoints they lead to was decided in model/traffic.c.
 */
#include "config.h"

#include "emit/emit_iptables.h"

#include <netinet/in.h>
#include <string.h>

#include "emit/names.h"

/* One service port at work; names are set only for chains that will exist. */
struct port {
	struct rule_maker *rm;
	const struct service *s;
	const struct traffic *t;
	bool has_vips, has_ranges;
	bool has_internal, has_external; /* somebody answers on that side */
	const char *svc, *svl, *ext, *fw;
	enum fw_target_kind refusal; /* when nobody does */
	const char *refusal_comment;
};

static const char *join(struct arena *a, const char *x, const char *y, const char *z)
{
	size_t nx = strlen(x), ny = strlen(y), nz = strlen(z);
	char *s = arena_alloc(a, nx + ny + nz + 1);

	memcpy(s, x, nx);
	memcpy(s + nx, y, ny);
	memcpy(s + nx + ny, z, nz);
	return s;
}

static struct fw_match comment_match(const char *text)
{
	return (struct fw_match){.kind = FWM_COMMENT, .comment = text};
}

static struct fw_match port_match(const struct port *p, uint16_t port)
{
	return (struct fw_match){
	    .kind = FWM_L4, .l4 = {.proto = p->s->proto, .has_port = true, .port = port}};
}

#define MATCHES(p, ...)                                                                  \
	arena_copy((p)->rm->arena, (const struct fw_match[]){__VA_ARGS__},               \
	    sizeof((const struct fw_match[]){__VA_ARGS__}))

static const struct fw_match *match_port(
    const struct port *p, const char *comment, uint16_t port)
{
	return MATCHES(p, comment_match(comment), port_match(p, port));
}

static const struct fw_match *match_comment(const struct port *p, const char *comment)
{
	return MATCHES(p, comment_match(comment));
}

static struct fw_target jump(const char *chain)
{
	return (struct fw_target){.kind = FWT_JUMP, .chain = chain};
}

static void add_rule(struct rule_list *l, const struct port *p, struct fw_rule r)
{
	r.why = p->s->spn;
	vec_push(&l->rules, r);
}

/* A rule for traffic to one address (NULL: any) and the port in the matches m. */
static void add_to(const struct port *p, enum shared_chain chain, const struct addr *dst,
    const struct fw_match *m, struct fw_target target)
{
	struct fw_rule r = {.proto = p->s->proto, .matches = m, .n_matches = 2};

	if (dst)
		r.dst = prefix_host(dst);
	r.target = target;
	add_rule(&p->rm->shared[chain], p, r);
}

static void write_rule(const struct port *p, struct fw_rule r)
{
	add_rule(&p->rm->scratch, p, r);
}

/* What was written since the last call becomes a chain of the nat table. */
static void finish_chain(const struct port *p, const char *name)
{
	struct rule_maker *rm = p->rm;
	struct fw_chain c = {.name = name, .why = p->s->spn};

	c.n_rules = rm->scratch.rules.n;
	c.rules =
	    arena_copy(rm->arena, rm->scratch.rules.v, c.n_rules * sizeof(*c.rules));
	rm->scratch.rules.n = 0;
	vec_push(&rm->chains, c);
}

static bool served(const struct port *p, const struct frontend *fe)
{
	return fe->kind == FE_NODE_PORT || (addr_family(&fe->addr) == p->rm->family &&
					       frontend_is_served(fe, p->rm->conf));
}

#define served_foreach(p, fe)                                                            \
	for (const struct frontend *fe = (p)->s->frontends,                              \
				   *end_ = fe + (p)->s->n_frontends;                     \
	     fe < end_; fe++)                                                            \
		if (served(p, fe))

static bool range_counts(const struct port *p, const struct prefix *range)
{
	return addr_family(&range->addr) == p->rm->family;
}

static void open_port(struct port *p)
{
	const struct traffic *t = p->t;
	struct arena *a = p->rm->arena;
	char hash[NAME_HASH_LEN];

	served_foreach(p, fe)
	{
		if (fe->kind == FE_LOAD_BALANCER)
			p->has_vips = true;
	}
	for (size_t i = 0; i < p->s->n_ranges; i++)
		p->has_ranges |= range_counts(p, &p->s->ranges[i]);
	p->has_internal = t->any && !(t->internal_local && t->n_local == 0);
	p->has_external = t->any && !(t->external_local && t->n_local == 0);
	p->refusal = t->any ? FWT_DROP : FWT_REJECT;
	p->refusal_comment = join(
	    a, p->s->spn, t->any ? " has no local endpoints" : " has no endpoints", "");
	if (!t->any)
		return;
	name_hash(p->s, NULL, hash);
	if (t->uses_cluster && t->n_cluster)
		p->svc = name_chain(a, "KUBE-SVC-", hash);
	if (t->uses_local && t->n_local)
		p->svl = name_chain(a, "KUBE-SVL-", hash);
	if (t->ext_access)
		p->ext = name_chain(a, "KUBE-EXT-", hash);
	if (p->has_vips && p->has_ranges)
		p->fw = name_chain(a, "KUBE-FW-", hash);
}

static const char *internal_chain(const struct port *p)
{
	return p->t->internal_local ? p->svl : p->svc;
}

/* Refuses in filter what nobody answers. */
static void refuse(
    const struct port *p, enum shared_chain chain, const struct addr *dst, uint16_t port)
{
	struct fw_target target = {.kind = (uint8_t)p->refusal};

	add_to(p, chain, dst, match_port(p, p->refusal_comment, port), target);
}

static void add_cluster_ip(const struct port *p, const struct frontend *fe)
{
	if (!p->has_internal) {
		refuse(p, CHAIN_SERVICES, &fe->addr, fe->port);
		return;
	}
	add_to(p, CHAIN_NAT_SERVICES, &fe->addr,
	    match_port(p, join(p->rm->arena, p->s->spn, " cluster IP", ""), fe->port),
	    jump(internal_chain(p)));
}

static void add_external_ip(const struct port *p, const struct frontend *fe)
{
	if (p->t->any)
		add_to(p, CHAIN_NAT_SERVICES, &fe->addr,
		    match_port(
			p, join(p->rm->arena, p->s->spn, " external IP", ""), fe->port),
		    jump(p->ext));
	/* With endpoints elsewhere only, both apply: pods and the node itself are
	 * translated, all others run into the filter rule with the original address. */
	if (!p->has_external)
		refuse(p, CHAIN_EXTERNAL_SERVICES, &fe->addr, fe->port);
}

static void add_vip(const struct port *p, const struct frontend *fe)
{
	struct arena *a = p->rm->arena;

	if (p->t->any)
		add_to(p, CHAIN_NAT_SERVICES, &fe->addr,
		    match_port(p, join(a, p->s->spn, " loadbalancer IP", ""), fe->port),
		    jump(p->fw ? p->fw : p->ext));
	if (p->fw)
		add_to(p, CHAIN_FIREWALL, &fe->addr,
		    match_port(p, join(a, p->s->spn, " traffic not accepted by ", p->fw),
			fe->port),
		    (struct fw_target){.kind = FWT_DROP});
	if (!p->has_external)
		refuse(p, CHAIN_EXTERNAL_SERVICES, &fe->addr, fe->port);
}

static void add_node_port(const struct port *p, const struct frontend *fe)
{
	const struct rule_maker *rm = p->rm;
	struct fw_rule r = {.proto = p->s->proto};

	if (rm->node_ports.none && rm->conf->dialect.no_match_skips_node_ports)
		return;
	if (p->t->any)
		add_to(p, CHAIN_NAT_NODE_PORTS, NULL, match_port(p, p->s->spn, fe->port),
		    jump(p->ext));
	if (p->has_external)
		return;
	r.matches = MATCHES(p, comment_match(p->refusal_comment),
	    (struct fw_match){
		.kind = FWM_ADDRTYPE, .addrtype = {.dst = FW_ADDRTYPE_LOCAL}},
	    port_match(p, fe->port));
	r.n_matches = 3;
	r.target.kind = (uint8_t)p->refusal;
	add_rule(&p->rm->shared[CHAIN_EXTERNAL_SERVICES], p, r);
}

/* kube-proxy itself answers there, whatever the protocol of the service. */
static void add_health_check(const struct port *p)
{
	const char *comment;
	struct fw_rule r = {.proto = IPPROTO_TCP, .n_matches = 2};

	if (p->s->type != SVC_LOAD_BALANCER || !p->t->external_local ||
	    !p->s->health_port)
		return;
	comment = join(p->rm->arena, p->s->spn, " health check node port", "");
	r.matches = MATCHES(p, comment_match(comment),
	    (struct fw_match){.kind = FWM_L4,
		.l4 = {
		    .proto = IPPROTO_TCP, .has_port = true, .port = p->s->health_port}});
	r.target.kind = FWT_ACCEPT;
	add_rule(&p->rm->shared[CHAIN_NODE_PORTS], p, r);
}

static void add_ways_in(const struct port *p)
{
	served_foreach(p, fe)
	{
		switch (fe->kind) {
		case FE_CLUSTER:
			add_cluster_ip(p, fe);
			break;
		case FE_EXTERNAL:
			add_external_ip(p, fe);
			break;
		case FE_LOAD_BALANCER:
			add_vip(p, fe);
			break;
		case FE_NODE_PORT:
			add_node_port(p, fe);
			break;
		}
	}
	add_health_check(p);
}

/* Restricts a rule to traffic of this node's pods, or to all other traffic. */
static void restrict_to_pods(const struct port *p, struct fw_rule *r, bool others)
{
	const struct rule_maker *rm = p->rm;

	if (rm->pod_interface) {
		r->in = rm->pod_interface;
		r->invert |= others ? FW_INV_IN : 0;
	} else {
		r->src = rm->pods;
		r->invert |= others ? FW_INV_SRC : 0;
	}
}

/* Head of the chain that the cluster IP leads to. */
static void write_masquerade(const struct port *p)
{
	const struct rule_maker *rm = p->rm;

	if (!rm->conf->masquerade_all && !rm->detector)
		return;
	served_foreach(p, fe)
	{
		struct fw_rule r = {.proto = p->s->proto, .n_matches = 2};

		if (fe->kind != FE_CLUSTER)
			continue;
		r.dst = prefix_host(&fe->addr);
		r.matches = match_port(
		    p, join(rm->arena, p->s->spn, " cluster IP", ""), fe->port);
		r.target = jump("KUBE-MARK-MASQ");
		if (!rm->conf->masquerade_all)
			restrict_to_pods(p, &r, true);
		write_rule(p, r);
	}
}

/* "<before><spn> external destinations" */
static struct fw_match ext_comment(const struct port *p, const char *before)
{
	return comment_match(
	    join(p->rm->arena, before, p->s->spn, " external destinations"));
}

/* A rule of KUBE-EXT- for what the node itself sends. */
static void write_local_jump(const struct port *p, const char *before, const char *chain)
{
	struct fw_rule r = {.n_matches = 2, .target = jump(chain)};

	r.matches = MATCHES(p, ext_comment(p, before),
	    (struct fw_match){
		.kind = FWM_ADDRTYPE, .addrtype = {.src = FW_ADDRTYPE_LOCAL}});
	write_rule(p, r);
}

static void add_ext_chain(const struct port *p)
{
	struct fw_rule r = {.n_matches = 1};

	if (!p->t->external_local) {
		r.matches = MATCHES(p, ext_comment(p, "masquerade traffic for "));
		r.target = jump("KUBE-MARK-MASQ");
		write_rule(p, r);
	} else {
		/* Pods and the node may use any endpoint: a short cut around the policy.
		 */
		if (p->rm->detector) {
			r.matches = MATCHES(p, ext_comment(p, "pod traffic for "));
			r.target = jump(p->svc);
			restrict_to_pods(p, &r, false);
			write_rule(p, r);
		}
		write_local_jump(p, "masquerade LOCAL traffic for ", "KUBE-MARK-MASQ");
		write_local_jump(p, "route LOCAL traffic for ", p->svc);
	}
	if (p->has_external)
		write_rule(
		    p, (struct fw_rule){
			   .target = jump(p->t->external_local ? p->svl : p->svc)});
	finish_chain(p, p->ext);
}

static void add_fw_chain(const struct port *p)
{
	struct rule_maker *rm = p->rm;
	struct fw_rule r = {.n_matches = 1, .target = jump(p->ext)};
	bool node_allowed = false;

	r.matches = match_comment(p, join(rm->arena, p->s->spn, " loadbalancer IP", ""));
	for (size_t i = 0; i < p->s->n_ranges; i++) {
		const struct prefix *range = &p->s->ranges[i];

		if (!range_counts(p, range))
			continue;
		if (addr_is_set(&rm->node_ip) && prefix_contains(range, &rm->node_ip))
			node_allowed = true;
		r.src = *range;
		prefix_normalize(&r.src);
		if (r.src.bits == 0) /* the kernel knows no difference to "any" */
			r.src = (struct prefix){0};
		write_rule(p, r);
	}
	/* What the node sends to a VIP that it has itself arrives with the VIP as source.
	 */
	served_foreach(p, fe)
	{
		if (fe->kind != FE_LOAD_BALANCER || !node_allowed)
			continue;
		r.src = prefix_host(&fe->addr);
		write_rule(p, r);
	}
	if (rm->conf->dialect.fw_chain_ends_in_note) {
		const char *note = join(rm->arena, "other traffic to ", p->s->spn,
		    " will be dropped by KUBE-PROXY-FIREWALL");

		write_rule(p,
		    (struct fw_rule){.matches = match_comment(p, note), .n_matches = 1});
	}
	finish_chain(p, p->fw);
}

/* The statistic match of the rule with n endpoints left; the same for all services. */
static const struct fw_match *match_statistic(struct rule_maker *rm, unsigned n)
{
	while (rm->statistic.n <= n) {
		struct fw_match *m = NULL;

		if (rm->statistic.n >= 2) {
			m = arena_new_of(rm->arena, struct fw_match);
			m->kind = FWM_STATISTIC;
			m->probability = fw_probability((unsigned)rm->statistic.n);
		}
		vec_push(&rm->statistic, m);
	}
	return rm->statistic.v[n];
}

struct sep {
	const char *chain, *comment; /* "<spn> -> <endpoint>"; NULL in large clusters */
};

static void write_affinity(const struct port *p, const struct sep *sep)
{
	struct fw_recent *recent = arena_new_of(p->rm->arena, struct fw_recent);
	struct fw_match m[2];
	unsigned n = 0;

	recent->name = sep->chain;
	recent->seconds = p->s->affinity_sec;
	if (sep->comment)
		m[n++] = comment_match(sep->comment);
	m[n++] = (struct fw_match){.kind = FWM_RECENT, .recent = recent};
	write_rule(
	    p, (struct fw_rule){.matches = arena_copy(p->rm->arena, m, n * sizeof(m[0])),
		   .n_matches = (uint8_t)n,
		   .target = jump(sep->chain)});
}

static void write_choice(const struct port *p, const struct sep *sep, unsigned left)
{
	const struct fw_match *chance = left > 1 ? match_statistic(p->rm, left) : NULL;
	struct fw_rule r = {.target = jump(sep->chain)};

	if (sep->comment && chance) {
		r.matches = MATCHES(p, comment_match(sep->comment), *chance);
		r.n_matches = 2;
	} else if (sep->comment) {
		r.matches = match_comment(p, sep->comment);
		r.n_matches = 1;
	} else if (chance) {
		r.matches = chance;
		r.n_matches = 1;
	}
	write_rule(p, r);
}

static struct sep sep_of(const struct port *p, const struct endpoint *e)
{
	struct arena *a = p->rm->arena;
	char text[ADDRPORT_STRLEN], hash[NAME_HASH_LEN];
	struct sep sep = {0};

	endpoint_text(e, p->rm->conf, text);
	name_hash(p->s, text, hash);
	sep.chain = name_chain(a, "KUBE-SEP-", hash);
	if (!p->rm->large)
		sep.comment = join(a, p->s->spn, " -> ", text);
	return sep;
}

/* Finds the sep of an endpoint; the union is sorted as both lists are, so *at only moves
 * forward. */
static const struct sep *sep_find(
    const struct port *p, const struct sep *seps, const struct endpoint *e, size_t *at)
{
	while (p->t->all[*at] != e)
		(*at)++;
	return &seps[*at];
}

/* The chain that spreads over a list of endpoints. */
static void add_policy_chain(const struct port *p, const char *name,
    const struct endpoint **list, size_t n, const struct sep *seps)
{
	size_t at = 0;

	if (p->has_internal && name == internal_chain(p))
		write_masquerade(p);
	for (size_t i = 0; p->s->affinity && i < n; i++)
		write_affinity(p, sep_find(p, seps, list[i], &at));
	at = 0;
	for (size_t i = 0; i < n; i++)
		write_choice(p, sep_find(p, seps, list[i], &at), (unsigned)(n - i));
	finish_chain(p, name);
}

/* hairpin: "-m comment" or nothing, the same for all endpoints of a service port. */
static void add_sep_chain(const struct port *p, const struct sep *sep,
    const struct endpoint *e, const struct fw_match *hairpin, const struct fw_match *dnat)
{
	struct rule_maker *rm = p->rm;
	uint8_t n_comments = rm->large ? 0 : 1;
	struct fw_rule r = {
	    .src = prefix_host(&e->addr), .target = jump("KUBE-MARK-MASQ")};

	r.matches = hairpin;
	r.n_matches = n_comments;
	write_rule(p, r);

	r = (struct fw_rule){.proto = p->s->proto, .matches = dnat};
	r.n_matches = n_comments + 1;
	if (p->s->affinity) {
		struct fw_recent *recent = arena_new_of(rm->arena, struct fw_recent);
		struct fw_match *m =
		    arena_array(rm->arena, struct fw_match, n_comments + 2u);

		recent->name = sep->chain;
		recent->set = true;
		if (n_comments)
			m[0] = dnat[0];
		m[n_comments] = (struct fw_match){.kind = FWM_RECENT, .recent = recent};
		m[n_comments + 1] = dnat[n_comments];
		r.matches = m;
		r.n_matches = n_comments + 2;
	}
	r.target =
	    (struct fw_target){.kind = FWT_DNAT, .addr = &e->addr, .port = e->port};
	write_rule(p, r);
	finish_chain(p, sep->chain);
}

static void add_endpoints(const struct port *p)
{
	const struct traffic *t = p->t;
	struct rule_maker *rm = p->rm;
	struct sep *seps = xcalloc(t->n_all, sizeof(*seps));
	const struct fw_match l4 = {.kind = FWM_L4, .l4 = {.proto = p->s->proto}};
	const struct fw_match *hairpin, *dnat;

	hairpin = dnat =
	    rm->large ? MATCHES(p, l4) : MATCHES(p, comment_match(p->s->spn), l4);
	for (size_t i = 0; i < t->n_all; i++)
		seps[i] = sep_of(p, t->all[i]);
	if (p->svc)
		add_policy_chain(p, p->svc, t->cluster, t->n_cluster, seps);
	if (p->svl)
		add_policy_chain(p, p->svl, t->local, t->n_local, seps);
	for (size_t i = 0; i < t->n_all; i++)
		add_sep_chain(p, &seps[i], t->all[i], hairpin, dnat);
	free(seps);
}

void iptables_add_service(
    struct rule_maker *rm, const struct service *s, const struct traffic *t)
{
	struct port p = {.rm = rm, .s = s, .t = t};

	open_port(&p);
	add_ways_in(&p);
	if (!t->any)
		return;
	if (p.ext)
		add_ext_chain(&p);
	if (p.fw)
		add_fw_chain(&p);
	add_endpoints(&p);
}
