/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_MODEL_STATE_PARTS_H
#define MODEL_MODEL_STATE_PARTS_H

/* Between the files that read a model back; nobody else includes this. */

#include "model/model_state.h"

#include "base/vec.h"

/* ---- service ports under construction (model_state_found.c) */

/* Where something is, for findings. */
struct place {
	const struct fw_table *table;
	const char *chain;
	const struct fw_rule *rule; /* or NULL */
};

struct found {
	const char *ns, *name, *port_name; /* name NULL until something tells it */
	const char *hash;		   /* the 16 characters of its chains, or NULL */
	uint8_t proto;
	unsigned families;	       /* in which anything of it was seen */
	unsigned walked[FAMILY_COUNT]; /* ROLE_BIT()s of its chains */
	bool internal_local, external_local;
	bool affinity;
	uint32_t affinity_sec;
	uint16_t health_port;
	const char *scheduler;
	enum forwarding forwarding;
	VEC(struct frontend) frontends;
	VEC(struct endpoint) endpoints; /* node is set for those of this node */
	VEC(struct prefix) ranges;
	const char *incomplete;
	struct place empty;   /* a list without endpoints, of the family under way */
	unsigned rejected;    /* families in which filter says that nobody is there */
	bool by_lists;	    /* local endpoints have a list of their own */
	bool any[2];	    /* there are endpoints of the list of all; of the local one */
	bool no_cluster_ip; /* and that is all right: virtual servers need none */
};

struct found_slot {
	const void *key;
	size_t len;
	struct found *found;
};

struct found_index {
	struct found_slot *slots;
	size_t n, cap; /* cap is a power of two, at most half used */
};

struct reading {
	const struct state_view *v;
	const struct state *state;
	struct model_builder *builder;
	struct arena *arena; /* the builder's */
	struct notes *findings;
	VEC(struct found *) list;
	struct found_index by_hash, by_name, by_claim;
	/* Of the family under way: */
	enum family f;
	const struct fw_table *nat, *filter;
	bool *reached; /* by index of nat's chains: something leads there */
};

/* The service port with that chain hash, or else that "ns/name:port"; made if there is
 * none. Both may be NULL: then it is a new one, which gets its name from
 * name_by_address(). */
struct found *found_get(
    struct reading *rd, const char *hash, const char *spn, uint8_t proto);
/* The one of that name, or NULL. */
struct found *found_by_name(struct reading *rd, const char *spn, uint8_t proto);
/* Whose an address (of a node port: unset) and port is, or NULL. */
struct found *found_by_claim(
    const struct reading *rd, const struct addr *a, uint16_t port, uint8_t proto);
void found_set_name(struct reading *rd, struct found *fd, const char *spn);
/* Adds a way in unless it has it; false: it is another's, which is left to the caller. */
bool found_add_frontend(struct reading *rd, struct found *fd, enum frontend_kind kind,
    const struct addr *a, uint16_t port);
const struct frontend *found_frontend(
    const struct found *fd, const struct addr *a, uint16_t port);
/* Makes one of two: all of `from` moves into `into`, and from is gone. */
void found_merge(struct reading *rd, struct found *into, struct found *from);
void found_add_endpoint(struct reading *rd, struct found *fd, const struct addr *a,
    uint16_t port, bool local);
/* For messages. */
const char *found_label(struct reading *rd, const struct found *fd);
void found_free(struct reading *rd);
/* The namespace of services that nothing names. */
#define UNNAMED "unnamed"
/* Checks what was found and gives it to the builder (model_state_finish.c). */
void found_finish(struct reading *rd);

/* A finding about a service port (or NULL), which becomes incomplete. at may be NULL. */
void not_understood(struct reading *rd, struct found *fd, const struct place *at,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The same for what does not make the service another one. */
void remark(struct reading *rd, const struct found *fd, const struct place *at,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* ---- rules (model_state_rule.c) */

enum role { ROLE_SVC, ROLE_SVL, ROLE_EXT, ROLE_FW, ROLE_XLB, ROLE_SEP, ROLE_NONE };
#define ROLE_BIT(r) (1u << (r))

/* What a chain of nat is by its name; *hash is the part behind the prefix. */
enum role chain_role(const char *name, const char **hash);
/* "ns/name:port" out of a comment of any release, in the arena; NULL: none. *rest: what
 * follows it. */
const char *comment_spn(struct arena *a, const char *comment, const char **rest);
/* The comment of a rule, also of one that is text only; NULL: none. */
const char *rule_comment(struct arena *a, const struct fw_rule *r);
const struct fw_match *rule_match(const struct fw_rule *r, enum fw_match_kind kind);
/* The destination port; 0: none. */
uint16_t rule_port(const struct fw_rule *r);
/* The one address it is for; NULL: none, or not one. */
const struct addr *rule_host(const struct fw_rule *r);
/* Marks for masquerading, by the chain for that or, as 1.1 did, by itself. */
bool rule_marks(const struct fw_rule *r);
bool rule_jumps_to(const struct fw_rule *r, const char *chain);
/* Why a rule that is text only is not understood. */
const char *opaque_reason(struct arena *a, const struct fw_rule *r);
/* Why another one is not where it stands: among the ways in to services. */
const char *misfit_reason(const struct fw_rule *r);

/* ---- the modes */

/* One family of a state in iptables mode. */
void read_iptables(struct reading *rd);
/* Says what the one mode that is not read has in a family. */
void check_userspace(struct reading *rd);
/* filter: services that nobody answers, health check ports. */
void read_filter(struct reading *rd);
/* What one of a service port's chains in nat says, if it was not walked yet. */
void read_service_chain(
    struct reading *rd, struct found *fd, const struct fw_chain *c, enum role role);
/* The chain that a rule leads to; NULL with a finding if it is not there. */
const struct fw_chain *jump_target(
    struct reading *rd, struct found *fd, const struct place *at);

/* The set of a family by the part of its name that both have; NULL: it is not there. */
const struct kset *state_set(const struct state *s, enum family f, const char *base);
/* One family of a state in ipvs mode. */
void read_ipvs(struct reading *rd);

/* Virtual servers of one family (model_state_ipvs.c), and which cluster address they
 * belong to (model_state_owner.c). */
struct server {
	const struct lvs_service *s;
	enum frontend_kind kind;
	bool local; /* externalTrafficPolicy, by its sets */
	struct found *found;
};
struct servers {
	struct server *v;
	size_t n;
	const struct kset *loop_back;
};
bool server_dest_is_local(
    const struct servers *all, const struct server *s, const struct lvs_dest *d);
/* Gives every server that is not at a cluster address the found of the only cluster
 * address that it can belong to; those with none or several keep NULL. */
void find_owners(const struct servers *all);

#endif
