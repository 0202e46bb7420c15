/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_KERNEL_H
#define TESTS_FUZZ_KERNEL_H

#include "fuzz.h"

/* A kernel that answers the drivers with the bytes of the input (fuzz_kernel.c): to be
 * linked before libvskernel.a, whose netlink calls it stands for. */
void fuzz_kernel_begin(const uint8_t *data, size_t size);
void fuzz_kernel_end(void);

#endif
