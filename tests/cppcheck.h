/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loop macros of libnl, for a checker that does not read system headers. */
#define nla_for_each_nested(pos, nla, rem) for ((pos) = (nla); (pos); (rem) = 0)
#define nla_for_each_attr(pos, head, len, rem) for ((pos) = (head); (pos); (rem) = (len))
#define json_object_foreach(object, key, value)                                           \
	for ((key) = "", (value) = (object); (value); (value) = 0)
#define json_array_foreach(array, index, value)                                           \
	for ((index) = 0, (value) = (array); (value); (value) = 0)
