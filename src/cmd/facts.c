/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The facts of the node that a switch may collide with: addresses that must not become
 * its own, and second writers. What they mean is for verify/preflight*.c.
 */
#include "config.h"

#include "cmd/facts.h"
#include "kernel/fw_variant.h"
#include "kernel/nft_hook.h"
#include "kernel/process.h"
#include "kernel/route_nl.h"
#include "kernel/sockets.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SSH_PORT 22
#define API_PORT 6443

struct finder {
	struct arena *arena;
	VEC(struct node_peer) peers;
	VEC(uint16_t) localhost_ports;
	VEC(struct node_flow) own_udp;
	uint16_t ssh_port, api_port;
	bool health_port;
};

static void add_peer(struct finder *f, enum role role, const struct addr *a,
    uint16_t port, const char *where)
{
	const struct node_peer p = {
	    .role = role, .addr = *a, .port = port, .where = where};

	if (addr_is_loopback(a) || addr_is_unspecified(a))
		return;
	for (size_t i = 0; i < f->peers.n; i++)
		if (f->peers.v[i].role == role && f->peers.v[i].port == port &&
		    addr_eq(&f->peers.v[i].addr, a))
			return;
	vec_push(&f->peers, p);
}

/* ---- files */

/* Calls fn for each line of a file that can be read. */
static void each_line(const char *path, struct finder *f,
    void (*fn)(struct finder *f, char *line, const char *path))
{
	AUTO(file) FILE *in = fopen(path, "re");
	AUTO(mem) char *line = NULL;
	size_t size = 0;

	while (in && getline(&line, &size, in) > 0)
		fn(f, line, path);
}

static void take_resolver(struct finder *f, char *line, const char *path)
{
	char text[64];
	struct addr a;

	if (sscanf(line, " nameserver %63[0-9a-fA-F.:]", text) == 1 &&
	    addr_parse(text, &a))
		add_peer(f, ROLE_RESOLVER, &a, 53, path);
}

static void find_resolvers(struct finder *f)
{
	each_line("/etc/resolv.conf", f, take_resolver);
	/* What stands behind the stub 127.0.0.53. */
	each_line("/run/systemd/resolve/resolv.conf", f, take_resolver);
}

/* The addresses that /etc/hosts has for a name; no query leaves the node. */
static void take_host(
    struct finder *f, const char *name, uint16_t port, const char *where)
{
	AUTO(file) FILE *in = fopen("/etc/hosts", "re");
	char line[1024];
	struct addr a;

	while (in && fgets(line, sizeof(line), in)) {
		char *save = NULL, *word;

		line[strcspn(line, "#\n")] = '\0';
		word = strtok_r(line, " \t", &save);
		if (!word || !addr_parse(word, &a))
			continue;
		while ((word = strtok_r(NULL, " \t", &save)))
			if (!strcasecmp(word, name))
				add_peer(f, ROLE_API_SERVER, &a, port, where);
	}
}

/* "    server: https://10.0.0.2:6443" of a kubeconfig. */
static void take_server(struct finder *f, char *line, const char *path)
{
	char *p = strstr(line, "server:"), *host;
	uint16_t port = 443;
	struct addr a;

	if (!p || !(p = strstr(p, "://")))
		return;
	host = p + 3;
	host[strcspn(host, "/ \t\r\n\"'#")] = '\0';
	path = arena_strdup(f->arena, path);
	if (addrport_parse(host, &a, &port)) {
		f->api_port = port ? port : 443;
		add_peer(f, ROLE_API_SERVER, &a, f->api_port, path);
		return;
	}
	p = strchr(host, ':');
	if (p) {
		*p = '\0';
		port = (uint16_t)strtoul(p + 1, NULL, 10);
	}
	f->api_port = port;
	take_host(f, host, port, path);
}

static void find_api_servers(struct finder *f, const char *kubeconfig)
{
	static const char *const files[] = {"/etc/kubernetes/kubelet.conf",
	    "/etc/kubernetes/admin.conf", "/var/lib/kubelet/kubeconfig",
	    "/var/lib/kube-proxy/kubeconfig.conf", "/var/lib/kube-proxy/kubeconfig"};
	const char *env = getenv("KUBECONFIG");
	char *list = env && *env ? arena_strdup(f->arena, env) : NULL, *save = NULL;

	if (kubeconfig)
		each_line(kubeconfig, f, take_server);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		each_line(files[i], f, take_server);
	for (char *p = list ? strtok_r(list, ":", &save) : NULL; p;
	     p = strtok_r(NULL, ":", &save))
		each_line(p, f, take_server);
}

