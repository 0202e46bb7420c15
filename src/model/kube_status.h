/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_KUBE_STATUS_H
#define MODEL_KUBE_STATUS_H

#include <stddef.h>

/* What an answer that is an error says, in one line for people: the message of a Status
 * object, else the beginning of the text. */
void kube_status_text(const char *text, size_t n, char *buf, size_t size);

#endif
