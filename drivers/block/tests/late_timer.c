// SPDX-License-Identifier: GPL-2.0
/*
 * A block driver that forgets to cancel a timer.
 *
 * Each request has a timer that ends it if the device does not complete it in
 * time. The device completes it, and the driver ends the request but leaves the
 * timer running. The block layer uses the request for the next I/O. Then the
 * timer expires and ends that I/O, which the device has not begun. Its
 * submitter believes that it was executed. When the device completes it, the
 * driver ends the request again.
 *
 * To make this happen each time, there is one request, and the device is fast
 * and slow in turn. The difference leaves even a busy machine time to submit
 * the next I/O. The device fills reads with 0xd5. A read that leaves its
 * memory as it was before has not been executed.
 *
 * This is ordinary code. The timer belongs to the request, the request is not
 * freed before its tag set, and the cancel is a line that is easily forgotten
 * on one of many paths.
 *
 * A driver in Rust can't make this mistake. If the timer owns the request,
 * nothing else can end it. If the timer has a reference, it can't end the
 * request, and the request is not reused before the timer is stopped
 * (rust_block_abuse does that with abuse=65 and abuse=8).
 */

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/hrtimer.h>
#include <linux/module.h>

#define FAST_MS		1
#define PATIENCE_MS	2000
#define SLOW_MS		4000

struct late_cmd {
	struct hrtimer device;		/* expires when the device is done */
	struct hrtimer watchdog;	/* expires if the device is late */
};

static struct blk_mq_tag_set late_set;
static struct gendisk *late_disk;
static unsigned int late_count;

static enum hrtimer_restart late_device_done(struct hrtimer *timer)
{
	struct late_cmd *cmd = container_of(timer, struct late_cmd, device);
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	struct req_iterator iter;
	struct bio_vec bvec;

	if (!rq->bio)
		pr_err("late_timer: the device is done with a request that has no I/O\n");
	else if (req_op(rq) == REQ_OP_READ)
		rq_for_each_segment(bvec, rq, iter) {
			void *to = bvec_kmap_local(&bvec);

			memset(to, 0xd5, bvec.bv_len);
			kunmap_local(to);
		}

	/* The mistake is here: hrtimer_try_to_cancel(&cmd->watchdog) is missing. */
	blk_mq_end_request(rq, BLK_STS_OK);
	return HRTIMER_NORESTART;
}

/*
 * The device is late, so the driver reads its registers. They say that it has
 * nothing left to do, which is true for the request that the timer was started
 * for.
 */
static enum hrtimer_restart late_watchdog(struct hrtimer *timer)
{
	struct late_cmd *cmd = container_of(timer, struct late_cmd, watchdog);

	blk_mq_end_request(blk_mq_rq_from_pdu(cmd), BLK_STS_OK);
	return HRTIMER_NORESTART;
}

static blk_status_t late_queue_rq(struct blk_mq_hw_ctx *hctx,
				  const struct blk_mq_queue_data *bd)
{
	struct late_cmd *cmd = blk_mq_rq_to_pdu(bd->rq);
	bool fast = late_count++ % 2 == 0;

	blk_mq_start_request(bd->rq);
	/*
	 * The first request of a pair leaves its watchdog running. The second
	 * one does not start the watchdog again, so that the first one's
	 * expires during it.
	 */
	if (fast)
		hrtimer_start(&cmd->watchdog, ms_to_ktime(PATIENCE_MS),
			      HRTIMER_MODE_REL);
	hrtimer_start(&cmd->device, ms_to_ktime(fast ? FAST_MS : SLOW_MS),
		      HRTIMER_MODE_REL);
	return BLK_STS_OK;
}

static int late_init_request(struct blk_mq_tag_set *set, struct request *rq,
			     unsigned int hctx_idx, int numa_node)
{
	struct late_cmd *cmd = blk_mq_rq_to_pdu(rq);

	hrtimer_setup(&cmd->device, late_device_done, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL);
	hrtimer_setup(&cmd->watchdog, late_watchdog, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL);
	return 0;
}

static const struct blk_mq_ops late_mq_ops = {
	.queue_rq	= late_queue_rq,
	.init_request	= late_init_request,
};

static const struct block_device_operations late_fops = {
	.owner		= THIS_MODULE,
};

static int __init late_init(void)
{
	int ret;

	late_set.ops = &late_mq_ops;
	late_set.nr_hw_queues = 1;
	late_set.queue_depth = 1;
	late_set.numa_node = NUMA_NO_NODE;
	late_set.flags = BLK_MQ_F_NO_SCHED_BY_DEFAULT;
	late_set.cmd_size = sizeof(struct late_cmd);
	ret = blk_mq_alloc_tag_set(&late_set);
	if (ret)
		return ret;

	late_disk = blk_mq_alloc_disk(&late_set, NULL, NULL);
	if (IS_ERR(late_disk)) {
		ret = PTR_ERR(late_disk);
		goto free_set;
	}
	strscpy(late_disk->disk_name, "late_timer");
	late_disk->fops = &late_fops;
	late_disk->flags = GENHD_FL_NO_PART;
	set_capacity(late_disk, 2048);
	ret = add_disk(late_disk);
	if (ret)
		goto put_disk;
	return 0;

put_disk:
	put_disk(late_disk);
free_set:
	blk_mq_free_tag_set(&late_set);
	return ret;
}
module_init(late_init);

static void __exit late_exit(void)
{
	del_gendisk(late_disk);
	put_disk(late_disk);
	blk_mq_free_tag_set(&late_set);
}
module_exit(late_exit);

MODULE_DESCRIPTION("Block driver that forgets to cancel a timer");
MODULE_LICENSE("GPL");
