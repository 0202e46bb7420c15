# SPDX-License-Identifier: GPL-2.0-or-later
# One cmocka program per module: NAME below is built from tests/unit/NAME.c and linked with
# the logic only.
EXTRA_DIST = tests/lib/emit_fixture.h tests/lib/golden_cases.h tests/lib/golden_files.h tests/lib/text_file.h tests/lib/model_fixture.h tests/lib/golden_states.h tests/lib/read_back.h
unit_tests = \
	tests/unit/test_base \
	tests/unit/test_conf \
	tests/unit/test_dialect \
	tests/unit/test_drain \
	tests/unit/test_dump \
	tests/unit/test_emit \
	tests/unit/test_emit_dialect \
	tests/unit/test_emit_ipvs \
	tests/unit/test_flush \
	tests/unit/test_fw \
	tests/unit/test_fw_fate \
	tests/unit/test_golden \
	tests/unit/test_knob \
	tests/unit/test_kset \
	tests/unit/test_journal \
	tests/unit/test_ledger \
	tests/unit/test_lvs \
	tests/unit/test_migrate \
	tests/unit/test_model \
	tests/unit/test_model_errors \
	tests/unit/test_model_input \
	tests/unit/test_own \
	tests/unit/test_plan \
	tests/unit/test_plan_text \
	tests/unit/test_preflight \
	tests/unit/test_read_back \
	tests/unit/test_read_damaged \
	tests/unit/test_read_eras \
	tests/unit/test_read_node \
	tests/unit/test_record \
	tests/unit/test_replay \
	tests/unit/test_restore \
	tests/unit/test_scale \
	tests/unit/test_snapshot \
	tests/unit/test_text_json \
	tests/unit/test_tolerate \
	tests/unit/test_traffic \
	tests/unit/test_tree_json \
	tests/unit/test_verify \
	tests/unit/test_vip \
	tests/unit/test_walk

# Servers and clients for the guest tests and the demo.
check_PROGRAMS = tests/lib/traffic tests/kernel/fw_driver_test
tests_lib_traffic_SOURCES = tests/lib/traffic.c tests/lib/traffic.h \
	tests/lib/traffic_client.c tests/lib/traffic_serve.c
tests_lib_traffic_LDADD =

# The kernel drivers in network namespaces of their own; skipped where these are
# not allowed.
TESTS = tests/kernel/run-fw-driver.sh tests/kernel/run-nft-driver.sh \
	tests/kernel/run-nl-driver.sh
EXTRA_DIST += tests/kernel/fw-driver-lib.sh tests/kernel/run-fw-driver.sh \
	tests/kernel/run-nft-driver.sh tests/kernel/run-nl-driver.sh
tests_kernel_fw_driver_test_LDADD = libvskernel.a $(LOGIC_LIBS) $(KERNEL_LIBS)

# The command line: messages, exit status, forms of output.
TESTS += tests/cli/test-cluster.sh tests/cli/test-completion.sh tests/cli/test-deploy.sh \
	tests/cli/test-errors.sh tests/cli/test-output.sh tests/cli/test-read-back.sh
EXTRA_DIST += tests/cli/api-server.py tests/cli/api-server.sh tests/cli/lib.sh \
	tests/cli/test-cluster.sh tests/cli/test-completion.sh tests/cli/test-deploy.sh \
	tests/cli/test-errors.sh tests/cli/test-output.sh \
	tests/cli/test-read-back.sh

if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests) tests/kernel/nl_driver_test
TESTS += $(unit_tests)
endif
# The programs of cmd/ have no archive of their own.
tests_unit_test_record_SOURCES = tests/unit/test_record.c src/cmd/record.c src/cmd/record.h \
	src/cmd/record_html.c src/cmd/record_json.c
tests_kernel_nl_driver_test_SOURCES = tests/kernel/nl_driver_test.c \
	tests/kernel/nl_driver_test.h tests/kernel/nl_driver_links.c \
	tests/kernel/nl_driver_servers.c tests/kernel/nl_driver_sets.c
