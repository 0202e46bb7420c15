/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_LVS_CONN_H
#define STATE_LVS_CONN_H

#include <stdio.h>

#include "state/lvs.h"

/*
 * Sets how many active connections the real servers of t have to those of the list
 * (/proc/net/ip_vs_conn) that a client has begun and not ended. The kernel's own count
 * has more: after a switch to iptables mode IPVS sees only what the endpoints answer, and
 * takes the answer to a client that uses a port again for the beginning of a connection
 * from there, for two minutes (tcp_states[] in net/netfilter/ipvs/ip_vs_proto_tcp.c, seen
 * with 6.1).
 *
 * What is in the list for others than t's servers is passed over. The kernel walks its
 * table from the beginning for every page of the list: not to be read with more than
 * 100,000 connections.
 */
void lvs_conn_count(FILE *list, struct lvs_table *t);

#endif
