/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saved tables that are damaged: each line deleted in turn, cut off anywhere, wrapped by
 * a mail program. No crash, never an endpoint that the service does not have, and a
 * finding whenever the model is another one, unless what is gone leaves no trace.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../lib/golden_files.h"
#include "../lib/golden_states.h"
#include "../lib/read_back.h"
#include "../lib/text_file.h"

/* In testdata/golden and, of old releases, in testdata/eras. */
static const char *const saves[] = {
    "seed-like", "loadbalancer", "nodeport-local-with", "1.8", "1.22"};
#define N_SAVES (sizeof(saves) / sizeof(saves[0]))

/* The IPv4 tables of a case as iptables-save prints them. Free with free(). */
static char *save_of(const char *name)
{
	static const char *const tables[] = {"mangle", "filter", "nat"};
	struct strbuf all = {0}, one = {0};
	char path[512];

	snprintf(path, sizeof(path), TESTDATA "/eras/%s/iptables-save.txt", name);
	if (!access(path, F_OK)) {
		golden_load(path, &all);
		return all.s;
	}
	for (size_t i = 0; i < 3; i++) {

		snprintf(path, sizeof(path),
		    TESTDATA "/golden/%s/iptables-1.27/iptables-%s.txt", name, tables[i]);
		golden_load(path, &one);
		strbuf_add(&all, one.s);
	}
	strbuf_free(&one);
	return all.s;
}

struct result {
	struct model *model; /* NULL: not read at all, err says why */
	struct notes findings;
	struct error err;
};

static struct result read_text(const char *text)
{
	AUTO(source) struct source *src = NULL;
	AUTO(state) struct state *s = NULL;
	struct result r = {0};
	char path[32];
	int fd = text_file(text, path);

	if (dump_open_damaged(path, &r.findings, &src, &r.err) ||
	    source_read(src, KIND_ALL, FAMILY_BOTH, &s, &r.err))
		r.model = NULL;
	else
		r.model = read_back(s, -1, &r.findings);
	close(fd);
	return r;
}

static void result_free(struct result *r)
{
	model_free(r->model);
	notes_clear(&r->findings);
}

static const struct service *service_of(const struct model *m, const struct service *s)
{
	for (size_t i = 0; i < m->n_services; i++)
		if (!strcmp(m->services[i].spn, s->spn) &&
		    m->services[i].proto == s->proto)
			return &m->services[i];
	return NULL;
}

static bool has_endpoint(const struct service *s, const struct endpoint *e)
{
	for (size_t i = 0; i < s->n_endpoints; i++)
		if (s->endpoints[i].port == e->port &&
		    addr_eq(&s->endpoints[i].addr, &e->addr))
			return true;
	return false;
}

/* A service without a name is another one by name only: its way in tells whose it is. */
static const struct service *owner_of(const struct model *m, const struct service *s)
{
	const struct service *o = service_of(m, s);

	for (size_t i = 0; !o && i < m->n_services; i++)
		for (size_t k = 0; k < m->services[i].n_frontends; k++)
			for (size_t f = 0; f < s->n_frontends; f++)
				if (s->frontends[f].port ==
					m->services[i].frontends[k].port &&
				    addr_eq(&s->frontends[f].addr,
					&m->services[i].frontends[k].addr))
					o = &m->services[i];
	return o;
}

static void assert_no_wrong_endpoint(
    const char *what, const struct model *whole, const struct model *m)
{
	char buf[ADDRPORT_STRLEN];

	for (size_t i = 0; i < m->n_services; i++) {
		const struct service *s = &m->services[i];
		const struct service *o = owner_of(whole, s);

		for (size_t k = 0; k < s->n_endpoints; k++)
			if (!o || !has_endpoint(o, &s->endpoints[k]))
				fail_msg("%s: %s got endpoint %s", what, s->spn,
				    addrport_format(&s->endpoints[k].addr,
					s->endpoints[k].port, buf));
	}
}

