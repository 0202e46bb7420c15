/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_MODULE_H
#define KERNEL_MODULE_H

/* What can be told of a kernel module by looking, so without loading it. */
enum module_presence {
	MODULE_ABSENT,
	MODULE_LOADABLE, /* there is a file that the kernel would load */
	MODULE_LOADED,	 /* loaded or built in */
};
/* name as in /proc/modules: "ip_vs". Built-in code of a kernel without a module tree is
 * seen only if it has parameters; ask another way first where there is one. */
enum module_presence module_look(const char *name);

#endif
