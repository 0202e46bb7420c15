/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A folder of saved dumps, or one iptables-save file, as a source. Which file holds what
 * is decided here; what is in it, by the parsers of the kinds. */
#include "config.h"

#include "base/vec.h"
#include "state/dump_file.h"
#include "state/source.h"

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct dump {
	struct source source;
	char *path;
	bool folder;
	struct notes *findings; /* not NULL: what is damaged is read as far as it goes */
	unsigned families;	/* of the reading under way */
};

struct text {
	char *s;
	size_t len;
};

/* ---- files */

static int read_all(int fd, struct text *ret)
{
	size_t cap = 64u << 10;
	struct text t = {.s = xmalloc(cap)};

	for (;;) {
		ssize_t n = read(fd, t.s + t.len, cap - t.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(t.s);
			return -1;
		}
		if (n == 0)
			break;
		t.len += (size_t)n;
		if (t.len == cap)
			t.s = xrealloc(t.s, cap *= 2);
	}
	*ret = t;
	return 0;
}

/* Editors and shells of Windows put a byte order mark in front. */
static void leave_out_mark(struct text *t)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t n = strlen(mark);

	if (t->len < n || memcmp(t->s, mark, n))
		return;
	t->len -= n;
	memmove(t->s, t->s + n, t->len);
}

static bool is_utf16(const struct text *t)
{
	return t->len >= 2 &&
	       (!memcmp(t->s, "\xff\xfe", 2) || !memcmp(t->s, "\xfe\xff", 2));
}

/* What PowerShell writes with ">". Half a character at the end is left out. */
static int from_utf16(struct text *t, const char *path, struct error *err)
{
	iconv_t cd = iconv_open("UTF-8", "UTF-16");
	size_t n_in = t->len, n_out = t->len / 2 * 3;
	char *in = t->s, *utf8 = xmalloc(n_out), *out = utf8;
	int ret = 0;

	if (cd == (iconv_t)-1 ||
	    (iconv(cd, &in, &n_in, &out, &n_out) == (size_t)-1 && errno != EINVAL))
		ret = error_set(err, ERR_INPUT, 0,
		    "%s: it is UTF-16 and cannot be read as such from byte %zu on; save it "
		    "as UTF-8",
		    path, t->len - n_in);
	if (cd != (iconv_t)-1)
		iconv_close(cd);
	free(t->s);
	t->s = utf8;
	t->len = (size_t)(out - utf8);
	return ret;
}

/* 1: read; 0: there is no such file; -1: ERR_INPUT. */
static int load(const char *path, struct text *ret, struct error *err)
{
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_set(err, ERR_INPUT, errno, "cannot open %s", path);
	if (read_all(fd, ret))
		return error_set(err, ERR_INPUT, errno, "cannot read %s", path);
	if (is_utf16(ret) && from_utf16(ret, path, err)) {
		free(ret->s);
		ret->s = NULL;
		return -1;
	}
	leave_out_mark(ret);
	return 1;
}

/* ---- what a file holds */

static int parse_tables(const struct dump *d, const struct text *t, const char *path,
    enum family f, struct state *s, struct error *err)
{
	if (d->findings)
		return dump_tables(
		    t->s, t->len, path, f, d->families, s, d->findings, err);
	return fw_parse(t->s, t->len, path, f, s->arena, &s->fw[f], err);
}

static int parse_tables4(const struct dump *d, const struct text *t, const char *path,
    struct state *s, struct error *err)
{
	return parse_tables(d, t, path, FAMILY_4, s, err);
}

static int parse_tables6(const struct dump *d, const struct text *t, const char *path,
    struct state *s, struct error *err)
{
	return parse_tables(d, t, path, FAMILY_6, s, err);
}

static int parse_sets(const struct dump *d, const struct text *t, const char *path,
    struct state *s, struct error *err)
{
	(void)d;
	return kset_parse(t->s, t->len, path, s->arena, &s->sets, err);
}

static int parse_lvs(const struct dump *d, const struct text *t, const char *path,
    struct state *s, struct error *err)
{
	if (lvs_parse(t->s, t->len, path, s->arena, &s->lvs, err))
		return -1;
	if (d->findings && s->lvs.listed)
		notes_add(d->findings, NOTE_WARNING, NULL,
		    "%s: this is a listing (ipvsadm -L): thresholds of real servers are not "
		    "in it, the output of ipvsadm -Sn has them",
		    path);
	return 0;
}