/* Lines whose absence nothing else in a save shows: one more way into a chain that has
 * others, a service that is nothing but this line, one of several source ranges, the
 * first of the local endpoints: without it the others are a list of their own. */
static bool leaves_no_trace(const char *line, size_t len)
{
	AUTO(mem) char *s = strndup(line, len);

	return strstr(s, " has no endpoints") || strstr(s, " external IP\"") ||
	       (strstr(s, " loadbalancer IP\"") &&
		   (strstr(s, "-j KUBE-EXT-") || strstr(s, "-j KUBE-XLB-"))) ||
	       ((!strncmp(s, "-A KUBE-SVL-", 12) || !strncmp(s, "-A KUBE-XLB-", 12)) &&
		   strstr(s, "--probability ")) ||
	       !strncmp(s, "-A KUBE-NODEPORTS", 17);
}

/* Returns whether the model is another one. */
static bool check(
    const char *what, const char *text, const struct result *whole, bool silent_is_fine)
{
	struct result r = read_text(text);
	char *a, *b;
	bool other;

	if (!r.model) {
		assert_true(r.err.msg[0]);
		notes_clear(&r.findings);
		return true;
	}
	assert_no_wrong_endpoint(what, whole->model, r.model);
	a = model_text(whole->model);
	b = model_text(r.model);
	other = strcmp(a, b) != 0;
	if (other && !r.findings.list.n && !silent_is_fine)
		fail_msg("%s: another model and no finding\n%s", what, b);
	free(a);
	free(b);
	result_free(&r);
	return other;
}

static void test_every_line_missing_in_turn(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SAVES; i++) {
		AUTO(mem) char *text = save_of(saves[i]);
		struct result whole = read_text(text);
		size_t len = strlen(text), others = 0, lines = 0;

		assert_non_null(whole.model);
		assert_int_equal(whole.findings.list.n, 0);
		for (const char *p = text; *p; lines++) {
			size_t n = strcspn(p, "\n") + 1;
			char *less = xmalloc(len - n + 1), what[512];

			memcpy(less, text, (size_t)(p - text));
			strcpy(less + (p - text), p + n);
			snprintf(what, sizeof(what), "%s without %.*s", saves[i],
			    (int)(n - 1), p);
			others += check(what, less, &whole, leaves_no_trace(p, n - 1));
			free(less);
			p += n;
		}
		assert_true(others > 10 && others < lines);
		result_free(&whole);
	}
}

static void test_cut_off_anywhere(void **state)
{
	(void)state;
	srand(4);
	for (size_t i = 0; i < N_SAVES; i++) {
		AUTO(mem) char *text = save_of(saves[i]);
		struct result whole = read_text(text);
		size_t len = strlen(text);

		for (int k = 0; k < 300; k++) {
			size_t cut = (size_t)rand() % len;
			AUTO(mem) char *less = strndup(text, cut);
			char what[128];

			snprintf(what, sizeof(what), "%s, %zu bytes", saves[i], cut);
			check(what, less, &whole, false);
		}
		result_free(&whole);
	}
}

/* Each line once with one byte changed, and once wrapped. */
static void test_scribbled_and_wrapped(void **state)
{
	AUTO(mem) char *text = save_of(saves[0]);
	struct result whole = read_text(text);
	size_t len = strlen(text);

	(void)state;
	srand(5);
	for (int k = 0; k < 1000; k++) {
		AUTO(mem) char *other = xstrdup(text);
		struct result r;

		other[(size_t)rand() % len] = "\n\" x-:/;"[rand() % 8];
		r = read_text(other);
		result_free(&r);
	}
	for (size_t i = 80; i < len; i += 97) {
		AUTO(mem) char *other = xstrdup(text);
		char what[64];

		if (other[i] != ' ')
			continue;
		other[i] = '\n';
		snprintf(what, sizeof(what), "a line wrapped at %zu", i);
		check(what, other, &whole, false);
	}
	result_free(&whole);
}

/* ---- what people attach to tickets */

