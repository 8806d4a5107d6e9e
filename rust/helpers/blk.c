// SPDX-License-Identifier: GPL-2.0

#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/cacheflush.h>
#include <linux/highmem.h>
#include <linux/kcsan-checks.h>

/*
 * I/Os may overlap, and a process may use the memory of its I/O in flight. Then
 * a copy is a mixture, which is allowed, so KCSAN must not report it. It does
 * not check the buffers that are copied from or to, either.
 */
__rust_helper void rust_helper_memcpy_page(struct page *dst_page, size_t dst_off,
					   struct page *src_page, size_t src_off,
					   size_t len)
{
	kcsan_disable_current();
	memcpy_page(dst_page, dst_off, src_page, src_off, len);
	kcsan_enable_current();
}

__rust_helper void rust_helper_memcpy_from_page(char *to, struct page *page,
						size_t offset, size_t len)
{
	kcsan_disable_current();
	memcpy_from_page(to, page, offset, len);
	kcsan_enable_current();
}

__rust_helper void rust_helper_memcpy_to_page(struct page *page, size_t offset,
					      const char *from, size_t len)
{
	kcsan_disable_current();
	memcpy_to_page(page, offset, from, len);
	kcsan_enable_current();
}

__rust_helper void rust_helper_memset_page(struct page *page, size_t offset,
					   int val, size_t len)
{
	kcsan_disable_current();
	memset_page(page, offset, val, len);
	kcsan_enable_current();
}

__rust_helper void rust_helper_flush_dcache_page(struct page *page)
{
	flush_dcache_page(page);
}

__rust_helper bool rust_helper_blk_should_fake_timeout(struct request_queue *q)
{
	return blk_should_fake_timeout(q);
}

__rust_helper void rust_helper_blk_mq_set_request_complete(struct request *rq)
{
	blk_mq_set_request_complete(rq);
}

/*
 * Put a request that has succeeded into a batch, if possible. Set its state to
 * complete, so that it can't time out while it waits there for the others.
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
 * Safe code can leak any number of references, so the count must not wrap to
 * zero while the request is in use. It saturates as refcount_t does: once
 * negative, it is pinned at INT_MIN / 2. The block layer's own increments and
 * decrements, which are balanced, can't bring it back to zero from there, and
 * rust_helper_blk_mq_put_request() leaves it alone. Such a request is never
 * freed.
 */
static __always_inline void blk_mq_saturate_request(struct request *rq)
{
	atomic_set(&rq->ref, INT_MIN / 2);
	pr_warn_once("block: reference count of a request saturated; leaking it\n");
}

/* Take a reference to a request that is known to be live. */
__rust_helper void rust_helper_blk_mq_get_request(struct request *rq)
{
	unsigned int old = atomic_fetch_inc_relaxed(&rq->ref);

	/* True if it was INT_MAX or negative. */
	if (unlikely(old >= INT_MAX))
		blk_mq_saturate_request(rq);
}

/* Take a reference unless the request is free. Implies a full barrier then. */
static __always_inline bool blk_mq_get_request_unless_free(struct request *rq)
{
	int old = atomic_read(&rq->ref);

	do {
		/* True if it is zero, INT_MAX or negative. */
		if (unlikely((unsigned int)old - 1 >= INT_MAX - 1)) {
			if (!old)
				return false;
			blk_mq_saturate_request(rq);
			/* The cmpxchg below is a full barrier, too. */
			smp_mb();
			return true;
		}
	} while (!atomic_try_cmpxchg(&rq->ref, &old, old + 1));

	return true;
}

/*
 * Drop a reference to a request, and free the request if it was the last one.
 *
 * The request of the flush machinery is not allocated and freed like others;
 * blk_mq_put_flush_rq() releases it. Only passthrough requests and those of the
 * flush machinery have an end_io, so other requests pay for one load.
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
 * hw_queue and tag may be any numbers. Call this inside an RCU read-side
 * critical section, during which neither the maps nor the memory of requests is
 * freed. The request may still be free, in use for anything, or being torn
 * down, so touch nothing but its count before taking a reference. After that,
 * it is the right request if it has the tag and is started. A request with a
 * reference has a hardware queue, which stays, because changing the queues
 * waits for the reference.
 */
__rust_helper struct request *
rust_helper_blk_mq_find_request(struct blk_mq_tag_set *set,
				unsigned int hw_queue, unsigned int tag)
{
	struct blk_mq_tags **maps, *map;
	struct request *rq;

	/* Pairs with the release in __blk_mq_update_nr_hw_queues(). */
	if (hw_queue >= smp_load_acquire(&set->nr_hw_queues))
		return NULL;
	maps = READ_ONCE(set->tags);
	map = READ_ONCE(maps[hw_queue]);
	if (!map || tag >= map->nr_tags)
		return NULL;
	rq = READ_ONCE(map->rqs[tag]);
	if (!rq || !blk_mq_get_request_unless_free(rq))
		return NULL;

	/* With shared tags, the request may be of another hardware queue. */
	if (READ_ONCE(rq->tag) == tag && blk_mq_request_started(rq) &&
	    READ_ONCE(rq->mq_hctx)->queue_num == hw_queue)
		return rq;

	rust_helper_blk_mq_put_request(rq);
	return NULL;
}
