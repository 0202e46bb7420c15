/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include "base/auto.h"
#include "base/family.h"
#include "state/fw.h"
#include "state/knob.h"
#include "state/kset.h"
#include "state/lvs.h"
#include "state/vip.h"

/*
 * What a kernel holds or should hold. One type for both sides of a diff and for both
 * modes. Built once, then only read; a state that borrows strings or arrays of another
 * one (the steps of a migration do) must not outlive it.
 */
struct state {
	struct arena *arena;
	struct state *base; /* what this one borrows from and ends with it; mostly NULL */
	struct fw_ruleset fw[FAMILY_COUNT];
	struct kset_list sets;
	struct lvs_table lvs;
	struct vip_table vips;
	struct knob_table knobs;
};

struct state *state_new(void);
void state_free(struct state *s);
DEFINE_AUTO(state, struct state *, state_free)

/* The two kernel states that kube-proxy knows. */
enum mode { MODE_IPTABLES, MODE_IPVS };
#define MODE_BIT(m) (1u << (m))
#define MODE_BOTH (MODE_BIT(MODE_IPTABLES) | MODE_BIT(MODE_IPVS))
const char *mode_name(enum mode m);
bool mode_parse(const char *s, enum mode *ret);

/* kube-ipvs0 holds, or is to hold, an address of a service of this family. */
bool state_has_vips(const struct state *s, enum family f);

/* The kinds of kernel object, in the order of parts that users see. */
enum kind { KIND_FW, KIND_KSET, KIND_LVS, KIND_VIP, KIND_KNOB };
#define KIND_COUNT 5
#define KIND_BIT(k) (1u << (k))
#define KIND_ALL ((1u << KIND_COUNT) - 1)

/* The parts of `render --part`. */
enum part { PART_IPTABLES, PART_IP6TABLES, PART_IPSET, PART_IPVS, PART_ADDRESSES, PART_SYSCTLS };
#define PART_COUNT 6
const char *part_name(enum part p);
bool part_parse(const char *s, enum part *ret);
/* Prints one part in its stock tool's format. */
void state_print_part(struct strbuf *sb, const struct state *s, enum part p);

#endif
