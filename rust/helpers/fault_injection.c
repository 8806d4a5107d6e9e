// SPDX-License-Identifier: GPL-2.0

#include <linux/fault-inject.h>

#ifdef CONFIG_FAULT_INJECTION
/*
 * The initializer is a macro. It gives the ratelimit's lock no lock class,
 * which only static memory can do without.
 */
__rust_helper void rust_helper_fault_attr_init(struct fault_attr *attr)
{
	DECLARE_FAULT_ATTR(initial);

	*attr = initial;
	ratelimit_state_init(&attr->ratelimit_state, 0, DEFAULT_RATELIMIT_BURST);
}
#endif