#define TABLE                                                                            \
	"*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n" \
	":KUBE-SVC-NPX46M4PTMTKRN6Y - [0:0]\n:KUBE-SEP-V2PECCYPB6X2GSCW - [0:0]\n"       \
	"-A PREROUTING -j KUBE-SERVICES\n-A OUTPUT -j KUBE-SERVICES\n"                   \
	"-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "                  \
	"\"default/kubernetes:https cluster IP\" -m tcp --dport 443 -j "                 \
	"KUBE-SVC-NPX46M4PTMTKRN6Y\n"                                                    \
	"-A KUBE-SVC-NPX46M4PTMTKRN6Y -j KUBE-SEP-V2PECCYPB6X2GSCW\n"
#define SEP(target)                                                                      \
	"-A KUBE-SEP-V2PECCYPB6X2GSCW -p tcp -m tcp -j DNAT" target "\nCOMMIT\n"
#define FILTER "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"
#define WHOLE FILTER TABLE SEP(" --to-destination 172.18.0.2:6443")

static bool found(const struct notes *n, const char *text)
{
	for (size_t i = 0; i < n->list.n; i++)
		if (strstr(n->list.v[i].text, text))
			return true;
	return false;
}

static void assert_incomplete(const char *text, const char *finding)
{
	struct result r = read_text(text);

	assert_non_null(r.model);
	if (!found(&r.findings, finding)) {
		for (size_t i = 0; i < r.findings.list.n; i++)
			print_message("%s\n", r.findings.list.v[i].text);
		fail_msg("no finding says: %s", finding);
	}
	assert_int_equal(r.model->n_services, 1);
	assert_string_equal(r.model->services[0].spn, "default/kubernetes:https");
	assert_non_null(r.model->services[0].incomplete);
	result_free(&r);
}

static void test_what_is_wrong_is_named(void **state)
{
	(void)state;
	assert_incomplete(
	    FILTER TABLE SEP(""), ":14: KUBE-SEP-V2PECCYPB6X2GSCW: DNAT with no address");
	assert_incomplete(FILTER TABLE "COMMIT\n", "there is no DNAT in this chain");
	assert_incomplete(FILTER TABLE
	    "-A KUBE-SVC-NPX46M4PTMTKRN6Y -j KUBE-SEP-AAAAAAAAAAAAAAAA\nCOMMIT\n",
	    "jump to a chain that is not there: KUBE-SEP-AAAAAAAAAAAAAAAA");
	assert_incomplete(FILTER TABLE
	    "-A KUBE-SVC-NPX46M4PTMTKRN6Y -m recent --rcheck --seconds 10800 --reap "
	    "-j KUBE-SEP-V2PECCYPB6X2GSCW\n" SEP(" --to-destination 172.18.0.2:6443"),
	    "recent without a list");
	assert_incomplete(FILTER TABLE
	    "-A KUBE-SVC-NPX46M4PTMTKRN6Y -m hashlimit --hashlimit-upto 1/sec "
	    "-j DROP\n" SEP(" --to-destination 172.18.0.2:6443"),
	    "KUBE-SVC-NPX46M4PTMTKRN6Y: this rule is not understood");
	/* one half of a pair, as releases up to 1.21 write it */
	assert_incomplete(FILTER TABLE
	    "-A KUBE-SERVICES -d 203.0.113.1/32 -p tcp -m comment --comment "
	    "\"default/kubernetes:https external IP\" -m tcp --dport 443 "
	    "-j KUBE-MARK-MASQ\n" SEP(" --to-destination 172.18.0.2:6443"),
	    ":14: KUBE-SERVICES: packets are marked, but no rule leads them on");
	/* those of 1.22 and 1.23 mark in the service's own chain */
	assert_incomplete(FILTER TABLE
	    "-A KUBE-SVC-NPX46M4PTMTKRN6Y -p tcp -m comment --comment "
	    "\"default/kubernetes:https\" -m tcp --dport 30443 "
	    "-j KUBE-MARK-MASQ\n" SEP(" --to-destination 172.18.0.2:6443"),
	    "KUBE-SVC-NPX46M4PTMTKRN6Y: packets are marked, but no rule leads them on");
	assert_incomplete(FILTER TABLE
	    "-A KUBE-SERVICES -d 10.96.0.1/32 -p udp -m comment --comment "
	    "\"default/kubernetes:https cluster IP\" -m udp --dport 443 "
	    "-j KUBE-SVC-NPX46M4PTMTKRN6Y\n" SEP(" --to-destination 172.18.0.2:6443"),
	    ":14: KUBE-SERVICES: its chain is that of a service of another protocol");
	assert_incomplete(
	    "*filter\n:INPUT ACCEPT [0:0]\n:KUBE-EXTERNAL-SERVICES - [0:0]\n"
	    "-A KUBE-EXTERNAL-SERVICES -d 203.0.113.1/32 -p tcp -m comment "
	    "--comment \"default/kubernetes:https has no local endpoints\" "
	    "-m tcp --dport 443 -j DROP\nCOMMIT\n" TABLE SEP(
		" --to-destination 172.18.0.2:6443"),
	    "dropped, but no rule of nat leads to endpoints elsewhere");
}

