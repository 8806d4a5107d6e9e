// SPDX-License-Identifier: GPL-2.0
/*
 * A submitter in the kernel, to measure the time that block drivers take.
 *
 * It reads from several block devices in turn, in batches of one or more blocks,
 * with or without a plug. For each turn it prints the time that the turn took.
 * The submitter makes no system calls, because it runs in user-mode Linux, where
 * system calls are slow, but kernel code runs as fast as any program.
 *
 * It runs in the kernel thread that boots the kernel, after the built-in drivers
 * are initialized, and only if the parameter "devices" is set.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/sched.h>

#define MAX_DEVICES	8
#define MAX_BATCH	64
#define BLOCK_BYTES	4096
/* Leave gaps between blocks, so that they are not merged into one request. */
#define STRIDE		(16 * BLOCK_BYTES >> SECTOR_SHIFT)

static char *devices[MAX_DEVICES];
static unsigned int nr_devices;
module_param_array(devices, charp, &nr_devices, 0444);
MODULE_PARM_DESC(devices, "Paths of the devices to read from in turn");

static unsigned int batch = 1;
module_param(batch, uint, 0444);
MODULE_PARM_DESC(batch, "Number of blocks in a batch");

static bool plugged = true;
module_param(plugged, bool, 0444);
MODULE_PARM_DESC(plugged, "Submit the blocks of a batch under a plug");

static unsigned int turns = 100;
module_param(turns, uint, 0444);
MODULE_PARM_DESC(turns, "Number of turns of each device");

static unsigned int ios = 16384;
module_param(ios, uint, 0444);
MODULE_PARM_DESC(ios, "Number of blocks to read in a turn");

static bool halt;
module_param(halt, bool, 0444);
MODULE_PARM_DESC(halt, "Halt the machine at the end");

struct submit_bio {
	struct bio bio;
	struct bio_vec vec;
};

static struct submit_bio bios[MAX_BATCH];
static struct page *pages[MAX_BATCH];
static atomic_t pending;
static DECLARE_COMPLETION(done);
static unsigned int failed;

static void submit_end_io(struct bio *bio)
{
	if (bio->bi_status)
		failed++;
	if (atomic_dec_and_test(&pending))
		complete(&done);
}

static void submit_batch(struct block_device *bdev, sector_t *sector)
{
	struct blk_plug plug;
	unsigned int i;

	atomic_set(&pending, batch);
	reinit_completion(&done);
	if (plugged)
		blk_start_plug(&plug);
	for (i = 0; i < batch; i++) {
		struct bio *bio = &bios[i].bio;

		bio_init(bio, bdev, &bios[i].vec, 1, REQ_OP_READ);
		__bio_add_page(bio, pages[i], BLOCK_BYTES, 0);
		bio->bi_iter.bi_sector = *sector;
		bio->bi_end_io = submit_end_io;
		*sector += STRIDE;
		if (*sector + STRIDE > bdev_nr_sectors(bdev))
			*sector = 0;
		submit_bio(bio);
	}
	if (plugged)
		blk_finish_plug(&plug);
	wait_for_completion(&done);
}

static void submit_turns(struct file **files)
{
	unsigned int turn, n, i;
	sector_t sector = 0;

	for (turn = 0; turn < turns; turn++) {
		for (n = 0; n < nr_devices; n++) {
			/* Each device is the first one equally often. */
			unsigned int which = (n + turn) % nr_devices;
			struct block_device *bdev = file_bdev(files[which]);
			ktime_t start;

			cond_resched();
			start = ktime_get();
			for (i = 0; i < ios; i += batch)
				submit_batch(bdev, &sector);
			pr_info("turn %u %s %llu ns %u ios\n", turn,
				devices[which],
				ktime_to_ns(ktime_sub(ktime_get(), start)), i);
		}
	}
	pr_info("end, %u failed\n", failed);
}

static int __init submit_run(void)
{
	struct file *files[MAX_DEVICES];
	unsigned int opened = 0, i;
	int ret = 0;

	if (!batch || batch > MAX_BATCH)
		return -EINVAL;
	for (i = 0; i < batch; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i]) {
			ret = -ENOMEM;
			goto out;
		}
	}
	for (; opened < nr_devices; opened++) {
		dev_t dev;

		ret = early_lookup_bdev(devices[opened], &dev);
		if (ret) {
			pr_err("%s: not found\n", devices[opened]);
			goto out;
		}
		files[opened] = bdev_file_open_by_dev(dev, BLK_OPEN_READ, NULL, NULL);
		if (IS_ERR(files[opened])) {
			ret = PTR_ERR(files[opened]);
			pr_err("%s: cannot be opened\n", devices[opened]);
			goto out;
		}
	}
	submit_turns(files);
out:
	while (opened)
		fput(files[--opened]);
	for (i = 0; i < batch; i++)
		if (pages[i])
			__free_page(pages[i]);
	return ret;
}

static int __init submit_init(void)
{
	int ret;

	if (!nr_devices)
		return 0;
	ret = submit_run();
	if (halt)
		kernel_halt();
	return ret;
}
late_initcall(submit_init);
