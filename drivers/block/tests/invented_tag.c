// SPDX-License-Identifier: GPL-2.0
/*
 * A block driver that believes its device's tags.
 *
 * The device reports the tags of the requests that it has completed. The driver
 * looks up the request of the tag, checks that there is one, and ends it. But
 * blk_mq_tag_to_rq() only returns the request that has used the tag last. If
 * that request has ended, the driver ends it again. If the tag is in use for
 * another I/O, which the device has not begun, the driver ends that one, and
 * its submitter believes that it was executed.
 *
 * The test plays the device: it writes a tag to the module's parameter
 * "report", which then reports a completion. The device executes a read four
 * seconds after its submission, and fills it with 0xd5. A read that leaves
 * its memory as it was before has not been executed.
 *
 * Drivers in C guard against this by generation counters in the tags that they
 * pass to the device, or by a state in each request, and have to resolve the
 * races between these and the end of a request. In Rust the look-up takes a
 * reference, so that the request is not reused, and the owner can be claimed
 * only once (rust_block_abuse does that with abuse=4).
 */

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/hrtimer.h>
#include <linux/module.h>

#define DEVICE_MS	4000

struct invented_cmd {
	struct hrtimer device;		/* expires when the device is done */
};

static struct blk_mq_tag_set invented_set;
static struct gendisk *invented_disk;

/* The interrupt handler for a completion of tag. */
static int invented_interrupt(unsigned int tag)
{
	struct request *rq = blk_mq_tag_to_rq(invented_set.tags[0], tag);

	if (!rq)
		return -ENOENT;
	/* The mistake is here: the device may not have this request. */
	blk_mq_end_request(rq, BLK_STS_OK);
	return 0;
}

static enum hrtimer_restart invented_device_done(struct hrtimer *timer)
{
	struct invented_cmd *cmd = container_of(timer, struct invented_cmd, device);
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	struct req_iterator iter;
	struct bio_vec bvec;

	if (!rq->bio)
		pr_err("invented_tag: the device is done with a request that has no I/O\n");
	else if (req_op(rq) == REQ_OP_READ)
		rq_for_each_segment(bvec, rq, iter) {
			void *to = bvec_kmap_local(&bvec);

			memset(to, 0xd5, bvec.bv_len);
			kunmap_local(to);
		}

	invented_interrupt(rq->tag);
	return HRTIMER_NORESTART;
}

static int invented_report(const char *value, const struct kernel_param *param)
{
	unsigned int tag;
	int ret;

	if (!invented_disk)
		return -ENODEV;
	ret = kstrtouint(value, 0, &tag);
	if (ret)
		return ret;

	local_irq_disable();
	ret = invented_interrupt(tag);
	local_irq_enable();
	return ret;
}

static const struct kernel_param_ops invented_report_ops = {
	.set = invented_report,
};

module_param_cb(report, &invented_report_ops, NULL, 0200);
MODULE_PARM_DESC(report, "Tag that the device reports as completed");

static blk_status_t invented_queue_rq(struct blk_mq_hw_ctx *hctx,
				      const struct blk_mq_queue_data *bd)
{
	struct invented_cmd *cmd = blk_mq_rq_to_pdu(bd->rq);

	blk_mq_start_request(bd->rq);
	hrtimer_start(&cmd->device, ms_to_ktime(DEVICE_MS), HRTIMER_MODE_REL);
	return BLK_STS_OK;
}

static int invented_init_request(struct blk_mq_tag_set *set, struct request *rq,
				 unsigned int hctx_idx, int numa_node)
{
	struct invented_cmd *cmd = blk_mq_rq_to_pdu(rq);

	hrtimer_setup(&cmd->device, invented_device_done, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL);
	return 0;
}

static const struct blk_mq_ops invented_mq_ops = {
	.queue_rq	= invented_queue_rq,
	.init_request	= invented_init_request,
};

static const struct block_device_operations invented_fops = {
	.owner		= THIS_MODULE,
};

static int __init invented_init(void)
{
	struct gendisk *disk;
	int ret;

	invented_set.ops = &invented_mq_ops;
	invented_set.nr_hw_queues = 1;
	invented_set.queue_depth = 2;
	invented_set.numa_node = NUMA_NO_NODE;
	invented_set.flags = BLK_MQ_F_NO_SCHED_BY_DEFAULT;
	invented_set.cmd_size = sizeof(struct invented_cmd);
	ret = blk_mq_alloc_tag_set(&invented_set);
	if (ret)
		return ret;

	disk = blk_mq_alloc_disk(&invented_set, NULL, NULL);
	if (IS_ERR(disk)) {
		ret = PTR_ERR(disk);
		goto free_set;
	}
	strscpy(disk->disk_name, "invented_tag");
	disk->fops = &invented_fops;
	disk->flags = GENHD_FL_NO_PART;
	set_capacity(disk, 2048);
	ret = add_disk(disk);
	if (ret)
		goto put_disk;
	invented_disk = disk;
	return 0;

put_disk:
	put_disk(disk);
free_set:
	blk_mq_free_tag_set(&invented_set);
	return ret;
}
module_init(invented_init);

static void __exit invented_exit(void)
{
	del_gendisk(invented_disk);
	put_disk(invented_disk);
	blk_mq_free_tag_set(&invented_set);
}
module_exit(invented_exit);

MODULE_DESCRIPTION("Block driver that believes its device's tags");
MODULE_LICENSE("GPL");
