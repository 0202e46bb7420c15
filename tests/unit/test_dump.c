/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Saved dumps as a source: which files are read, and what is said when they cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/source.h"

static char folder[64];

static int setup(void **state)
{
	(void)state;
	strcpy(folder, P_tmpdir "/vipshift-dump-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int teardown(void **state)
{
	static const char *const names[] = {"iptables-save.txt", "ip6tables-save.txt",
	    "iptables-nat.txt", "ipset-save.txt", "ipvsadm-Sn.txt", "ipvsadm-Ln.txt",
	    "addresses.txt", "sysctls.txt", "ip-addr-kube-ipvs0.txt", "ip6tables.txt",
	    "saved"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path_of(names[i]));
	return rmdir(folder);
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct state *read_dump(const char *path, unsigned kinds, unsigned families)
{
	AUTO(source) struct source *src = NULL;
	struct state *s = NULL;
	struct error err = {0};

	if (dump_open(path, &src, &err) || source_read(src, kinds, families, &s, &err))
		fail_msg("%s", err.msg);
	return s;
}

static void assert_read_fails(const char *path, const char *message)
{
	AUTO(source) struct source *src = NULL;
	struct state *s = NULL;
	struct error err = {0};
	int c = dump_open(path, &src, &err);

	if (!c)
		c = source_read(src, KIND_ALL, FAMILY_BOTH, &s, &err);
	assert_int_equal(c, -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.msg, message);
}

static void write_all(void)
{
	write_file("iptables-save.txt", "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"
					"*nat\n:A - [0:0]\nCOMMIT\n");
	write_file("ip6tables-save.txt", "*nat\n:B - [0:0]\nCOMMIT\n");
	write_file("ipset-save.txt", "create S hash:ip family inet\n");
	write_file("ipvsadm-Sn.txt", "-A -t 10.0.0.1:80 -s rr\n");
	write_file("addresses.txt", "1: lo    inet 127.0.0.1/8 scope host lo\n");
	write_file("sysctls.txt", "net.ipv4.ip_forward = 1\n");
}

static void test_a_folder_gives_every_kind(void **state)
{
	(void)state;
	write_all();
	AUTO(state) struct state *s = read_dump(folder, KIND_ALL, FAMILY_BOTH);

	assert_non_null(fw_chain_find(&s->fw[FAMILY_4].tables[FW_NAT], "A"));
	assert_true(s->fw[FAMILY_4].tables[FW_FILTER].present);
	assert_false(s->fw[FAMILY_4].tables[FW_MANGLE].present);
	assert_non_null(fw_chain_find(&s->fw[FAMILY_6].tables[FW_NAT], "B"));
	assert_non_null(kset_find(&s->sets, "S"));
	assert_int_equal(s->lvs.n_services, 1);
	assert_non_null(vip_find_link(&s->vips, "lo"));
	assert_non_null(knob_find(&s->knobs, "net.ipv4.ip_forward"));
}

static void test_only_what_was_asked_for_is_read(void **state)
{
	(void)state;
	write_all();
	write_file("ipset-save.txt", "nonsense\n"); /* not looked at */
	AUTO(state)
	struct state *s = read_dump(
	    folder, KIND_BIT(KIND_FW) | KIND_BIT(KIND_LVS), FAMILY_BIT(FAMILY_6));

	assert_false(s->fw[FAMILY_4].present);
	assert_true(s->fw[FAMILY_6].present);
	assert_true(s->lvs.present);
	assert_false(s->sets.present);
	assert_false(s->vips.present);
	assert_false(s->knobs.present);
}

static void test_missing_files_leave_their_kind_absent(void **state)
{
	(void)state;
	write_file("ipvsadm-Sn.txt", "");
	AUTO(state) struct state *s = read_dump(folder, KIND_ALL, FAMILY_BOTH);

	assert_true(s->lvs.present);
	assert_int_equal(s->lvs.n_services, 0);
	assert_false(s->fw[FAMILY_4].present);
	assert_false(s->sets.present);
}

static void test_a_whole_save_replaces_files_of_one_table(void **state)
{
	(void)state;
	write_file("iptables-nat.txt", "*nat\n:OLD - [0:0]\nCOMMIT\n");
	write_file("iptables-save.txt", "*nat\n:NEW - [0:0]\nCOMMIT\n");
	AUTO(state) struct state *s = read_dump(folder, KIND_ALL, FAMILY_BOTH);

	assert_non_null(fw_chain_find(&s->fw[FAMILY_4].tables[FW_NAT], "NEW"));
	assert_null(fw_chain_find(&s->fw[FAMILY_4].tables[FW_NAT], "OLD"));
}

static void test_a_golden_folder_is_a_dump(void **state)
{
	AUTO(state)
	struct state *s =
	    read_dump(TESTDATA "/golden/dual-stack/ipvs-1.27", KIND_ALL, FAMILY_BOTH);

	(void)state;
	family_foreach (f) {
		assert_true(s->fw[f].tables[FW_FILTER].present);
		assert_non_null(
		    fw_chain_find(&s->fw[f].tables[FW_NAT], "KUBE-LOAD-BALANCER"));
	}
	assert_non_null(kset_find(&s->sets, "KUBE-6-CLUSTER-IP"));
	assert_true(s->lvs.n_services > 0);
	assert_string_equal(vip_find_link(&s->vips, VIP_LINK)->kind, "dummy");
}

static void test_an_interface_without_addresses_is_there(void **state)
{
	(void)state;
	write_file("ip-addr-kube-ipvs0.txt", "");
	AUTO(state) struct state *s = read_dump(folder, KIND_ALL, FAMILY_BOTH);

	assert_non_null(vip_find_link(&s->vips, VIP_LINK));
}

static void test_a_listing_stands_for_a_save(void **state)
{
	AUTO(source) struct source *src = NULL;
	AUTO(state) struct state *s = NULL;
	struct notes findings = {0};
	struct error err = {0};

	(void)state;
	write_file("ipvsadm-Ln.txt", "TCP  10.0.0.1:80 rr\n");
	assert_int_equal(dump_open_damaged(folder, &findings, &src, &err), 0);
	assert_int_equal(source_read(src, KIND_ALL, FAMILY_BOTH, &s, &err), 0);
	assert_int_equal(s->lvs.n_services, 1);
	assert_int_equal(findings.list.n, 1);
	assert_non_null(strstr(findings.list.v[0].text, "thresholds of real servers"));
	notes_clear(&findings);

	/* The save has all that the listing has, and more. */
	write_file("ipvsadm-Sn.txt", "-A -t 10.0.0.2:80 -s rr\n-A -u 10.0.0.2:80\n");
	AUTO(state) struct state *save = read_dump(folder, KIND_ALL, FAMILY_BOTH);

	assert_int_equal(save->lvs.n_services, 2);
}

static void test_a_byte_order_mark_is_passed_over(void **state)
{
	(void)state;
	write_file("iptables-save.txt", "\xef\xbb\xbf*nat\r\n:A - [0:0]\r\nCOMMIT\r\n");
	write_file("ipset-save.txt", "\xef\xbb\xbf"
				     "create S hash:ip\r\n");
	AUTO(state) struct state *s = read_dump(folder, KIND_ALL, FAMILY_BOTH);

	assert_non_null(fw_chain_find(&s->fw[FAMILY_4].tables[FW_NAT], "A"));
	assert_non_null(kset_find(&s->sets, "S"));
}

/* As UTF-16, of the least significant byte first unless it is big. */
static void write_wide(const char *name, const char *text, bool big)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	fputs(big ? "\xfe\xff" : "\xff\xfe", f);
	for (; *text; text++) {
		fputc(big ? 0 : *text, f);
		fputc(big ? *text : 0, f);
	}
	fclose(f);
}

static void test_utf16_is_read(void **state)
{
	char refusal[256];
	FILE *f;

	(void)state;
	write_wide("iptables-save.txt", "*nat\r\n:A - [0:0]\r\nCOMMIT\r\n", false);
	write_wide("ipset-save.txt", "create S hash:ip\r\n", true);
	AUTO(state) struct state *s = read_dump(folder, KIND_ALL, FAMILY_BOTH);

	assert_non_null(fw_chain_find(&s->fw[FAMILY_4].tables[FW_NAT], "A"));
	assert_non_null(kset_find(&s->sets, "S"));

	/* Cut off in the middle of a character. */
	f = fopen(path_of("iptables-save.txt"), "a");
	assert_non_null(f);
	fputc('#', f);
	fclose(f);
	AUTO(state) struct state *cut = read_dump(folder, KIND_ALL, FAMILY_BOTH);

	assert_non_null(fw_chain_find(&cut->fw[FAMILY_4].tables[FW_NAT], "A"));
	/* The second half of a pair has no first one. */
	write_file("iptables-save.txt", "\xff\xfe*\xdc*\xdc");
	snprintf(refusal, sizeof(refusal),
	    "%s: it is UTF-16 and cannot be read as such from byte 2 on; save it as UTF-8",
	    path_of("iptables-save.txt"));
	assert_read_fails(folder, refusal);
}

static void test_one_file_tells_its_family(void **state)
{
	(void)state;
	write_file("saved", "# Generated by ip6tables-save v1.8.9 (legacy) on Sun\n"
			    "*nat\n-A OUTPUT -d fd00::1/128 -j ACCEPT\nCOMMIT\n");
	AUTO(state)
	struct state *six = read_dump(path_of("saved"), KIND_ALL, FAMILY_BOTH);

	assert_true(six->fw[FAMILY_6].present);
	assert_false(six->fw[FAMILY_4].present);

	write_file("ip6tables.txt", "*nat\n-A OUTPUT -d fd00::1/128 -j ACCEPT\nCOMMIT\n");
	AUTO(state)
	struct state *named = read_dump(path_of("ip6tables.txt"), KIND_ALL, FAMILY_BOTH);

	assert_true(named->fw[FAMILY_6].present);

	write_file("saved", "*nat\n-A OUTPUT -d 10.0.0.1/32 -j ACCEPT\nCOMMIT\n");
	AUTO(state)
	struct state *four = read_dump(path_of("saved"), KIND_ALL, FAMILY_BOTH);

	assert_true(four->fw[FAMILY_4].present);
	assert_false(four->fw[FAMILY_6].present);
}

static void test_errors_name_the_path(void **state)
{
	char expected[512];

	(void)state;
	assert_read_fails("/nonexistent/dump",
	    "cannot open /nonexistent/dump: No such file or directory");
	snprintf(expected, sizeof(expected),
	    "%s: no dump in this folder: iptables-save.txt, ip6tables-save.txt, "
	    "ipset-save.txt, ipvsadm-Sn.txt, ipvsadm-Ln.txt, addresses.txt or "
	    "sysctls.txt",
	    folder);
	assert_read_fails(folder, expected);
	write_file("ipset-save.txt", "create S hash:ip\nadd T 1\n");
	snprintf(expected, sizeof(expected),
	    "%s/ipset-save.txt:2: set T is not created above", folder);
	assert_read_fails(folder, expected);
}

static void test_a_file_without_permission_is_an_error(void **state)
{
	char expected[256];

	(void)state;
	if (geteuid() == 0)
		skip(); /* root may read everything */
	write_file("ipset-save.txt", "");
	assert_int_equal(chmod(path_of("ipset-save.txt"), 0), 0);
	snprintf(expected, sizeof(expected),
	    "cannot open %s/ipset-save.txt: Permission denied", folder);
	assert_read_fails(folder, expected);
}

static void test_a_state_prints_part_by_part(void **state)
{
	static const char *const texts[PART_COUNT] = {
	    [PART_IPTABLES] =
		"*filter\n:INPUT ACCEPT [0:0]\n:FORWARD - [0:0]\n:OUTPUT - [0:0]\n"
		"COMMIT\n*nat\n:PREROUTING - [0:0]\n:INPUT - [0:0]\n"
		":OUTPUT - [0:0]\n:POSTROUTING - [0:0]\n:A - [0:0]\nCOMMIT\n",
	    [PART_IP6TABLES] =
		"*nat\n:PREROUTING - [0:0]\n:INPUT - [0:0]\n:OUTPUT - [0:0]\n"
		":POSTROUTING - [0:0]\n:B - [0:0]\nCOMMIT\n",
	    [PART_IPSET] = "create S hash:ip family inet hashsize 1024 maxelem 65536\n",
	    [PART_IPVS] = "-A -t 10.0.0.1:80 -s rr\n",
	    [PART_ADDRESSES] = "address add 127.0.0.1/8 dev lo\n",
	    [PART_SYSCTLS] = "net.ipv4.ip_forward = 1\n",
	};

	(void)state;
	write_all();
	AUTO(state) struct state *s = read_dump(folder, KIND_ALL, FAMILY_BOTH);

	for (unsigned p = 0; p < PART_COUNT; p++) {
		struct strbuf sb = {0};
		enum part again;

		state_print_part(&sb, s, (enum part)p);
		assert_string_equal(strbuf_str(&sb), texts[p]);
		assert_true(part_parse(part_name((enum part)p), &again));
		assert_int_equal(again, p);
		strbuf_free(&sb);
	}
}

static void test_names_of_modes(void **state)
{
	enum mode m;

	(void)state;
	assert_true(mode_parse("ipvs", &m));
	assert_int_equal(m, MODE_IPVS);
	assert_string_equal(mode_name(MODE_IPTABLES), "iptables");
	assert_false(mode_parse("nftables", &m));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_a_folder_gives_every_kind),
	    T(test_only_what_was_asked_for_is_read),
	    T(test_missing_files_leave_their_kind_absent),
	    T(test_a_whole_save_replaces_files_of_one_table),
	    T(test_a_golden_folder_is_a_dump),
	    T(test_an_interface_without_addresses_is_there),
	    T(test_a_listing_stands_for_a_save),
	    T(test_a_byte_order_mark_is_passed_over),
	    T(test_utf16_is_read),
	    T(test_one_file_tells_its_family),
	    T(test_errors_name_the_path),
	    T(test_a_file_without_permission_is_an_error),
	    T(test_a_state_prints_part_by_part),
	    T(test_names_of_modes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
