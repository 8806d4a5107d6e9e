// SPDX-License-Identifier: GPL-2.0

#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/srcu.h>

__rust_helper void *rust_helper_blk_mq_rq_to_pdu(struct request *rq)
{
	return blk_mq_rq_to_pdu(rq);
}

__rust_helper struct request *rust_helper_blk_mq_rq_from_pdu(void *pdu)
{
	return blk_mq_rq_from_pdu(pdu);
}

__rust_helper struct bio_vec rust_helper_bio_iter_iovec(struct bio *bio,
							struct bvec_iter iter)
{
	return bio_iter_iovec(bio, iter);
}

__rust_helper void rust_helper_bio_advance_iter_single(const struct bio *bio,
						       struct bvec_iter *iter,
						       unsigned int bytes)
{
	bio_advance_iter_single(bio, iter, bytes);
}

__rust_helper struct request *rust_helper_rq_list_pop(struct rq_list *rl)
{
	return rq_list_pop(rl);
}

__rust_helper void rust_helper_rq_list_add_tail(struct rq_list *rl,
						struct request *rq)
{
	rq_list_add_tail(rl, rq);
}

/*
 * Put a request that was carried out into a batch, if it can be. It must not
 * time out while it waits there for the others.
 */
__rust_helper bool
rust_helper_blk_mq_complete_in_batch(struct request *rq,
				     struct io_comp_batch *iob)
{
	if (!blk_mq_add_to_batch(rq, iob, false, blk_mq_end_request_batch))
		return false;
	blk_mq_set_request_complete(rq);
	return true;
}

/*
 * Safe code can leak references without end, so the count must not wrap to zero
 * while the request is in use. It saturates instead, the way refcount_t does:
 * once negative it is pinned half way to INT_MIN, from where the block layer's
 * own balanced increments and decrements cannot bring it back to zero, and
 * rust_helper_blk_mq_put_request() leaves it alone. Such a request is never
 * freed.
 */
static __always_inline void blk_mq_saturate_request(struct request *rq, int old)
{
	if (unlikely(old < 0 || old == INT_MAX)) {
		atomic_set(&rq->ref, INT_MIN / 2);
		pr_warn_once("block: reference count of a request saturated; leaking it\n");
	}
}

/* Take a reference to a request that is known to be live. */
__rust_helper void rust_helper_blk_mq_get_request(struct request *rq)
{
	blk_mq_saturate_request(rq, atomic_fetch_inc_relaxed(&rq->ref));
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

/*
 * Find the request that was started with a tag, and take a reference to it.
 *
 * Any numbers may be asked for. Inside the read-side critical section neither
 * the maps nor the memory of requests go away, but what a map points to may be
 * free, or in use for anything, until a reference is held. So nothing but the
 * count is touched before; and after, the request must be one that has the tag
 * and was started, or it is not what was asked for.
 *
 * May be called from process, softirq and hardirq context.
 */
__rust_helper struct request *
rust_helper_blk_mq_find_request(struct blk_mq_tag_set *set,
				unsigned int hw_queue, unsigned int tag)
{
	struct blk_mq_tags **maps, *map;
	struct request *rq = NULL;
	int idx, old;

	idx = srcu_read_lock(&set->tags_srcu);

	/* Pairs with the release in __blk_mq_update_nr_hw_queues(). */
	if (hw_queue >= smp_load_acquire(&set->nr_hw_queues))
		goto out;
	maps = READ_ONCE(set->tags);
	map = READ_ONCE(maps[hw_queue]);
	if (!map || tag >= map->nr_tags)
		goto out;
	rq = READ_ONCE(map->rqs[tag]);
	if (!rq)
		goto out;

	old = atomic_fetch_add_unless(&rq->ref, 1, 0);
	if (!old) {
		rq = NULL;
		goto out;
	}
	blk_mq_saturate_request(rq, old);

	if (READ_ONCE(rq->tag) != tag || !blk_mq_request_started(rq)) {
		rust_helper_blk_mq_put_request(rq);
		rq = NULL;
	}
out:
	srcu_read_unlock(&set->tags_srcu, idx);
	return rq;
}
