/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/auto.h"
#include "base/error.h"
#include "base/notes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The services as Kubernetes means them: knows no chain, set or virtual server. Built
 * once by a loader, frozen by model_freeze(), then only read. All memory is the arena's.
 */

enum svc_type { SVC_CLUSTER_IP, SVC_NODE_PORT, SVC_LOAD_BALANCER };
enum frontend_kind { FE_CLUSTER, FE_EXTERNAL, FE_LOAD_BALANCER, FE_NODE_PORT };
enum forwarding { FWD_MASQUERADE, FWD_DIRECT, FWD_TUNNEL };
enum ip_mode { IP_MODE_UNSET, IP_MODE_VIP, IP_MODE_PROXY };

/* One way in. A node port has no address: it is every node address (conf decides). */
struct frontend {
	enum frontend_kind kind;
	enum ip_mode ip_mode; /* FE_LOAD_BALANCER; which ones count is the dialect's */
	uint16_t port;
	struct addr addr;
};

struct endpoint {
	struct addr addr;
	const char *written; /* the address as the object has it, if it is not how the
			      * program writes it; else NULL */
	uint16_t port;
	bool ready, serving, terminating; /* nil already resolved */
	bool weight_set;
	uint32_t weight;    /* 1 unless given (plain load balancing) */
	const char *node;   /* nodeName or NULL */
	const char *zone;   /* or NULL */
	/* hints.forZones and forNodes as NULL-terminated lists; NULL when absent or empty. */
	const char *const *hint_zones;
	const char *const *hint_nodes;
};

/* One service port, both families together: the unit that kube-proxy calls a
 * ServicePortName. */
struct service {
	const char *ns, *name, *port_name; /* port_name "" when unnamed */
	const char *spn; /* "ns/name:port" or "ns/name": messages, comments, hashes */
	uint8_t proto;	 /* IPPROTO_TCP, _UDP, _SCTP */
	enum svc_type type;
	unsigned families;     /* FAMILY_BIT()s in which the service has a clusterIP; for plain
				* services, those of its frontends */
	bool internal_local;   /* internalTrafficPolicy: Local */
	bool external_local;   /* externalTrafficPolicy: Local, as the object says: whether it
				* counts for this type is the dialect's */
	bool affinity;	       /* sessionAffinity: ClientIP */
	uint32_t affinity_sec; /* 1..86400; 10800 by default; 0 without affinity */
	uint16_t health_port;  /* healthCheckNodePort or 0 */
	const char *hints_annotation; /* service.kubernetes.io/topology-aware-hints or NULL */
	const char *mode_annotation;  /* service.kubernetes.io/topology-mode or NULL */
	/* loadBalancerSourceRanges of both families in spec order, unparsable ones dropped,
	 * host bits kept as written. */
	const struct prefix *ranges;
	size_t n_ranges;
	/* In spec order within a kind; kinds in enum order. */
	const struct frontend *frontends;
	size_t n_frontends;
	/* Of both families; IPv4 first, sorted per family by the byte order of "ip:port". What
	 * two slices say differently of one "ip:port" is kept, in the order of the input:
	 * traffic_select() picks one, by the dialect. */
	const struct endpoint *endpoints;
	size_t n_endpoints;
	/* Read back from a state that was not all understood: what, first; else NULL. */
	const char *incomplete;
	/* Plain load balancing; NULL/FWD_MASQUERADE for Kubernetes services. */
	const char *scheduler;
	enum forwarding forwarding;
};

struct model_node {
	const char *name;
	const struct addr *addrs; /* InternalIPs; of a family without any the ExternalIPs */
	size_t n_addrs;
	const struct prefix *pod_cidrs;
	size_t n_pod_cidrs;
	const char *zone;	     /* label topology.kubernetes.io/zone or NULL */
	const char *kubelet_version; /* "v1.30.2" or NULL */
};

struct model {
	struct arena *arena;
	const struct service *services; /* sorted by spn, then protocol */
	size_t n_services;
	const struct model_node *nodes; /* sorted by name */
	size_t n_nodes;
};

void model_free(struct model *m);
DEFINE_AUTO(model, struct model *, model_free)

/* The node of that name, or NULL. */
const struct model_node *model_node_find(const struct model *m, const char *name);

/*
 * Loads Kubernetes JSON (a List, several documents, single objects) or the native model
 * JSON, told apart by content. path "-" is stdin. Remarks about ignored or odd objects go
 * to notes. -1: ERR_INPUT with a message that names file, object and field.
 */
int model_load(const char *path, struct model **ret, struct notes *notes,
    struct error *err);

/* The same from the pages of an API server's lists. Remarks go to notes. */
struct model_loader;
struct model_loader *model_loader_new(struct notes *notes);
void model_loader_free(struct model_loader *l);
DEFINE_AUTO(model_loader, struct model_loader *, model_loader_free)
/* One page of a list: a document of that kind ("ServiceList"). Reads f and closes it; name
 * is for messages. *more: where the list goes on, the caller's to free; NULL at its end.
 * -1: ERR_INPUT; the loader is good for nothing then. */
int model_loader_add_page(struct model_loader *l, FILE *f, const char *name,
    const char *kind, char **more, struct error *err);
/* Joins what the pages brought. */
int model_loader_finish(struct model_loader *l, const char *name, struct model **ret,
    struct error *err);

/* The native model JSON (vipshift/v1 ServiceModel) on a stream. -1: the stream failed. */
int model_write_json(const struct model *m, FILE *out, struct error *err);

/* "ClusterIP", ... */
const char *svc_type_name(enum svc_type t);
/* A short text for a frontend kind as the native JSON spells it: "cluster", ... */
const char *frontend_kind_name(enum frontend_kind k);

/*
 * Under construction: what the loaders fill. Services may come in any order; freeze sorts,
 * removes duplicate endpoints, and refuses two services that claim the same
 * cluster address, port and protocol, or the same node port and protocol.
 */
struct model_builder;
struct model_builder *model_builder_new(void);
void model_builder_free(struct model_builder *b);
DEFINE_AUTO(model_builder, struct model_builder *, model_builder_free)
/* The arena that what is added must live in. A service's spn is made when it is NULL. */
struct arena *model_builder_arena(struct model_builder *b);
void model_builder_add_service(struct model_builder *b, const struct service *s);
void model_builder_add_node(struct model_builder *b, const struct model_node *n);
/* Gives the finished model; the builder is empty afterwards. where: for messages. */
int model_builder_freeze(struct model_builder *b, const char *where, struct model **ret,
    struct error *err);
/* What belongs into an endpoint's written, of the text that a was read from. */
const char *model_builder_written(struct model_builder *b, const struct addr *a,
    const char *text);
/* One pointer per distinct string: names of nodes and zones repeat 160,000 times. */
const char *model_builder_intern(struct model_builder *b, const char *s);

#endif
