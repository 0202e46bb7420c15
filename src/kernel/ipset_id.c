/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Set names and numbers by getsockopt(SO_IP_SET), the call made for iptables' set match.
 */
#include "config.h"

#include "kernel/ipset_id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>
#include <linux/netfilter/ipset/ip_set.h>

#define N_IDS 65536u

/* Opens the socket and learns the version that every request must carry. */
static int ensure_open(struct ipset_ids *ids)
{
	struct ip_set_req_version req = {.op = IP_SET_OP_VERSION};
	socklen_t len = sizeof(req);

	if (ids->fd >= 0)
		return 0;
	ids->fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (ids->fd < 0)
		return -1;
	if (getsockopt(ids->fd, SOL_IP, SO_IP_SET, &req, &len)) {
		int saved = errno;

		close(ids->fd);
		ids->fd = -1;
		errno = saved;
		return -1;
	}
	ids->version = req.version;
	return 0;
}

static int ask(struct ipset_ids *ids, struct ip_set_req_get_set *req)
{
	socklen_t len = sizeof(*req);

	if (ensure_open(ids))
		return -1;
	req->version = ids->version;
	return getsockopt(ids->fd, SOL_IP, SO_IP_SET, req, &len);
}

int ipset_id_of(struct ipset_ids *ids, struct arena *a, const char *name, uint16_t *ret,
    struct error *err)
{
	struct ip_set_req_get_set req = {.op = IP_SET_OP_GET_BYNAME};
	struct strtab_item *known = strtab_find(&ids->numbers, name);

	if (known) {
		*ret = (uint16_t)(known->value - 1);
		return 0;
	}
	if (strlen(name) >= IPSET_MAXNAMELEN)
		return error_set(err, ERR_INPUT, 0, "set name %s is too long", name);
	strcpy(req.set.name, name);
	if (ask(ids, &req)) {
		/* Without any set the module is not loaded and nobody knows the option.
		 */
		if (errno != ENOPROTOOPT)
			return error_set(err, errno == EPERM ? ERR_BACKEND : ERR_KERNEL,
			    errno, "cannot look up set %s", name);
		req.set.index = IPSET_INVALID_ID;
	}
	if (req.set.index == IPSET_INVALID_ID)
		return error_set(err, ERR_KERNEL, 0, "there is no set %s", name);
	strtab_add(&ids->numbers, arena_strdup(a, name))->value = req.set.index + 1u;
	*ret = req.set.index;
	return 0;
}

const char *ipset_id_name(struct ipset_ids *ids, struct arena *a, uint16_t number)
{
	struct ip_set_req_get_set req = {.op = IP_SET_OP_GET_BYINDEX};
	char *name;

	if (!ids->names)
		ids->names = xcalloc(N_IDS, sizeof(*ids->names));
	if (ids->names[number])
		return ids->names[number];
	req.set.index = number;
	if (ask(ids, &req) || !req.set.name[0])
		return NULL;
	name = arena_strndup(a, req.set.name, strnlen(req.set.name, IPSET_MAXNAMELEN));
	strtab_add(&ids->numbers, name)->value = number + 1u;
	ids->names[number] = name;
	return name;
}

void ipset_ids_free(struct ipset_ids *ids)
{
	if (ids->fd >= 0)
		close(ids->fd);
	strtab_free(&ids->numbers);
	free(ids->names);
	*ids = (struct ipset_ids){.fd = -1};
}