/* A copy with something else in each place of what. Free with free(). */
static char *replaced(const char *text, const char *what, const char *with)
{
	struct strbuf sb = {0};
	const char *p;

	for (; (p = strstr(text, what)); text = p + strlen(what)) {
		strbuf_addn(&sb, text, (size_t)(p - text));
		strbuf_add(&sb, with);
	}
	strbuf_add(&sb, text);
	return sb.s;
}

static void assert_reads(const char *text, size_t findings)
{
	struct result whole = read_text(WHOLE), r = read_text(text);
	char *a, *b;

	assert_int_equal(whole.findings.list.n, 0);
	if (!r.model)
		fail_msg("%s", r.err.msg);
	a = model_text(whole.model);
	b = model_text(r.model);
	assert_string_equal(a, b);
	if (r.findings.list.n != findings)
		fail_msg("%zu findings: %s", r.findings.list.n,
		    r.findings.list.n ? r.findings.list.v[0].text : "");
	free(a);
	free(b);
	result_free(&whole);
	result_free(&r);
}

/* A program wrapped the line of the endpoint: both halves read well, the first as another
 * endpoint. A prompt or a fence in that place is no half. */
static void test_half_a_rule_is_no_rule(void **state)
{
	static const char *const rest[] = {"3\n", "  3\r\n", "> 3\n"};
	const char *head =
	    FILTER TABLE "-A KUBE-SEP-V2PECCYPB6X2GSCW -p tcp -m tcp -j DNAT "
			 "--to-destination 172.18.0.2:644";
	AUTO(mem) char *fenced = replaced(WHOLE, ":6443\nCOMMIT\n", ":6443\n```\n");
	AUTO(mem)
	char *asked = replaced(WHOLE, ":6443\nCOMMIT\n", ":6443\nme@node:~$ exit\n");

	(void)state;
	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
		struct strbuf sb = {0};

		strbuf_addf(&sb, "%s\n%sCOMMIT\n", head, rest[i]);
		assert_incomplete(
		    sb.s, ":15: the rule above goes on here, a program wrapped it");
		strbuf_free(&sb);
	}
	assert_reads(fenced, 2);
	assert_reads(asked, 2);
}

/* An older iptables-save of the nft variant leaves out what it cannot read. */
static void test_a_rule_without_its_port(void **state)
{
	AUTO(mem) char *inside = replaced(WHOLE, " -m tcp --dport 443", "");

	(void)state;
	assert_incomplete(inside, ":12: KUBE-SERVICES: it has no port");
	assert_incomplete(FILTER
	    "*filter\n:KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp "
	    "-m comment --comment \"default/kubernetes:https has no endpoints\" -j REJECT "
	    "--reject-with icmp-port-unreachable\nCOMMIT\n"
	    "*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n",
	    "KUBE-SERVICES: it has no port");
}

