/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the values of a JSON text one at a time. What most are is seen at once
 * (tree_json.c); of others it finds the end and has jansson parse them. What the values
 * mean is left to model_json.c; what is wrong with them, to jansson.
 */
#include "config.h"

#include "model/read_json.h"

#include "base/arena.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE (1u << 20) /* most values lie in it as a whole */
#define PADDING 16u	       /* of NULs, for json_tree_scan() */
#define MAX_DEPTH 2048	       /* jansson's own limit */

void json_reader_begin(struct json_reader *r, FILE *f, const char *name)
{
	*r = (struct json_reader){.name = name, .f = f, .line = 1};
	r->buf = xmalloc(BUFFER_SIZE + PADDING);
}

int json_reader_open(struct json_reader *r, const char *path, struct error *err)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *f = is_stdin ? stdin : fopen(path, "re");

	if (!f)
		return error_set(err, ERR_INPUT, errno, "%s", path);
	json_reader_begin(r, f, is_stdin ? "stdin" : path);
	return 0;
}

void json_reader_close(struct json_reader *r)
{
	if (r->f && r->f != stdin)
		fclose(r->f);
	free(r->buf);
	strbuf_free(&r->text);
	*r = (struct json_reader){0};
}

/* Puts more behind what is in the buffer; false: there is no more, or no room. */
static bool append(struct json_reader *r)
{
	size_t n;

	memmove(r->buf, r->buf + r->pos, r->len - r->pos);
	r->len -= r->pos;
	r->pos = 0;
	n = r->len < BUFFER_SIZE ? fread(r->buf + r->len, 1, BUFFER_SIZE - r->len, r->f)
				 : 0;
	r->len += n;
	memset(r->buf + r->len, 0, PADDING);
	if (!n && ferror(r->f) && !r->read_errno)
		r->read_errno = errno ? errno : EIO;
	return n > 0;
}

/* Editors and shells of Windows put a byte order mark in front. */
static void skip_mark(struct json_reader *r)
{
	static const char mark[] = "\xef\xbb\xbf";

	while (r->len < strlen(mark) && append(r))
		;
	if (r->len >= strlen(mark) && !memcmp(r->buf, mark, strlen(mark)))
		r->pos = strlen(mark);
}

static bool fill(struct json_reader *r)
{
	if (!r->begun) {
		r->begun = true;
		skip_mark(r);
	}
	return r->pos < r->len || append(r);
}

int json_reader_status(const struct json_reader *r, struct error *err)
{
	/* A directory opens, and fails only here. */
	if (r->read_errno)
		return error_set(err, ERR_INPUT, r->read_errno, "%s", r->name);
	return 0;
}

int json_reader_error(
    const struct json_reader *r, struct error *err, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (json_reader_status(r, err))
		return -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(err, ERR_INPUT, 0, "%s: line %lu: %s", r->name, r->line, text);
}

int json_reader_peek(struct json_reader *r)
{
	while (fill(r)) {
		char c = r->buf[r->pos];

		if (c == '\n')
			r->line++;
		else if (c != ' ' && c != '\t' && c != '\r')
			return (unsigned char)c;
		r->pos++;
	}
	return EOF;
}

/* A character as messages show it. */
static const char *describe(int c, char buf[16])
{
	if (c == EOF)
		return "the end of the file";
	if (c == 0xff || c == 0xfe)
		return "UTF-16: it must be UTF-8";
	snprintf(buf, 16, c >= ' ' && c < 127 ? "'%c'" : "byte 0x%02x", c);
	return buf;
}

int json_reader_expect(struct json_reader *r, char c, const char *what, struct error *err)
{
	int found = json_reader_peek(r);
	char text[16];

	if (found != c)
		return json_reader_error(
		    r, err, "%s expected, found %s", what, describe(found, text));
	r->pos++;
	return 0;
}

int json_reader_next(
    struct json_reader *r, char close, bool first, bool *more, struct error *err)
{
	int c = json_reader_peek(r);
	char text[16], what[2] = {close};

	*more = c != close;
	if (!*more) {
		r->pos++;
		return 0;
	}
	if (first)
		return 0;
	if (c != ',')
		return json_reader_error(
		    r, err, "',' or '%s' expected, found %s", what, describe(c, text));
	r->pos++;
	c = json_reader_peek(r);
	if (c == close)
		return json_reader_error(r, err, "a value expected after ','");
	return 0;
}

/* Open brackets, one bit each: set for a brace. */
struct nest {
	unsigned depth;
	uint8_t brace[MAX_DEPTH / 8];
};

/* false: deeper than jansson would go. */
static bool nest_open(struct nest *n, bool brace)
{
	unsigned i = n->depth;

	if (i == MAX_DEPTH)
		return false;
	if (brace)
		n->brace[i / 8] |= (uint8_t)(1u << i % 8);
	else
		n->brace[i / 8] &= (uint8_t) ~(1u << i % 8);
	n->depth++;
	return true;
}

/* false: the bracket closes nothing. */
static bool nest_close(struct nest *n, bool brace)
{
	unsigned i = n->depth - 1;

	if (!n->depth || !!(n->brace[i / 8] & 1u << i % 8) != brace)
		return false;
	n->depth--;
	return true;
}

