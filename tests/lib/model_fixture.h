/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_MODEL_FIXTURE_H
#define TESTS_LIB_MODEL_FIXTURE_H

/* Models from text, and the text of Kubernetes objects. */

#include "text_file.h"

#include "base/strbuf.h"
#include "model/model.h"

struct loaded {
	struct model *model;
	struct notes notes;
	struct error err;
};

static inline struct loaded try_load(const char *text)
{
	struct loaded l = {0};
	char path[32];
	int fd = text_file(text, path);

	if (model_load(path, &l.model, &l.notes, &l.err))
		assert_null(l.model);
	close(fd);
	return l;
}

static inline struct loaded load(const char *text)
{
	struct loaded l = try_load(text);

	if (!l.model)
		fail_msg("%s", l.err.msg);
	return l;
}

static inline void unload(struct loaded *l)
{
	model_free(l->model);
	notes_clear(&l->notes);
}

/* JSON with ' for ", as Kubernetes objects. */
static inline const char *quoted(struct strbuf *sb, const char *text)
{
	strbuf_reset(sb);
	for (; *text; text++)
		strbuf_addch(sb, *text == '\'' ? '"' : *text);
	return strbuf_str(sb);
}

static inline struct loaded load_quoted(const char *text)
{
	struct strbuf sb = {0};
	struct loaded l = load(quoted(&sb, text));

	strbuf_free(&sb);
	return l;
}

#define LIST(items) "{'kind':'List','apiVersion':'v1','items':[" items "]}"
#define SERVICE(spec)                                                                     \
	"{'kind':'Service','metadata':{'name':'web','namespace':'default'},'spec':{" spec \
	"}}"
#define PLAIN SERVICE("'clusterIP':'10.96.0.1','ports':[{'port':80}]")
#define SLICE_OF(meta, rest)                                                                  \
	"{'kind':'EndpointSlice','metadata':{'name':'web-x','namespace':'default','labels':{" \
	"'kubernetes.io/service-name':'web'" meta "}}," rest "}"
#define SLICE(endpoints)                                                                     \
	SLICE_OF("",                                                                         \
	    "'addressType':'IPv4','ports':[{'name':'','port':8080}],'endpoints':[" endpoints \
	    "]")
#define EP "{'addresses':['10.0.0.1']}"
#define NO_KIND_SERVICE                                                                  \
	"{'metadata':{'name':'web','namespace':'default'},"                              \
	"'spec':{'clusterIP':'10.96.0.1','ports':[{'port':80}]}}"
#define OTHER(name, spec)                                                                \
	"{'kind':'Service','metadata':{'name':'" name "'},'spec':{" spec "}}"
#define NATIVE(rest) "{'apiVersion':'vipshift/v1','kind':'ServiceModel'," rest "}"

#endif