/* What mail programs, web pages, word processors and JSON make of a save. */
static void test_texts_that_went_through_other_programs(void **state)
{
	static const char *const quotes[] = {"&quot;", "&#34;", "\\\"", "\xe2\x80\x9c"};
	static const char *const marks[] = {"\n> ", "\n>", "\n> > ", "\n>>  "};
	AUTO(mem) char *blanks = replaced(WHOLE, " ", "\xc2\xa0");

	(void)state;
	for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
		AUTO(mem) char *text = replaced(WHOLE, "\"", quotes[i]);

		assert_reads(text, 1);
	}
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		AUTO(mem) char *text = replaced("\n" WHOLE, "\n", marks[i]);

		assert_reads(text, 0);
	}
	assert_reads(blanks, 1);
}

#define POLICY(chain) "-P " chain " ACCEPT\n"
#define LISTED_FILTER POLICY("INPUT") POLICY("FORWARD") POLICY("OUTPUT")
#define LISTED_NAT                                                                       \
	POLICY("PREROUTING") POLICY("INPUT") POLICY("OUTPUT") POLICY("POSTROUTING")

/* iptables -S: table for table without its name, with prompts between. */
static void test_the_output_of_iptables_s(void **state)
{
	AUTO(mem)
	char *nat = replaced(TABLE SEP(" --to-destination 172.18.0.2:6443"),
	    "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n", LISTED_NAT);
	AUTO(mem) char *named = replaced(nat, "\n:", "\n-N ");
	AUTO(mem) char *made = replaced(named, " - [0:0]", "");
	AUTO(mem) char *rules = replaced(made, "COMMIT\n", "");
	AUTO(mem) char *cut = replaced(rules, " --to-destination 172.18.0.2:6443", "");
	struct strbuf sb = {0};
	struct result r;

	(void)state;
	strbuf_addf(&sb,
	    "## the node\n# iptables -S\n" LISTED_FILTER "\n# iptables -t nat -S\n%s"
	    "# iptables -t mangle -S\n" POLICY("PREROUTING") LISTED_FILTER POLICY(
		"POSTROUTING") "# iptables -t security -S\n" LISTED_FILTER,
	    rules);
	assert_reads(sb.s, 1);
	strbuf_reset(&sb);
	strbuf_addf(&sb, "$ iptables -t nat -S\n" LISTED_FILTER "%s", cut);
	assert_incomplete(sb.s, ":16: KUBE-SEP-V2PECCYPB6X2GSCW: DNAT with no address");
	/* of one chain: which table's is not said */
	strbuf_reset(&sb);
	strbuf_addf(&sb, POLICY("INPUT") "%s", rules + strlen(LISTED_NAT));
	r = read_text(sb.s);
	assert_null(r.model);
	assert_non_null(strstr(r.err.msg, "this is the output of iptables -S"));
	result_free(&r);
	strbuf_free(&sb);
}

/* The lines with a word in them, with chains as iptables -S has them. */
static char *grepped(const char *text, const char *word, bool as_listed)
{
	struct strbuf sb = {0};

	for (; *text; text += strcspn(text, "\n") + 1) {
		int len = (int)strcspn(text, "\n");

		if (!memmem(text, (size_t)len, word, strlen(word)))
			continue;
		if (as_listed && *text == ':')
			strbuf_addf(
			    &sb, "-N %.*s\n", (int)strcspn(text + 1, " "), text + 1);
		else
			strbuf_addf(&sb, "%.*s\n", len, text);
	}
	return sb.s;
}

