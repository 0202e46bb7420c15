/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* kube-proxy's chain suffix: the first 16 characters of base32(sha256(parts joined)).
 * parts ends with NULL. Writes 16 characters and a NUL. */
void hash_chain_suffix(const char *const *parts, char ret[17]);

/* sha256 as 64 hexadecimal digits and a NUL. */
void hash_sha256_hex(const void *data, size_t n, char ret[65]);

/* A fast non-cryptographic hash for tables in memory. */
uint64_t hash_bytes(const void *data, size_t n, uint64_t seed);

#endif
