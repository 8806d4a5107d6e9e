/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events of rnull, the null block driver in Rust. They look like those
 * of null_blk.
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM rnull

#if !defined(_TRACE_RNULL_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_RNULL_H

#include <linux/blkdev.h>
#include <linux/tracepoint.h>

/* A write that begins, or another operation that changed a zone. */
TRACE_EVENT(zone_op,
	    TP_PROTO(const char *disk, unsigned int op, unsigned int zone_no,
		     unsigned int zone_cond),
	    TP_ARGS(disk, op, zone_no, zone_cond),
	    TP_STRUCT__entry(__array(char, disk, DISK_NAME_LEN)
			     __field(unsigned int, op)
			     __field(unsigned int, zone_no)
			     __field(unsigned int, zone_cond)),
	    TP_fast_assign(strscpy(__entry->disk, disk, DISK_NAME_LEN);
			   __entry->op = op;
			   __entry->zone_no = zone_no;
			   __entry->zone_cond = zone_cond;),
	    TP_printk("disk=%s,  req=%-15s zone_no=%u zone_cond=%-10s",
		      __entry->disk,
		      blk_op_str((__force enum req_op)__entry->op),
		      __entry->zone_no,
		      blk_zone_cond_str(__entry->zone_cond))
);

TRACE_EVENT(report_zones,
	    TP_PROTO(const char *disk, unsigned int nr_zones),
	    TP_ARGS(disk, nr_zones),
	    TP_STRUCT__entry(__array(char, disk, DISK_NAME_LEN)
			     __field(unsigned int, nr_zones)),
	    TP_fast_assign(strscpy(__entry->disk, disk, DISK_NAME_LEN);
			   __entry->nr_zones = nr_zones;),
	    TP_printk("disk=%s,  nr_zones=%u", __entry->disk,
		      __entry->nr_zones)
);

#endif /* _TRACE_RNULL_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