static int parse_vips(const struct dump *d, const struct text *t, const char *path,
    struct state *s, struct error *err)
{
	(void)d;
	return vip_parse(t->s, t->len, path, s->arena, &s->vips, err);
}

/* The addresses of the one interface: the interface is there even when it has none. */
static int parse_own_vips(const struct dump *d, const struct text *t, const char *path,
    struct state *s, struct error *err)
{
	struct vip_table *v = &s->vips;

	if (parse_vips(d, t, path, s, err))
		return -1;
	if (!v->n_links) {
		v->links = arena_new_of(s->arena, struct vip_link);
		v->links[v->n_links++] =
		    (struct vip_link){.name = VIP_LINK, .kind = "dummy"};
	}
	return 0;
}

static int parse_knobs(const struct dump *d, const struct text *t, const char *path,
    struct state *s, struct error *err)
{
	(void)d;
	return knob_parse(t->s, t->len, path, s->arena, &s->knobs, err);
}

/* Of two files with the same content the one named `unless` is read. */
static const struct dump_file {
	const char *name, *unless;
	enum kind kind;
	unsigned families;
	int (*parse)(const struct dump *d, const struct text *t, const char *path,
	    struct state *s, struct error *err);
} files[] = {
    {"iptables-save.txt", NULL, KIND_FW, FAMILY_BIT(FAMILY_4), parse_tables4},
    {"iptables-filter.txt", "iptables-save.txt", KIND_FW, FAMILY_BIT(FAMILY_4),
	parse_tables4},
    {"iptables-nat.txt", "iptables-save.txt", KIND_FW, FAMILY_BIT(FAMILY_4),
	parse_tables4},
    {"iptables-mangle.txt", "iptables-save.txt", KIND_FW, FAMILY_BIT(FAMILY_4),
	parse_tables4},
    {"ip6tables-save.txt", NULL, KIND_FW, FAMILY_BIT(FAMILY_6), parse_tables6},
    {"ip6tables-filter.txt", "ip6tables-save.txt", KIND_FW, FAMILY_BIT(FAMILY_6),
	parse_tables6},
    {"ip6tables-nat.txt", "ip6tables-save.txt", KIND_FW, FAMILY_BIT(FAMILY_6),
	parse_tables6},
    {"ip6tables-mangle.txt", "ip6tables-save.txt", KIND_FW, FAMILY_BIT(FAMILY_6),
	parse_tables6},
    {"ipset-save.txt", NULL, KIND_KSET, FAMILY_BOTH, parse_sets},
    {"ipset.txt", "ipset-save.txt", KIND_KSET, FAMILY_BOTH, parse_sets},
    {"ipvsadm-Sn.txt", NULL, KIND_LVS, FAMILY_BOTH, parse_lvs},
    {"ipvsadm-Ln.txt", "ipvsadm-Sn.txt", KIND_LVS, FAMILY_BOTH, parse_lvs},
    {"ipvsadm.txt", "ipvsadm-Sn.txt", KIND_LVS, FAMILY_BOTH, parse_lvs},
    {"addresses.txt", NULL, KIND_VIP, FAMILY_BOTH, parse_vips},
    {"ip-addr-kube-ipvs0.txt", "addresses.txt", KIND_VIP, FAMILY_BOTH, parse_own_vips},
    {"sysctls.txt", NULL, KIND_KNOB, FAMILY_BOTH, parse_knobs},
};

#define N_FILES (sizeof(files) / sizeof(files[0]))

/* ---- folders */

static bool exists(const char *folder, const char *name)
{
	struct strbuf path = {0};
	struct stat st;
	bool yes;

	strbuf_addf(&path, "%s/%s", folder, name);
	yes = !stat(path.s, &st);
	strbuf_free(&path);
	return yes;
}

/* Half a line may read like a whole one. The tables' parser sees to that itself. */
static void leave_out_half_line(const struct dump *d, const char *path, struct text *t)
{
	const char *nl = memrchr(t->s, '\n', t->len);
	size_t whole = nl ? (size_t)(nl + 1 - t->s) : 0;

	if (!d->findings || whole == t->len)
		return;
	notes_add(d->findings, NOTE_WARNING, NULL,
	    "%s: the last line is cut off and left out: \"%.*s\"", path,
	    (int)(t->len - whole < 120 ? t->len - whole : 120), t->s + whole);
	t->len = whole;
}

