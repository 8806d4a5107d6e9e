// SPDX-License-Identifier: GPL-2.0

#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/cacheflush.h>
#include <linux/highmem.h>
#include <linux/nodemask.h>

/* Whether memory can be asked of a node, which may be any number. */
__rust_helper bool rust_helper_node_can_be_asked(int node)
{
	return node >= 0 && node < MAX_NUMNODES && node_online(node);
}

__rust_helper void rust_helper_memcpy_page(struct page *dst_page, size_t dst_off,
					   struct page *src_page, size_t src_off,
					   size_t len)
{
	memcpy_page(dst_page, dst_off, src_page, src_off, len);
}

__rust_helper void rust_helper_memset_page(struct page *page, size_t offset,
					   int val, size_t len)
{
	memset_page(page, offset, val, len);
}

__rust_helper void rust_helper_flush_dcache_page(struct page *page)
{
	flush_dcache_page(page);
}

__rust_helper bool rust_helper_blk_should_fake_timeout(struct request_queue *q)
{
	return blk_should_fake_timeout(q);
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

__rust_helper void rust_helper_blk_mq_set_request_complete(struct request *rq)
{
	blk_mq_set_request_complete(rq);
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
 * Look up what was last dispatched with a tag.
 *
 * Any numbers may be asked for. To be called inside a read-side critical section
 * of RCU, in which neither the maps nor the memory of requests, and of what lies
 * behind them, go away. But the request may be free, in use for anything, or being
 * torn down, so that nothing in it is to be touched but what is atomic and always
 * there.
 */
__rust_helper struct request *
rust_helper_blk_mq_peek_request(struct blk_mq_tag_set *set,
				unsigned int hw_queue, unsigned int tag)
{
	struct blk_mq_tags **maps, *map;

	/* Pairs with the release in __blk_mq_update_nr_hw_queues(). */
	if (hw_queue >= smp_load_acquire(&set->nr_hw_queues))
		return NULL;
	maps = READ_ONCE(set->tags);
	map = READ_ONCE(maps[hw_queue]);
	if (!map || tag >= map->nr_tags)
		return NULL;
	return READ_ONCE(map->rqs[tag]);
}

/*
 * Find the request that was started with a tag, and take a reference to it.
 *
 * Nothing but the count is touched before a reference is held; and after, the
 * request must be one that has the tag and was started, or it is not what was
 * asked for. While a request has a count, its hardware queue stays: changing
 * the queues waits for it.
 *
 * To be called as blk_mq_peek_request().
 */
__rust_helper struct request *
rust_helper_blk_mq_find_request(struct blk_mq_tag_set *set,
				unsigned int hw_queue, unsigned int tag)
{
	struct blk_mq_hw_ctx *hctx;
	struct request *rq;
	int old;

	rq = rust_helper_blk_mq_peek_request(set, hw_queue, tag);
	if (!rq)
		return NULL;

	old = atomic_fetch_add_unless(&rq->ref, 1, 0);
	if (!old)
		return NULL;
	blk_mq_saturate_request(rq, old);

	/* With a shared set of tags, the request may be of another hardware queue. */
	hctx = READ_ONCE(rq->mq_hctx);
	if (READ_ONCE(rq->tag) == tag && blk_mq_request_started(rq) &&
	    hctx && hctx->queue_num == hw_queue)
		return rq;

	rust_helper_blk_mq_put_request(rq);
	return NULL;
}
