// SPDX-License-Identifier: GPL-2.0
/*
 * The floor: minimal block drivers, to measure other drivers against.
 *
 * With a minimal driver, an I/O costs only the time of the block layer and of
 * the submitter. With another driver it costs more; the difference is the own
 * cost of that driver.
 *
 * There are three drivers. A "single" device starts and ends each request in
 * queue_rq. A "batched" device also has queue_rqs, and ends the requests of a
 * list in one batch. The parameter "batches" counts the calls of queue_rqs, from
 * which the bench computes the size of the batches. A "bio" device ends each bio
 * in submit_bio. It is the floor of brd: it has brd's features and limits, and
 * accounts no I/O either. The parameters "hw_queues", "depth" and "bs" do not
 * apply to it.
 */

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/module.h>

static unsigned int single = 1;
module_param(single, uint, 0444);
MODULE_PARM_DESC(single, "Number of devices floor0, floor1... without queue_rqs");

static unsigned int batched = 1;
module_param(batched, uint, 0444);
MODULE_PARM_DESC(batched, "Number of devices floorb0, floorb1... with queue_rqs");

static unsigned int bio;
module_param(bio, uint, 0444);
MODULE_PARM_DESC(bio, "Number of devices floorbio0, floorbio1... without blk-mq");

static unsigned int hw_queues = 1;
module_param(hw_queues, uint, 0444);
MODULE_PARM_DESC(hw_queues, "Number of hardware queues of a device");

static unsigned int depth = 64;
module_param(depth, uint, 0444);
MODULE_PARM_DESC(depth, "Queue depth of a hardware queue");

static unsigned int gb = 250;
module_param(gb, uint, 0444);
MODULE_PARM_DESC(gb, "Size of a device in GiB");

static unsigned int bs = 512;
module_param(bs, uint, 0444);
MODULE_PARM_DESC(bs, "Block size of a device in bytes");

static unsigned long batches;
module_param(batches, ulong, 0444);
MODULE_PARM_DESC(batches, "Number of calls of queue_rqs");

/*
 * The size of the driver data of a request is not in sysfs. Write the path of a
 * disk to "request_data", and read the size in bytes from it.
 */
static unsigned int request_data_size;

static int floor_inspect(const char *value, const struct kernel_param *param)
{
	char path[64];
	struct file *file;
	dev_t dev;
	int ret;

	if (strscpy(path, value) < 0)
		return -ENAMETOOLONG;
	ret = lookup_bdev(strstrip(path), &dev);
	if (ret)
		return ret;
	file = bdev_file_open_by_dev(dev, BLK_OPEN_READ, NULL, NULL);
	if (IS_ERR(file))
		return PTR_ERR(file);
	if (bdev_get_queue(file_bdev(file))->tag_set)
		request_data_size = bdev_get_queue(file_bdev(file))->tag_set->cmd_size;
	else
		ret = -ENOTTY;
	bdev_fput(file);
	return ret;
}

static const struct kernel_param_ops floor_inspect_ops = {
	.set = floor_inspect,
	.get = param_get_uint,
};

module_param_cb(request_data, &floor_inspect_ops, &request_data_size, 0600);
MODULE_PARM_DESC(request_data, "Path of a disk; reads as the bytes of driver data per request");

struct floor_device {
	struct blk_mq_tag_set set;
	struct gendisk *disk;
};

static struct floor_device *devices;
static unsigned int nr_devices;

static blk_status_t floor_queue_rq(struct blk_mq_hw_ctx *hctx,
				   const struct blk_mq_queue_data *bd)
{
	blk_mq_start_request(bd->rq);
	blk_mq_end_request(bd->rq, BLK_STS_OK);
	return BLK_STS_OK;
}

static void floor_queue_rqs(struct rq_list *rqs)
{
	struct io_comp_batch batch = {};
	struct request *rq;

	batches++;
	while ((rq = rq_list_pop(rqs))) {
		blk_mq_start_request(rq);
		if (!blk_mq_add_to_batch(rq, &batch, false,
					 blk_mq_end_request_batch))
			blk_mq_end_request(rq, BLK_STS_OK);
	}
	if (batch.complete)
		blk_mq_end_request_batch(&batch);
}

