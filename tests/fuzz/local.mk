# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzzers: fuzz_NAME is built from tests/fuzz/fuzz_NAME.c. `make check` gives each one the
# files of testdata/fuzz/NAME; `make fuzz` searches for more with libFuzzer (clang), for
# FUZZ_SECONDS each. What it finds is left in fuzz/found/NAME.
fuzz_text = \
	tests/fuzz/fuzz_addresses \
	tests/fuzz/fuzz_conf \
	tests/fuzz/fuzz_ipset \
	tests/fuzz/fuzz_iptables \
	tests/fuzz/fuzz_ipvsadm \
	tests/fuzz/fuzz_kube \
	tests/fuzz/fuzz_kubeconfig \
	tests/fuzz/fuzz_ledger \
	tests/fuzz/fuzz_native \
	tests/fuzz/fuzz_read_back \
	tests/fuzz/fuzz_snapshot \
	tests/fuzz/fuzz_sysctls
fuzz_kernel = \
	tests/fuzz/fuzz_blob \
	tests/fuzz/fuzz_kset \
	tests/fuzz/fuzz_lvs \
	tests/fuzz/fuzz_nft
fuzzers = $(fuzz_text) $(fuzz_kernel)

check_PROGRAMS += $(fuzzers)
check_LIBRARIES = tests/fuzz/libfuzz.a tests/fuzz/libfuzzkernel.a tests/fuzz/libreplay.a
tests_fuzz_libfuzz_a_SOURCES = tests/fuzz/fuzz.c tests/fuzz/fuzz.h
tests_fuzz_libfuzzkernel_a_SOURCES = tests/fuzz/fuzz_kernel.c tests/fuzz/fuzz_kernel.h
tests_fuzz_libfuzzkernel_a_CPPFLAGS = $(AM_CPPFLAGS) $(NL_CFLAGS)
tests_fuzz_libreplay_a_SOURCES = tests/fuzz/replay.c
if FUZZING
FUZZ_MAIN = $(FUZZ_ENGINE)
else
FUZZ_MAIN = tests/fuzz/libreplay.a
TESTS += $(fuzzers)
endif
FUZZ_TEXT_LIBS = $(FUZZ_MAIN) tests/fuzz/libfuzz.a $(LOGIC_LIBS)
tests_fuzz_fuzz_addresses_LDADD = $(FUZZ_TEXT_LIBS)
tests_fuzz_fuzz_conf_LDADD = $(FUZZ_TEXT_LIBS)
tests_fuzz_fuzz_ipset_LDADD = $(FUZZ_TEXT_LIBS)
tests_fuzz_fuzz_iptables_LDADD = $(FUZZ_TEXT_LIBS)
tests_fuzz_fuzz_ipvsadm_LDADD = $(FUZZ_TEXT_LIBS)
tests_fuzz_fuzz_kube_LDADD = $(FUZZ_TEXT_LIBS)
tests_fuzz_fuzz_kubeconfig_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=file_read
tests_fuzz_fuzz_kubeconfig_LDADD = $(FUZZ_TEXT_LIBS)
tests_fuzz_fuzz_ledger_LDADD = $(FUZZ_TEXT_LIBS)
tests_fuzz_fuzz_native_LDADD = $(FUZZ_TEXT_LIBS)
tests_fuzz_fuzz_read_back_LDADD = $(FUZZ_TEXT_LIBS)
tests_fuzz_fuzz_snapshot_LDADD = $(FUZZ_TEXT_LIBS)
tests_fuzz_fuzz_sysctls_LDADD = $(FUZZ_TEXT_LIBS)

# These read what the kernel of fuzz_kernel.c says.
FUZZ_KERNEL_LIBS = $(FUZZ_MAIN) tests/fuzz/libfuzz.a tests/fuzz/libfuzzkernel.a \
	libvskernel.a tests/fuzz/libfuzzkernel.a $(LOGIC_LIBS) $(KERNEL_LIBS)
FUZZ_WRAP = -Wl,--wrap=access,--wrap=getsockopt,--wrap=socket \
	-Wl,--wrap=mmap,--wrap=mremap,--wrap=munmap,--wrap=madvise
FUZZ_KERNEL_CPPFLAGS = $(AM_CPPFLAGS) $(NL_CFLAGS)
tests_fuzz_fuzz_blob_CPPFLAGS = $(FUZZ_KERNEL_CPPFLAGS)
tests_fuzz_fuzz_blob_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_WRAP)
tests_fuzz_fuzz_blob_LDADD = $(FUZZ_KERNEL_LIBS)
tests_fuzz_fuzz_kset_CPPFLAGS = $(FUZZ_KERNEL_CPPFLAGS)
tests_fuzz_fuzz_kset_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_WRAP)
tests_fuzz_fuzz_kset_LDADD = $(FUZZ_KERNEL_LIBS)
tests_fuzz_fuzz_lvs_CPPFLAGS = $(FUZZ_KERNEL_CPPFLAGS)
tests_fuzz_fuzz_lvs_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_WRAP)
tests_fuzz_fuzz_lvs_LDADD = $(FUZZ_KERNEL_LIBS)
tests_fuzz_fuzz_nft_CPPFLAGS = $(FUZZ_KERNEL_CPPFLAGS)
tests_fuzz_fuzz_nft_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_WRAP)
tests_fuzz_fuzz_nft_LDADD = $(FUZZ_KERNEL_LIBS)

FUZZ_SECONDS = 60
FUZZ_OPTIONS = -timeout=10 -rss_limit_mb=1024 -max_len=20000 -print_final_stats=1
.PHONY: fuzz fuzz-search
fuzz: $(BUILT_SOURCES)
	$(MKDIR_P) fuzz
	cd fuzz && { test -f Makefile || \
		$(abs_top_srcdir)/configure -q --enable-fuzzing CC=clang CFLAGS='-g -O1'; } && \
	$(MAKE) fuzz-search FUZZ_SECONDS=$(FUZZ_SECONDS)
fuzz-search: $(fuzzers)
	for fuzzer in $(fuzzers); do \
		name=$${fuzzer##*/fuzz_}; \
		$(MKDIR_P) corpus/$$name found/$$name && \
		$$fuzzer $(FUZZ_OPTIONS) -max_total_time=$(FUZZ_SECONDS) \
			-artifact_prefix=found/$$name/ corpus/$$name \
			$(abs_top_srcdir)/testdata/fuzz/$$name || exit 1; \
	done
clean-local:
	rm -rf fuzz
