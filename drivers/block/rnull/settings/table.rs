// SPDX-License-Identifier: GPL-2.0

//! The table of all settings.

/// Calls the macro `$use` with a row for each attribute in the directory of a device, in the order
/// in which `features` names them. To add a setting, add a row.
///
/// A row is a number of its own, by which configfs tells attributes apart, the name of the
/// attribute, and:
///
/// * `own`: an attribute that does something, which is implemented by its name in
///   `control::attributes`; or
/// * the type of the setting, ` = ` what new devices start with, unless that is the module
///   parameter as it is given, and when it can be changed: while the device is `off`, or also while
///   it is on (`live`, which changes the hardware queues);
/// * in parentheses the module parameter, if there is one: its name, type, default and description.
macro_rules! settings {
    ($use:ident) => {
        $use! {
            0 badblocks: own;
            1 badblocks_once: bool = false, off;
            2 badblocks_partial_io: bool = false, off;
            3 blocking: bool, off
                (blocking: bool = false, "The driver may sleep when it gets a request");
            4 blocksize: u32 = params::block_size(), off
                (bs: i32 = 512, "Block size in bytes");
            5 cache_size: u64, off
                (cache_size: usize = 0, "Write cache in MiB for data in memory, 0 for none");
            6 completion_nsec: u64, off
                (completion_nsec: usize = 10_000,
                "How long a request takes with irqmode 2 and 3, in ns");
            7 discard: bool, off
                (discard: bool = false, "Data in memory can be discarded");
            8 fua: bool, off
                (fua: bool = true, "Writes can go around the cache");
            9 home_node: u32 = params::home_node(), off
                (home_node: i32 = -1, "NUMA node to allocate on, -1 for any");
            10 hw_queue_depth: u32, off
                (hw_queue_depth: i32 = 64, "Requests of a hardware queue");
            11 index: u32 = 0, off;
            12 irqmode: u32 = params::irqmode(), off
                (irqmode: Choice<3> = Choice::new(1),
                "How requests complete: 0 at once, 1 in softirq, 2 by timer, 3 by tag");
            13 max_sectors: u32, off
                (max_sectors: i32 = 0,
                "Size of the largest request in sectors of 512 bytes, 0 for the default");
            14 mbps: u32, off
                (mbps: u32 = 0, "Limit of bandwidth in MiB/s, 0 for none");
            15 memory_backed: bool, off
                (memory_backed: bool = false, "Keep data in memory");
            16 no_sched: bool = params::no_sched(), off
                (no_sched: i32 = 0, "Start without an I/O scheduler");
            17 poll_queues: u32 = params::poll_queues(), live
                (poll_queues: i32 = 1, "Hardware queues for polling of a device");
            18 power: own;
            19 queue_mode: u32 = params::queue_mode(), off
                (queue_mode: Choice<2> = Choice::new(2), "Kind of queues; only 2 is left");
            20 rotational: bool, off
                (rotational: bool = false, "Claim to rotate");
            21 shared_tag_bitmap: bool, off
                (shared_tag_bitmap: bool = false, "Hardware queues share their tags");
            22 shared_tags: bool, off
                (shared_tags: bool = false, "Devices share their tags");
            23 size: u64 = params::size(), off
                (gb: i32 = 250, "Capacity in GiB");
            24 submit_queues: u32 = params::submit_queues(), live
                (submit_queues: i32 = 1, "Hardware queues of a device");
            25 use_per_node_hctx: bool, off
                (use_per_node_hctx: bool = false, "One hardware queue for each NUMA node");
            26 virt_boundary: bool, off
                (virt_boundary: bool = false, "Pieces of a request must begin and end with pages");
            27 zone_append_max_sectors: u32, off
                (zone_append_max_sectors: i32 = i32::MAX,
                "Size of the largest zone append in sectors, 0 for none");
            28 zone_capacity: u64, off
                (zone_capacity: usize = 0, "How much of a zone can be written in MiB, 0 for all");
            29 zone_full: bool, off
                (zone_full: bool = false, "Zones are full at first");
            30 zone_max_active: u32, off
                (zone_max_active: u32 = 0, "How many zones can be active, 0 for no limit");
            31 zone_max_open: u32, off
                (zone_max_open: u32 = 0, "How many zones can be open, 0 for no limit");
            32 zone_nr_conv: u32, off
                (zone_nr_conv: u32 = 0, "How many zones are conventional");
            33 zone_offline: own;
            34 zone_readonly: own;
            35 zone_size: u64, off
                (zone_size: usize = 256, "Size of a zone in MiB, a power of two");
            36 zoned: bool, off
                (zoned: bool = false, "Make zoned devices");
        }
    };
}
pub(crate) use settings;
