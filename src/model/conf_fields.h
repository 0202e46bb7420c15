/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_CONF_FIELDS_H
#define MODEL_CONF_FIELDS_H

#include "model/conf.h"
#include "model/tree_yaml.h"

/* Only conf_*yaml.c include this. Takes the fields of a KubeProxyConfiguration; unknown
 * or ill-typed ones are warnings, about "WHERE: PATH". */
void conf_take_fields(struct conf *c, const char *where, const struct tree *t,
    const yaml_node_t *map, struct notes *notes);

#endif
