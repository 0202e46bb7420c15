# SPDX-License-Identifier: GPL-2.0-or-later
# `make bench`: vipshift and the stock tools side by side. BENCH_ARGS=--quick for a short run.
bench_programs = \
	tests/bench/gen \
	tests/bench/jansson_items \
	tests/bench/measure \
	tests/bench/steps
EXTRA_PROGRAMS = $(bench_programs)
CLEANFILES += $(bench_programs)
EXTRA_DIST += tests/bench/bench.sh

tests_bench_gen_LDADD =
tests_bench_jansson_items_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_bench_jansson_items_LDADD = $(JANSSON_LIBS)
tests_bench_measure_LDADD =
tests_bench_steps_LDADD = libvskernel.a $(LOGIC_LIBS) $(KERNEL_LIBS)

BENCH_ARGS =
bench: all
	$(MAKE) $(AM_MAKEFLAGS) $(bench_programs)
	VIPSHIFT=$(abs_builddir)/vipshift BENCH_PROGRAMS=$(abs_builddir)/tests/bench \
	bash $(srcdir)/tests/bench/bench.sh $(BENCH_ARGS)
.PHONY: bench
