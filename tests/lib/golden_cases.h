/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_GOLDEN_CASES_H
#define TESTS_GOLDEN_CASES_H

/* Every folder of dumps below testdata/golden, with the cluster, settings, mode and
 * release that it is of. */

#include "base/strbuf.h"
#include "base/vec.h"
#include "state/state.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One folder of dumps. */
struct golden {
	char *name;    /* "seed-like/ipvs-1.26", also of the test */
	char *folder;  /* of the dumps */
	char *cluster; /* file */
	char *config;
	enum mode mode;
	const char *version;
	unsigned families;
	bool pure; /* holds nothing of another mode */
};

struct golden_list {
	VEC(struct golden *) cases;
};

static inline char *path_of(const char *dir, const char *file)
{
	struct strbuf sb = {0};

	strbuf_addf(&sb, "%s/%s", dir, file);
	return sb.s;
}

static inline bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

/* ---- finding the cases */

/* A kernel without IPv6 tables has no dumps of them, and kube-proxy works for IPv4 only.
 */
static inline unsigned families_of(const char *folder)
{
	unsigned families = 0;

	family_foreach (f) {
		struct strbuf file = {0};
		AUTO(mem) char *path = NULL;

		strbuf_addf(&file, "%s-nat.txt", family_info(f)->iptables);
		path = path_of(folder, file.s);
		if (exists(path))
			families |= FAMILY_BIT(f);
		strbuf_free(&file);
	}
	return families;
}

static inline void add_case(struct golden_list *l, const char *case_dir, const char *sub,
    const char *cluster, enum mode mode, const char *version, bool pure)
{
	struct golden *g = xcalloc(1, sizeof(*g));

	g->folder = path_of(case_dir, sub);
	g->name = path_of(strrchr(case_dir, '/') + 1, sub);
	g->cluster = path_of(case_dir, cluster);
	g->config = path_of(case_dir, "config.yaml");
	g->mode = mode;
	g->version = version;
	g->pure = pure;
	g->families = families_of(g->folder);
	vec_push(&l->cases, g);
}

/* "ipvs-1.27" and its "updateN" with cluster.N.json */
static inline void add_dumps(struct golden_list *l, const char *case_dir, const char *sub)
{
	enum mode mode = !strncmp(sub, "ipvs", 4) ? MODE_IPVS : MODE_IPTABLES;
	const char *version = strstr(sub, "1.26") ? "1.26.0" : "1.27.1";

	add_case(l, case_dir, sub, "cluster.json", mode, version, true);
	for (int i = 1;; i++) {
		struct strbuf update = {0}, cluster = {0};
		AUTO(mem) char *path = NULL;
		bool found;

		strbuf_addf(&update, "%s/update%d", sub, i);
		strbuf_addf(&cluster, "cluster.%d.json", i);
		path = path_of(case_dir, update.s);
		found = exists(path);
		if (found)
			add_case(l, case_dir, update.s, cluster.s, mode, version, true);
		strbuf_free(&update);
		strbuf_free(&cluster);
		if (!found)
			return;
	}
}

/* One node that goes back and forth; only the first step is free of leftovers. */
static inline void add_switches(struct golden_list *l, const char *dir)
{
	add_case(l, dir, "1-iptables", "cluster.json", MODE_IPTABLES, "1.27.1", true);
	add_case(
	    l, dir, "2-ipvs-without-cleanup", "cluster.json", MODE_IPVS, "1.27.1", false);
	add_case(l, dir, "3-np-gets-endpoints-and-gone-is-deleted", "cluster.1.json",
	    MODE_IPVS, "1.27.1", false);
	add_case(
	    l, dir, "5-ipvs-after-cleanup", "cluster.1.json", MODE_IPVS, "1.27.1", false);
	add_case(l, dir, "6-back-to-iptables-without-cleanup", "cluster.1.json",
	    MODE_IPTABLES, "1.27.1", false);
}

static inline int is_shown(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static inline void find_cases(struct golden_list *l)
{
	struct dirent **cases;
	int n = scandir(TESTDATA "/golden", &cases, is_shown, alphasort);

	for (int i = 0; i < n; i++) {
		AUTO(mem) char *dir = path_of(TESTDATA "/golden", cases[i]->d_name);
		struct dirent **subs;
		int n_subs = scandir(dir, &subs, is_shown, alphasort);

		if (!strcmp(cases[i]->d_name, "switch-modes"))
			add_switches(l, dir);
		for (int k = 0; k < n_subs; k++) {
			if (strstr(subs[k]->d_name, "-1.2"))
				add_dumps(l, dir, subs[k]->d_name);
			free(subs[k]);
		}
		if (n_subs >= 0)
			free(subs);
		free(cases[i]);
	}
	if (n >= 0)
		free(cases);
}

static inline void golden_cases_free(struct golden_list *l)
{
	for (size_t i = 0; i < l->cases.n; i++) {
		free(l->cases.v[i]->name);
		free(l->cases.v[i]->folder);
		free(l->cases.v[i]->cluster);
		free(l->cases.v[i]->config);
		free(l->cases.v[i]);
	}
	vec_free(&l->cases);
}

#endif
