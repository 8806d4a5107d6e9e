// SPDX-License-Identifier: GPL-2.0

#include <linux/atomic.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>

__rust_helper void *rust_helper_blk_mq_rq_to_pdu(struct request *rq)
{
	return blk_mq_rq_to_pdu(rq);
}

__rust_helper struct request *rust_helper_blk_mq_rq_from_pdu(void *pdu)
{
	return blk_mq_rq_from_pdu(pdu);
}

/*
 * Take a reference to a request that is known to be live.
 *
 * Safe code can leak references without end, so the count must not wrap to
 * zero while the request is in use. It saturates instead, the way refcount_t
 * does: once negative it is pinned half way to INT_MIN, from where the block
 * layer's own balanced increments and decrements cannot bring it back to zero,
 * and rust_helper_blk_mq_put_request() leaves it alone. Such a request is never
 * freed.
 */
__rust_helper void rust_helper_blk_mq_get_request(struct request *rq)
{
	int old = atomic_fetch_inc_relaxed(&rq->ref);

	if (unlikely(old < 0 || old == INT_MAX)) {
		atomic_set(&rq->ref, INT_MIN / 2);
		WARN_ONCE(1, "request reference count saturated; leaking the request\n");
	}
}

/*
 * Drop a reference to a request, and free the request if it was the last one.
 *
 * The flush machinery embeds its own request, which is not allocated and
 * freed like others; blk_mq_put_flush_rq() knows how to release that. Only
 * flush and passthrough requests have an end_io, so the usual request pays for
 * one load.
 */
__rust_helper void rust_helper_blk_mq_put_request(struct request *rq)
{
	if (unlikely(atomic_read(&rq->ref) < 0))
		return;
	if (READ_ONCE(rq->end_io) && blk_mq_put_flush_rq(rq))
		return;
	if (atomic_dec_and_test(&rq->ref))
		__blk_mq_free_request(rq);
}