static const struct blk_mq_ops floor_single_ops = {
	.queue_rq	= floor_queue_rq,
};

static const struct blk_mq_ops floor_batched_ops = {
	.queue_rq	= floor_queue_rq,
	.queue_rqs	= floor_queue_rqs,
};

static void floor_submit_bio(struct bio *bio)
{
	bio_endio(bio);
}

static const struct block_device_operations floor_fops = {
	.owner		= THIS_MODULE,
};

static const struct block_device_operations floor_bio_fops = {
	.owner		= THIS_MODULE,
	.submit_bio	= floor_submit_bio,
};

static int floor_add_disk(struct gendisk *disk, const char *name,
			  unsigned int number)
{
	snprintf(disk->disk_name, DISK_NAME_LEN, "%s%u", name, number);
	set_capacity(disk, (sector_t)gb << (30 - SECTOR_SHIFT));
	return add_disk(disk);
}

static int floor_add(struct floor_device *dev, const struct blk_mq_ops *ops,
		     const char *name, unsigned int number)
{
	struct queue_limits limits = {
		.logical_block_size	= bs,
		.physical_block_size	= bs,
		.dma_alignment		= 1,
	};
	int ret;

	dev->set.ops = ops;
	dev->set.nr_hw_queues = hw_queues;
	dev->set.queue_depth = depth;
	dev->set.numa_node = NUMA_NO_NODE;
	dev->set.flags = BLK_MQ_F_NO_SCHED_BY_DEFAULT;
	ret = blk_mq_alloc_tag_set(&dev->set);
	if (ret)
		return ret;

	dev->disk = blk_mq_alloc_disk(&dev->set, &limits, NULL);
	if (IS_ERR(dev->disk)) {
		ret = PTR_ERR(dev->disk);
		goto free_set;
	}
	dev->disk->fops = &floor_fops;
	ret = floor_add_disk(dev->disk, name, number);
	if (ret)
		goto put_disk;
	return 0;

put_disk:
	put_disk(dev->disk);
free_set:
	blk_mq_free_tag_set(&dev->set);
	return ret;
}

static int floor_add_bio(struct floor_device *dev, unsigned int number)
{
	struct queue_limits limits = {
		.physical_block_size	= PAGE_SIZE,
		.max_hw_discard_sectors	= UINT_MAX,
		.max_discard_segments	= 1,
		.discard_granularity	= PAGE_SIZE,
		.features		= BLK_FEAT_SYNCHRONOUS |
					  BLK_FEAT_NOWAIT,
	};
	int ret;

	dev->disk = blk_alloc_disk(&limits, NUMA_NO_NODE);
	if (IS_ERR(dev->disk))
		return PTR_ERR(dev->disk);
	dev->disk->fops = &floor_bio_fops;
	ret = floor_add_disk(dev->disk, "floorbio", number);
	if (ret)
		put_disk(dev->disk);
	return ret;
}

static void floor_remove_all(void)
{
	while (nr_devices) {
		struct floor_device *dev = &devices[--nr_devices];

		del_gendisk(dev->disk);
		put_disk(dev->disk);
		if (dev->set.ops)
			blk_mq_free_tag_set(&dev->set);
	}
	kvfree(devices);
}

static int __init floor_init(void)
{
	unsigned int i;
	int ret;

	if (single > 4096 || batched > 4096 || bio > 4096)
		return -EINVAL;
	devices = kvcalloc(single + batched + bio, sizeof(*devices), GFP_KERNEL);
	if (!devices)
		return -ENOMEM;

	for (i = 0; i < single + batched + bio; i++) {
		if (i < single)
			ret = floor_add(&devices[i], &floor_single_ops, "floor", i);
		else if (i < single + batched)
			ret = floor_add(&devices[i], &floor_batched_ops, "floorb",
					i - single);
		else
			ret = floor_add_bio(&devices[i], i - single - batched);
		if (ret) {
			floor_remove_all();
			return ret;
		}
		nr_devices++;
	}
	return 0;
}
module_init(floor_init);

static void __exit floor_exit(void)
{
	floor_remove_all();
}
module_exit(floor_exit);

MODULE_DESCRIPTION("Minimal block drivers, to measure other drivers against");
MODULE_LICENSE("GPL");
