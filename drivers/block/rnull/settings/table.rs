// SPDX-License-Identifier: GPL-2.0

//! The table of all settings.

/// Calls the macro `$use` with a row for each attribute of a device's directory, in the order of
/// `features`. To add a setting, add a row, and use it.
///
/// A row is the name of an attribute, a colon, and either `own`, if `control::attributes`
/// implements the attribute, or:
///
/// * the type of the setting;
/// * ` = ` and the initial value, unless that is the unchanged module parameter;
/// * `off` if the setting can be changed while the device is off, or `live` if at any time (the
///   numbers of hardware queues);
/// * in parentheses the module parameter, if there is one: its name, type, default and description.
///
/// The macros `make_config` in `settings`, `make_attributes` in `control::attributes` and
/// `make_module` in the root match the rows.
macro_rules! settings {
    ($use:ident) => {
        $use! {
            atomic_write_boundary: u32, off
                (atomic_write_boundary: u32 = 0,
                "Boundary in bytes that no atomic write crosses, 0 for none");
            atomic_write_unit_max: u32, off
                (atomic_write_unit_max: u32 = 0, "Largest atomic write in bytes, 0 for none");
            atomic_write_unit_min: u32, off
                (atomic_write_unit_min: u32 = 0, "Smallest atomic write in bytes, 0 for a block");
            badblocks: own;
            badblocks_once: bool = false, off;
            badblocks_partial_io: bool = false, off;
            blocking: bool, off
                (blocking: bool = false, "Dispatch requests in a context that may sleep");
            blocksize: u32 = params::block_size(), off
                (bs: i32 = 512, "Block size in bytes");
            cache_size: u64, off
                (cache_size: usize = 0, "Write cache of memory-backed devices in MiB, 0 for none");
            completion_flush_nsec: u64, off
                (completion_flush_nsec: usize = 0,
                "Latency of flushes with irqmode 2, in ns, 0 for completion_nsec");
            completion_nsec: u64, off
                (completion_nsec: usize = 10_000,
                "Latency of requests with irqmode 2 and 3, in ns");
            completion_read_nsec: u64, off
                (completion_read_nsec: usize = 0,
                "Latency of reads with irqmode 2, in ns, 0 for completion_nsec");
            completion_spread_nsec: u64, off
                (completion_spread_nsec: usize = 0,
                "Largest random addition to a latency with irqmode 2, in ns");
            completion_tail_nsec: u64, off
                (completion_tail_nsec: usize = 0,
                "Addition to one latency in completion_tail_ratio with irqmode 2, in ns");
            completion_tail_ratio: u32, off
                (completion_tail_ratio: u32 = 0,
                "One latency in this many gets completion_tail_nsec");
            completion_write_nsec: u64, off
                (completion_write_nsec: usize = 0,
                "Latency of writes with irqmode 2, in ns, 0 for completion_nsec");
            discard: bool, off
                (discard: bool = false, "Support discards on memory-backed devices");
            discard_granularity: u32, off
                (discard_granularity: u32 = 0,
                "Unit of discards in bytes, 0 for a physical block");
            dma_alignment: u32, off
                (dma_alignment: u32 = 1,
                "Alignment of data in memory as a mask, 0 for that of a sector");
            fua: bool, off
                (fua: bool = true, "Support FUA writes, which bypass the write cache");
            home_node: u32 = params::home_node(), off
                (home_node: i32 = -1, "NUMA node to allocate on, -1 for any");
            hw_queue_depth: u32, off
                (hw_queue_depth: i32 = 64, "Queue depth of a hardware queue");
            index: u32 = 0, off;
            io_min: u32, off
                (io_min: u32 = 0, "Preferred size of small I/O in bytes, 0 for a physical block");
            io_opt: u32, off
                (io_opt: u32 = 0, "Preferred size of large I/O in bytes, 0 for none");
            irqmode: u32 = params::irqmode(), off
                (irqmode: Choice<{ IrqMode::MAX }> = Choice::new(1),
                "Completion mode: 0 in queue_rq, 1 softirq, 2 timer, 3 by tag");
            max_sectors: u32, off
                (max_sectors: i32 = 0,
                "Largest request in sectors of 512 bytes, 0 for the default");
            max_segment_size: u32, off
                (max_segment_size: u32 = 0,
                "Largest segment in bytes, 0 for the default");
            max_segments: u32, off
                (max_segments: u32 = 0, "Segments of a request, 0 for the default");
            mbps: u32, off
                (mbps: u32 = 0, "Bandwidth limit in MiB/s, 0 for none");
            memory_backed: bool, off
                (memory_backed: bool = false, "Store data in memory");
            no_sched: bool = params::no_sched(), off
                (no_sched: i32 = 0, "Start without an I/O scheduler");
            physical_blocksize: u32, off
                (physical_blocksize: u32 = 0, "Physical block size in bytes, 0 for the block size");
            poll_queues: u32 = params::poll_queues(), live
                (poll_queues: i32 = 1, "Number of hardware queues for polling, and its maximum");
            power: own;
            queue_mode: u32 = params::queue_mode(), off
                (queue_mode: Choice<2> = Choice::new(2), "Queue mode: 2 (blk-mq) is the only one");
            rotational: bool, off
                (rotational: bool = false, "Report a rotational device");
            seed: u64, off
                (seed: usize = 0, "Seed of the random latencies");
            shared_tag_bitmap: bool, off
                (shared_tag_bitmap: bool = false, "Hardware queues of a device share their tags");
            shared_tags: bool, off
                (shared_tags: bool = false, "Devices share one tag set");
            size: u64 = params::size(), off
                (gb: i32 = 250, "Capacity in GiB");
            submit_queues: u32 = params::submit_queues(), live
                (submit_queues: i32 = 1, "Number of hardware queues");
            use_per_node_hctx: bool, off
                (use_per_node_hctx: bool = false, "One hardware queue for each NUMA node");
            virt_boundary: bool, off
                (virt_boundary: bool = false, "Set the virt boundary of segments to a page");
            write_zeroes: bool, off
                (write_zeroes: bool = false, "Support requests to write zeroes");
            zone_append_max_sectors: u32, off
                (zone_append_max_sectors: i32 = i32::MAX,
                "Largest zone append in sectors, 0 to let the block layer emulate it");
            zone_capacity: u64, off
                (zone_capacity: usize = 0, "Writable part of a zone in MiB, 0 for all of it");
            zone_full: bool, off
                (zone_full: bool = false, "Zones are full after power-on");
            zone_max_active: u32, off
                (zone_max_active: u32 = 0, "Limit of active zones, 0 for none");
            zone_max_open: u32, off
                (zone_max_open: u32 = 0, "Limit of open zones, 0 for none");
            zone_nr_conv: u32, off
                (zone_nr_conv: u32 = 0, "Number of conventional zones");
            zone_offline: own;
            zone_readonly: own;
            zone_size: u64, off
                (zone_size: usize = 256, "Size of a zone in MiB, a power of two");
            zoned: bool, off
                (zoned: bool = false, "Devices are zoned");
        }
    };
}
pub(crate) use settings;