struct scan {
	struct nest nest;
	bool in_string, escaped;
};

enum scan_end {
	SCAN_MORE,   /* the value goes on */
	SCAN_INSIDE, /* ... it ends with the character at p, which belongs to it */
	SCAN_BEFORE, /* ... it ended before the character at p */
	SCAN_BROKEN, /* no value can go on like this: let jansson say why */
};

/* The rest of a string, as far as the buffer goes. */
static const char *scan_string(struct scan *s, const char *p, const char *end)
{
	for (; p < end; p++) {
		if (s->escaped)
			s->escaped = false;
		else if (*p == '\\')
			s->escaped = true;
		else if (*p == '"') {
			s->in_string = false;
			break;
		}
	}
	return p;
}

/* Scalars end before what cannot belong to them. */
static bool ends_scalar(char c)
{
	return c == ',' || c == ']' || c == '}' || c == ':' || c == ' ' || c == '\t' ||
	       c == '\r' || c == '\n';
}

static enum scan_end scan_char(struct scan *s, char c)
{
	switch (c) {
	case '"':
		s->in_string = true;
		return SCAN_MORE;
	case '{':
	case '[':
		return nest_open(&s->nest, c == '{') ? SCAN_MORE : SCAN_BROKEN;
	case '}':
	case ']':
		if (!s->nest.depth)
			return SCAN_BEFORE;
		if (!nest_close(&s->nest, c == '}'))
			return SCAN_BROKEN;
		return s->nest.depth ? SCAN_MORE : SCAN_INSIDE;
	default:
		return !s->nest.depth && ends_scalar(c) ? SCAN_BEFORE : SCAN_MORE;
	}
}

static enum scan_end scan_buffer(struct scan *s, const char **p, const char *end)
{
	while (*p < end) {
		enum scan_end e;

		if (s->in_string) {
			*p = scan_string(s, *p, end);
			if (*p == end)
				return SCAN_MORE;
			if (!s->nest.depth)
				return SCAN_INSIDE; /* a string on its own */
			(*p)++;
			continue;
		}
		e = scan_char(s, **p);
		if (e != SCAN_MORE)
			return e;
		(*p)++;
	}
	return SCAN_MORE;
}

/* The text of the next value into r->text; -1 if the input ends inside it. */
static int take_text(struct json_reader *r, struct error *err)
{
	struct scan s = {0};

	strbuf_reset(&r->text);
	while (fill(r)) {
		const char *start = r->buf + r->pos, *p = start;
		enum scan_end e = scan_buffer(&s, &p, r->buf + r->len);

		if (e == SCAN_INSIDE || e == SCAN_BROKEN)
			p++;
		strbuf_addn(&r->text, start, (size_t)(p - start));
		r->pos += (size_t)(p - start);
		if (e != SCAN_MORE)
			return 0;
	}
	if (!s.nest.depth && !s.in_string)
		return 0;
	return json_reader_error(r, err,
	    "the file ends inside %s that begins here: it is not complete",
	    s.nest.depth ? "an object or array" : "a string");
}

static unsigned long count_lines(const char *s, size_t n)
{
	unsigned long lines = 0;

	for (const char *end = s + n; (s = memchr(s, '\n', (size_t)(end - s))); s++)
		lines++;
	return lines;
}

/* The next value if it is plain and the buffer holds all of it; else nothing was taken.
 */
static bool take_plain(struct json_reader *r, struct arena *a, struct json_value *ret)
{
	do {
		const char *p = r->buf + r->pos;

		if (!json_tree_scan(&p, a, ret, &r->line)) {
			r->pos = (size_t)(p - r->buf);
			return true;
		}
		/* A word or escape may be cut off a little before the end. */
		if (p + PADDING / 2 < r->buf + r->len)
			return false;
	} while (append(r));
	return false;
}

int json_reader_value(
    struct json_reader *r, struct arena *a, struct json_value *ret, struct error *err)
{
	int c = json_reader_peek(r);
	json_error_t why;
	char text[16];
	json_t *v;

	if (c != EOF && take_plain(r, a, ret))
		return 0;
	if (take_text(r, err))
		return -1;
	if (!r->text.len)
		return json_reader_error(
		    r, err, "a value expected, found %s", describe(c, text));
	v = json_loadb(strbuf_str(&r->text), r->text.len, JSON_DECODE_ANY, &why);
	if (!v) {
		r->line += why.line > 0 ? (unsigned long)why.line - 1 : 0;
		return json_reader_error(r, err, "not JSON: %s", why.text);
	}
	r->line += count_lines(r->text.s, r->text.len);
	json_tree_copy(v, a, ret);
	json_decref(v);
	return 0;
}

int json_reader_rest(struct json_reader *r, struct strbuf *ret, struct error *err)
{
	json_reader_peek(r);
	while (r->pos && (r->buf[r->pos - 1] == ' ' || r->buf[r->pos - 1] == '\t'))
		r->pos--;
	do {
		strbuf_addn(ret, r->buf + r->pos, r->len - r->pos);
		r->pos = r->len;
	} while (append(r));
	return json_reader_status(r, err);
}
