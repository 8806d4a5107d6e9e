// SPDX-License-Identifier: GPL-2.0

#include <linux/nodemask.h>

__rust_helper int rust_helper_num_online_nodes(void)
{
	return num_online_nodes();
}

/* node may be any number. */
__rust_helper bool rust_helper_node_is_online(int node)
{
	return node >= 0 && node < MAX_NUMNODES && node_online(node);
}
