/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hashes: the one that kube-proxy names chains by, and one for tables in memory. */
#include "config.h"

#include "base/hash.h"

#include <nettle/sha2.h>
#include <string.h>

void hash_chain_suffix(const char *const *parts, char ret[17])
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; /* RFC 4648 */
	uint8_t digest[10]; /* 16 characters of 5 bits each */
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	for (; *parts; parts++)
		sha256_update(&ctx, strlen(*parts), (const uint8_t *)*parts);
	sha256_digest(&ctx, sizeof(digest), digest);
	for (unsigned i = 0; i < 16; i++) {
		unsigned bit = i * 5, byte = bit / 8;
		unsigned pair = (unsigned)digest[byte] << 8 | (byte < 9 ? digest[byte + 1] : 0);

		ret[i] = alphabet[pair >> (11 - bit % 8) & 31];
	}
	ret[16] = '\0';
}

void hash_sha256_hex(const void *data, size_t n, char ret[65])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, n, data);
	sha256_digest(&ctx, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		ret[2 * i] = digits[digest[i] >> 4];
		ret[2 * i + 1] = digits[digest[i] & 15];
	}
	ret[64] = '\0';
}

uint64_t hash_bytes(const void *data, size_t n, uint64_t seed)
{
	const unsigned char *p = data;
	uint64_t h = seed ^ 0xcbf29ce484222325u; /* FNV-1a with a final mix */

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}