static int read_file(const struct dump *d, const char *path, const struct dump_file *f,
    struct state *s, struct error *err)
{
	struct text t = {0};
	int c = load(path, &t, err);

	if (c > 0 && f->kind != KIND_FW)
		leave_out_half_line(d, path, &t);
	if (c > 0)
		c = f->parse(d, &t, path, s, err);
	free(t.s);
	return c;
}

static int read_folder(const struct dump *d, unsigned kinds, unsigned families,
    struct state *s, struct error *err)
{
	struct strbuf path = {0};
	int c = 0;

	for (size_t i = 0; i < N_FILES && !c; i++) {
		const struct dump_file *f = &files[i];

		if (!(KIND_BIT(f->kind) & kinds) || !(f->families & families) ||
		    (f->unless && exists(d->path, f->unless)))
			continue;
		strbuf_reset(&path);
		strbuf_addf(&path, "%s/%s", d->path, f->name);
		c = read_file(d, path.s, f, s, err);
	}
	strbuf_free(&path);
	return c;
}

/* ---- one file */

/* Which command wrote it: by its first comment, or else by its name. */
static enum family family_of(const char *path, const struct text *t)
{
	const char *slash = strrchr(path, '/');
	const char *nl = memchr(t->s, '\n', t->len);
	size_t head = nl ? (size_t)(nl - t->s) : t->len;

	if (memmem(t->s, head, "ip6tables-save", strlen("ip6tables-save")))
		return FAMILY_6;
	return strncmp(slash ? slash + 1 : path, "ip6tables", 9) ? FAMILY_4 : FAMILY_6;
}

static int read_single(const struct dump *d, unsigned kinds, unsigned families,
    struct state *s, struct error *err)
{
	struct text t = {0};
	enum family f;
	int c;

	if (!(kinds & KIND_BIT(KIND_FW)))
		return 0;
	c = load(d->path, &t, err);
	if (!c)
		return error_set(err, ERR_INPUT, ENOENT, "cannot open %s", d->path);
	if (c < 0)
		return -1;
	f = family_of(d->path, &t);
	c = 0;
	if (families & FAMILY_BIT(f) || d->findings)
		c = parse_tables(d, &t, d->path, f, s, err);
	free(t.s);
	return c;
}

/* ---- the source */

static int dump_read(struct source *src, unsigned kinds, unsigned families,
    struct state *into, struct error *err)
{
	struct dump *d = (struct dump *)src; /* its first member */

	d->families = families;
	return d->folder ? read_folder(d, kinds, families, into, err)
			 : read_single(d, kinds, families, into, err);
}

static void dump_close(struct source *src)
{
	struct dump *d = (struct dump *)src;

	free(d->path);
	free(d);
}

static const struct source_ops dump_ops = {.read = dump_read, .close = dump_close};

int dump_open(const char *path, struct source **ret, struct error *err)
{
	return dump_open_damaged(path, NULL, ret, err);
}

int dump_open_damaged(
    const char *path, struct notes *findings, struct source **ret, struct error *err)
{
	struct dump *d;
	struct stat st;
	size_t i = 0;

	if (stat(path, &st))
		return error_set(err, ERR_INPUT, errno, "cannot open %s", path);
	while (S_ISDIR(st.st_mode) && i < N_FILES && !exists(path, files[i].name))
		i++;
	if (i == N_FILES && access(path, X_OK))
		return error_set(err, ERR_INPUT, errno, "cannot open %s", path);
	if (i == N_FILES)
		return error_set(err, ERR_INPUT, 0,
		    "%s: no dump in this folder: iptables-save.txt, ip6tables-save.txt, "
		    "ipset-save.txt, ipvsadm-Sn.txt, ipvsadm-Ln.txt, addresses.txt or "
		    "sysctls.txt",
		    path);
	d = xcalloc(1, sizeof(*d));
	d->source.ops = &dump_ops;
	d->path = xstrdup(path);
	d->folder = S_ISDIR(st.st_mode);
	d->findings = findings;
	*ret = &d->source;
	return 0;
}
