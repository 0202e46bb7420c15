/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sysctls through /proc/sys: reads and writes what is there, creates nothing. */
#include "config.h"

#include "kernel/driver.h"
#include "kernel/nl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <linux/ip_vs.h>
#include <linux/netlink.h>

/* There only once ip_vs is loaded. */
#define VS_PREFIX "net.ipv4.vs."

static void knob_path(const char *name, char *buf, size_t size)
{
	int n = snprintf(buf, size, "/proc/sys/%s", name);

	for (int i = (int)strlen("/proc/sys/"); i < n && (size_t)i < size - 1; i++)
		if (buf[i] == '.')
			buf[i] = '/';
}

/* *value: NULL when the kernel has no such sysctl. */
static int read_knob(
    const char *name, struct arena *a, const char **value, struct error *err)
{
	AUTO(fd) int fd = -1;
	char path[256], text[256];
	ssize_t n;

	*value = NULL;
	knob_path(name, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return error_set(
		    err, nlc_error_kind(errno), errno, "sysctl %s: cannot read it", name);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	*value = arena_strndup(a, text, (size_t)n);
	return 0;
}

static int read_knobs(const char *const *names, struct arena *a, struct knob **ret,
    size_t *ret_n, struct error *err)
{
	size_t n = 0;

	while (names[n])
		n++;
	*ret = arena_array(a, struct knob, n);
	*ret_n = n;
	for (size_t i = 0; i < n; i++) {
		(*ret)[i].name = names[i];
		if (read_knob(names[i], a, &(*ret)[i].value, err))
			return -1;
	}
	return 0;
}

static int knob_read(
    struct driver *d, unsigned families, struct state *into, struct error *err)
{
	struct knob_table *t = &into->knobs;

	(void)d;
	(void)families; /* the ones under net.ipv4 govern both */
	if (read_knobs(knob_names, into->arena, &t->knobs, &t->n_knobs, err) ||
	    read_knobs(knob_fact_names, into->arena, &t->facts, &t->n_facts, err))
		return -1;
	t->present = true;
	knob_sort(t);
	return 0;
}

/* Asking for the family makes the kernel load ip_vs. */
static int load_ip_vs(struct error *err)
{
	AUTO(nlc) struct nlc *nl = NULL;
	uint16_t id;

	if (nlc_open(NETLINK_GENERIC, 1, &nl, err))
		return -1;
	if (nlc_genl_family(nl, IPVS_GENL_NAME, &id, err))
		return error_set(err, ERR_BACKEND, 0,
		    "this kernel has no IPVS: module ip_vs (CONFIG_IP_VS) cannot be "
		    "loaded");
	return 0;
}

static int open_knob(const char *name, struct error *err)
{
	char path[256];
	int fd;

	knob_path(name, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT &&
	    strncmp(name, VS_PREFIX, strlen(VS_PREFIX)) == 0) {
		if (load_ip_vs(err))
			return error_wrap(err, "sysctl %s", name);
		fd = open(path, O_WRONLY | O_CLOEXEC);
	}
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return error_set(
		    err, ERR_BACKEND, 0, "sysctl %s: this kernel has none such", name);
	return error_set(err, errno == EROFS ? ERR_BACKEND : nlc_error_kind(errno), errno,
	    "sysctl %s: cannot open it for writing", name);
}

static int write_knob(const struct knob *k, struct error *err)
{
	AUTO(fd) int fd = open_knob(k->name, err);
	size_t len = strlen(k->value);

	if (fd < 0)
		return -1;
	if (write(fd, k->value, len) != (ssize_t)len)
		return error_set(err, nlc_error_kind(errno), errno,
		    "sysctl %s: cannot set %s", k->name, k->value);
	return 0;
}

static int knob_write(
    struct driver *d, const struct op *ops, size_t n, size_t *done, struct error *err)
{
	(void)d;
	for (*done = 0; *done < n; ++*done) {
		const struct knob *want = ops[*done].want;

		/* A sysctl cannot be removed; one without a value is left as it is. */
		if (want && want->value && write_knob(want, err))
			return -1;
	}
	return 0;
}

static void knob_close(struct driver *d)
{
	free(d);
}

int knob_proc_open(struct driver **ret, struct error *err)
{
	static const struct driver_ops ops = {
	    .read = knob_read, .write = knob_write, .close = knob_close};
	struct driver *d = xcalloc(1, sizeof(*d));

	(void)err;
	d->ops = &ops;
	*ret = d;
	return 0;
}