/* iptables-save | grep KUBE: the chains tell which table a line is of. */
static void test_what_grep_leaves(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * N_SAVES; i++) {
		AUTO(mem) char *text = save_of(saves[i / 2]);
		AUTO(mem) char *cut = grepped(text, "KUBE", i & 1);
		struct result whole = read_text(text), r = read_text(cut);
		AUTO(mem) char *want = model_text(whole.model);
		AUTO(mem) char *have = NULL;

		assert_non_null(r.model);
		have = model_text(r.model);
		assert_same_text(saves[i / 2], want, have);
		assert_true(found(&r.findings, "no line names a table"));
		result_free(&whole);
		result_free(&r);
	}
}

static void test_the_userspace_mode_is_named(void **state)
{
	struct result r = read_text(WHOLE
	    "*nat\n:KUBE-PORTALS-CONTAINER - [0:0]\n:KUBE-PORTALS-HOST - [0:0]\n"
	    "-A KUBE-PORTALS-CONTAINER -d 10.96.0.7/32 -p tcp -m comment --comment "
	    "\"default/idle:http\" -m tcp --dport 80 -j REDIRECT --to-ports 36463\nCOMMIT\n");

	(void)state;
	assert_true(found(&r.findings,
	    "KUBE-PORTALS-CONTAINER: rules of kube-proxy's userspace mode (1)"));
	result_free(&r);
}

/* The same text with CR line ends, blanks in front, and counters. */
static char *disfigured(const char *text)
{
	struct strbuf sb = {0};

	for (; *text; text += strcspn(text, "\n") + 1)
		strbuf_addf(&sb, "  %s%.*s\r\n", *text == '-' ? "[12:720] " : "",
		    (int)strcspn(text, "\n"), text);
	return sb.s;
}

static void test_saves_of_all_sorts(void **state)
{
	AUTO(mem) char *odd = disfigured(WHOLE);

	(void)state;
	assert_reads(odd, 0);
	/* no trailer: of the last table, of both */
	assert_reads(FILTER TABLE "-A KUBE-SEP-V2PECCYPB6X2GSCW -p tcp -m tcp -j DNAT "
				  "--to-destination 172.18.0.2:6443\n",
	    1);
	/* a head without a name, or without a date */
	assert_reads("# Generated by on Sun\n" WHOLE, 0);
	assert_reads("# Generated by iptables-save\n" WHOLE, 0);
	/* twice the same node: the later one counts */
	assert_reads(WHOLE WHOLE, 2);
	/* with the shell's prompt and a listing between */
	assert_reads("$ iptables-save\n" FILTER
		     "Chain INPUT (policy ACCEPT)\ntarget prot\n"
		     "\n" TABLE SEP(" --to-destination 172.18.0.2:6443"),
	    2);
	/* ip6tables-save behind it, with its head and without */
	assert_reads(WHOLE "# Generated by ip6tables-save v1.8.9 on Sun\n"
			   "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n"
			   "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n",
	    0);
	assert_reads(WHOLE
	    "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s fd00::/8 -j ACCEPT\n"
	    "COMMIT\n",
	    0);
}

static void test_a_listing_is_no_save(void **state)
{
	struct result r =
	    read_text("Chain INPUT (policy ACCEPT)\ntarget     prot opt source\n");

	(void)state;
	assert_null(r.model);
	assert_non_null(strstr(r.err.msg, "this is a listing (iptables -L)"));
	result_free(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_line_missing_in_turn),
	    cmocka_unit_test(test_cut_off_anywhere),
	    cmocka_unit_test(test_scribbled_and_wrapped),
	    cmocka_unit_test(test_what_is_wrong_is_named),
	    cmocka_unit_test(test_saves_of_all_sorts),
	    cmocka_unit_test(test_a_listing_is_no_save),
	    cmocka_unit_test(test_half_a_rule_is_no_rule),
	    cmocka_unit_test(test_a_rule_without_its_port),
	    cmocka_unit_test(test_texts_that_went_through_other_programs),
	    cmocka_unit_test(test_the_output_of_iptables_s),
	    cmocka_unit_test(test_what_grep_leaves),
	    cmocka_unit_test(test_the_userspace_mode_is_named),
	};

	return cmocka_run_group_tests_name("damaged dumps", tests, NULL, NULL);
}