tests_kernel_nl_driver_test_CPPFLAGS = $(AM_CPPFLAGS) $(NL_CFLAGS)
tests_kernel_nl_driver_test_LDADD = libvskernel.a $(LOGIC_LIBS) $(KERNEL_LIBS) $(CMOCKA_LIBS)
LDADD = $(LOGIC_LIBS) $(CMOCKA_LIBS)
AM_CPPFLAGS += $(CMOCKA_CFLAGS) -DTESTDATA=\"$(abs_top_srcdir)/testdata\"

# Root, or user namespaces, for check-kernel; QEMU for check-guest, which takes minutes.
.PHONY: check-kernel check-guest
check-kernel check-guest: all $(check_PROGRAMS)
	@for test in $(top_srcdir)/tests/$(@:check-%=%)/test-*.sh; do \
		VIPSHIFT_BUILD=$(abs_builddir) "$$test" || exit 1; \
	done
# What takes longer than a check may: recorded states of ipvs mode loaded by the stock tools,
# failing kernel calls under traffic, a kube-proxy that takes over, and many round trips and
# services under load.
.PHONY: soak
soak: all $(check_PROGRAMS)
	VIPSHIFT_BUILD=$(abs_builddir) VIPSHIFT_PARITY_CASES=. VIPSHIFT_GUEST_TIMEOUT=1500 \
		$(top_srcdir)/tests/guest/test-loaded.sh
	VIPSHIFT_BUILD=$(abs_builddir) VIPSHIFT_FAULTS=3 VIPSHIFT_GUEST_TIMEOUT=3000 \
		$(top_srcdir)/tests/guest/test-faults.sh
	VIPSHIFT_BUILD=$(abs_builddir) $(top_srcdir)/tests/guest/soak-kube-proxy.sh
	@for load in "200 50" "1 1000" "1 5000"; do \
		VIPSHIFT_BUILD=$(abs_builddir) $(top_srcdir)/tests/guest/test-load.sh $$load || exit 1; \
	done
EXTRA_DIST += tests/guest/cache.sh tests/guest/demo.sh tests/guest/flows.sh tests/guest/initrd-init \
	tests/guest/kernel-cache tests/guest/kube-proxy-cache tests/guest/kube-proxy.sh tests/guest/node.sh tests/guest/run-guest tests/guest/stage2 \
	tests/guest/test-cutover.sh tests/guest/test-deploy.sh tests/lib/deploy.py tests/guest/test-journal.sh \
	tests/guest/test-nft.sh tests/guest/test-no-ipv6.sh tests/guest/test-parity.sh tests/guest/test-read-back.sh \
	tests/guest/test-walk.sh tests/guest/walk/cluster.jq tests/guest/walk/config-all.yaml \
	tests/guest/walk/config-prefix.yaml tests/guest/walk/judge.jq tests/guest/walk/samples.jq \
	tests/guest/test-preflight.sh tests/guest/states.sh tests/guest/test-faults.sh \
	tests/guest/soak-kube-proxy.sh tests/guest/test-own-connections.sh \
	tests/guest/load-cluster.jq tests/guest/load-flows.sh tests/guest/test-load.sh \
	tests/guest/test-drift-ipvs.sh tests/guest/test-loaded.sh tests/guest/test-foreign-ipvs.sh \
	tests/kernel/test-answers.sh tests/kernel/test-drift.sh tests/kernel/test-foreign.sh tests/kernel/test-loaded.sh \
	tests/kernel/test-migration.sh tests/kernel/test-preflight.sh tests/kernel/test-repair.sh \
	tests/kernel/test-snapshot.sh \
	tests/lib/drift.sh tests/lib/faults.sh tests/lib/foreign.sh tests/lib/loaded.sh tests/lib/outcome.sh \
	tests/kernel/test-parity-iptables.sh tests/lib/parity.sh tests/lib/programs.sh \
	tests/check-layers.sh tests/cppcheck.h tests/cppcheck.suppress \
	tools/install tools/packages
