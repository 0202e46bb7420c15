/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_DRIVER_H
#define KERNEL_DRIVER_H

#include "plan/plan.h"

/*
 * A driver translates between one kind of object and one kernel interface. It decides and
 * orders nothing.
 */
struct driver;

/* What has become of a state since it was read: the operations that were run on it. */
struct since {
	const struct state *read;
	const struct op *ops; /* of all kinds */
	size_t n_ops;
	uint32_t commits; /* to nf_tables, that they took */
};

struct driver_ops {
	/* Adds what the kernel holds to *into (families: FAMILY_BIT mask). Leaves no trace;
	 * repeats an interrupted dump a bounded number of times. A kind that the kernel does
	 * not have is `present = false`, not an error. */
	int (*read)(struct driver *d, unsigned families, struct state *into,
	    struct error *err);
	/* NULL, or the same after something was written: takes from s->read what cannot have
	 * changed since, and says so in *borrowed. */
	int (*reread)(struct driver *d, unsigned families, const struct since *s,
	    struct state *into, bool *borrowed, struct error *err);
	/* Runs n operations, all of this driver's kind, one phase, and for KIND_FW one table
	 * of one family (so: one commit). *done counts finished ones. -1: err names the
	 * object; ERR_MOVED when the kernel is not at op->have any more. */
	int (*write)(struct driver *d, const struct op *ops, size_t n, size_t *done,
	    struct error *err);
	/* NULL, or makes ready what these operations will write, so that they follow each other
	 * closely. */
	void (*hold)(struct driver *d, const struct op *ops, size_t n);
	/* Ends what that or live_options.hold began. NULL: the driver never holds anything. */
	void (*release)(struct driver *d);
	void (*close)(struct driver *d);
};
struct driver {
	const struct driver_ops *ops;
	uint32_t commits; /* to nf_tables so far */
};

static inline void driver_close(struct driver *d)
{
	if (d)
		d->ops->close(d);
}
DEFINE_AUTO(driver, struct driver *, driver_close)

struct live_options;
int fw_legacy_open(const struct live_options *o, struct driver **ret, struct error *err);
int fw_nft_open(const struct live_options *o, struct driver **ret, struct error *err);
int kset_nl_open(struct driver **ret, struct error *err);
int lvs_nl_open(struct driver **ret, struct error *err);
int vip_nl_open(struct driver **ret, struct error *err);
int knob_proc_open(struct driver **ret, struct error *err);

#endif