/* ---- connections */

/* The session that this command was typed in: "CLIENT PORT SERVER PORT". */
static void find_ssh_session(struct finder *f)
{
	const char *env = getenv("SSH_CONNECTION");
	char client[64];
	unsigned port;
	struct addr a;

	if (env && sscanf(env, "%63s %*u %*s %u", client, &port) == 2 &&
	    addr_parse(client, &a)) {
		f->ssh_port = (uint16_t)port;
		add_peer(f, ROLE_SSH_PEER, &a, 0, "this session");
	}
}

static void take_socket(void *data, const struct ip_socket *s)
{
	struct finder *f = data;

	f->health_port |= s->listens && s->local_port == HEALTH_PORT;
	if (!s->established)
		return;
	if (s->local_port == SSH_PORT || (f->ssh_port && s->local_port == f->ssh_port))
		add_peer(f, ROLE_SSH_PEER, &s->remote, 0, "an established connection");
	if (s->remote_port == API_PORT || (f->api_port && s->remote_port == f->api_port))
		add_peer(f, ROLE_API_SERVER, &s->remote, s->remote_port,
		    "an established connection");
	if (addr_is_loopback(&s->remote) && addr_family(&s->remote) == FAMILY_4)
		vec_push(&f->localhost_ports, s->remote_port);
}

static void take_udp_socket(void *data, const struct ip_socket *s)
{
	struct finder *f = data;

	if (s->established && addr_eq(&s->local, &s->remote))
		vec_push(&f->own_udp,
		    ((struct node_flow){.addr = s->remote, .port = s->remote_port}));
}

/* With those that --freeze stops marked; one that it names may be none of them. */
static int find_writers(struct context *ctx, struct node_facts *facts, struct error *err)
{
	VEC(struct node_writer) v = {0};
	const struct node_writer *found;
	int pid = ctx->opts.freeze_pid;
	struct process p;
	bool known = false;
	size_t n;

	process_find_writers(ctx->arena, &found, &n);
	if (pid && !process_read(pid, &p))
		return error_set(
		    err, ERR_INPUT, 0, "--freeze %d: there is no such process", pid);
	for (size_t i = 0; i < n; i++) {
		struct node_writer w = found[i];

		w.frozen = ctx->opts.freeze && (!pid || pid == w.pid);
		known |= pid == w.pid;
		vec_push(&v, w);
	}
	if (pid && !known)
		vec_push(&v, (struct node_writer){.pid = pid,
				 .name = arena_strdup(ctx->arena, p.name),
				 .stopped = p.state == 'T',
				 .frozen = true});
	vec_take(&v, ctx->arena, facts->writers, facts->n_writers);
	return 0;
}

static int find_gateways(struct finder *f, struct error *err)
{
	const struct addr *v;
	size_t n;

	if (route_gateways(f->arena, &v, &n, err))
		return -1;
	for (size_t i = 0; i < n; i++)
		add_peer(f, ROLE_GATEWAY, &v[i], 0, "the routes of this node");
	return 0;
}

int facts_read(struct context *ctx, struct node_facts *ret, struct error *err)
{
	struct finder f = {.arena = ctx->arena};
	struct node_facts facts = {0};
	int r;

	find_resolvers(&f);
	find_api_servers(&f, ctx->opts.kubeconfig);
	find_ssh_session(&f);
	tcp_sockets_each(take_socket, &f);
	udp_sockets_each(take_udp_socket, &f);
	facts.health_port = f.health_port;
	r = nft_input_chains(f.arena, &facts.nft_drops, &facts.nft_input, err) ||
		    find_writers(ctx, &facts, err) || find_gateways(&f, err) ||
		    fw_variant_other(ctx->opts.variant, f.arena, &facts.other_variant,
			&facts.other_services, err)
		? -1
		: 0;
	vec_take(&f.peers, f.arena, facts.peers, facts.n_peers);
	vec_take(
	    &f.localhost_ports, f.arena, facts.localhost_ports, facts.n_localhost_ports);
	vec_take(&f.own_udp, f.arena, facts.own_udp, facts.n_own_udp);
	/* Who chose a variant with --iptables knows of the other one. */
	facts.other_services = facts.other_services && ctx->variant_guessed;
	if (r == 0)
		*ret = facts;
	return r;
}
