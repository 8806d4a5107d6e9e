/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events of rnull, the null block driver in Rust, in the format of
 * null_blk's.
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM rnull

#if !defined(_TRACE_RNULL_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_RNULL_H

#include <linux/blkdev.h>
#include <linux/tracepoint.h>

/*
 * For the names of operations and conditions: programs that read the events
 * can't call blk_op_str() and blk_zone_cond_str().
 */
TRACE_DEFINE_ENUM(REQ_OP_WRITE);
TRACE_DEFINE_ENUM(REQ_OP_ZONE_APPEND);
TRACE_DEFINE_ENUM(REQ_OP_ZONE_OPEN);
TRACE_DEFINE_ENUM(REQ_OP_ZONE_CLOSE);
TRACE_DEFINE_ENUM(REQ_OP_ZONE_FINISH);
TRACE_DEFINE_ENUM(REQ_OP_ZONE_RESET);
TRACE_DEFINE_ENUM(REQ_OP_ZONE_RESET_ALL);

TRACE_DEFINE_ENUM(BLK_ZONE_COND_NOT_WP);
TRACE_DEFINE_ENUM(BLK_ZONE_COND_EMPTY);
TRACE_DEFINE_ENUM(BLK_ZONE_COND_IMP_OPEN);
TRACE_DEFINE_ENUM(BLK_ZONE_COND_EXP_OPEN);
TRACE_DEFINE_ENUM(BLK_ZONE_COND_CLOSED);
TRACE_DEFINE_ENUM(BLK_ZONE_COND_READONLY);
TRACE_DEFINE_ENUM(BLK_ZONE_COND_FULL);
TRACE_DEFINE_ENUM(BLK_ZONE_COND_OFFLINE);

/* A write that starts, or another operation that has changed a zone. */
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
		      __print_symbolic(__entry->op,
				       { REQ_OP_WRITE, "WRITE" },
				       { REQ_OP_ZONE_APPEND, "ZONE_APPEND" },
				       { REQ_OP_ZONE_OPEN, "ZONE_OPEN" },
				       { REQ_OP_ZONE_CLOSE, "ZONE_CLOSE" },
				       { REQ_OP_ZONE_FINISH, "ZONE_FINISH" },
				       { REQ_OP_ZONE_RESET, "ZONE_RESET" },
				       { REQ_OP_ZONE_RESET_ALL, "ZONE_RESET_ALL" }),
		      __entry->zone_no,
		      __print_symbolic(__entry->zone_cond,
				       { BLK_ZONE_COND_NOT_WP, "NOT_WP" },
				       { BLK_ZONE_COND_EMPTY, "EMPTY" },
				       { BLK_ZONE_COND_IMP_OPEN, "IMP_OPEN" },
				       { BLK_ZONE_COND_EXP_OPEN, "EXP_OPEN" },
				       { BLK_ZONE_COND_CLOSED, "CLOSED" },
				       { BLK_ZONE_COND_READONLY, "READONLY" },
				       { BLK_ZONE_COND_FULL, "FULL" },
				       { BLK_ZONE_COND_OFFLINE, "OFFLINE" }))
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
