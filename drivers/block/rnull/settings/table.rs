// SPDX-License-Identifier: GPL-2.0

//! The table of all settings.

/// Calls the macro `$use` with a row for each attribute in the directory of a device, in the order
/// in which `features` names them. To add a setting, add a row.
///
/// A row is the name of the attribute, and:
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
            badblocks: own;
            badblocks_once: bool = false, off;
            badblocks_partial_io: bool = false, off;
            blocking: bool, off
                (blocking: bool = false, "The driver may sleep when it gets a request");
            blocksize: u32 = params::block_size(), off
                (bs: i32 = 512, "Block size in bytes");
            cache_size: u64, off
                (cache_size: usize = 0, "Write cache in MiB for data in memory, 0 for none");
            completion_nsec: u64, off
                (completion_nsec: usize = 10_000,
                "How long a request takes with irqmode 2 and 3, in ns");
            discard: bool, off
                (discard: bool = false, "Data in memory can be discarded");
            fua: bool, off
                (fua: bool = true, "Writes can go around the cache");
            home_node: u32 = params::home_node(), off
                (home_node: i32 = -1, "NUMA node to allocate on, -1 for any");
            hw_queue_depth: u32, off
                (hw_queue_depth: i32 = 64, "Requests of a hardware queue");
            index: u32 = 0, off;
            irqmode: u32 = params::irqmode(), off
                (irqmode: Choice<3> = Choice::new(1),
                "How requests complete: 0 at once, 1 in softirq, 2 by timer, 3 by tag");
            max_sectors: u32, off
                (max_sectors: i32 = 0,
                "Size of the largest request in sectors of 512 bytes, 0 for the default");
            mbps: u32, off
                (mbps: u32 = 0, "Limit of bandwidth in MiB/s, 0 for none");
            memory_backed: bool, off
                (memory_backed: bool = false, "Keep data in memory");
            no_sched: bool = params::no_sched(), off
                (no_sched: i32 = 0, "Start without an I/O scheduler");
            poll_queues: u32 = params::poll_queues(), live
                (poll_queues: i32 = 1, "Hardware queues for polling of a device");
            power: own;
            queue_mode: u32 = params::queue_mode(), off
                (queue_mode: Choice<2> = Choice::new(2), "Kind of queues; only 2 is left");
            rotational: bool, off
                (rotational: bool = false, "Claim to rotate");
            shared_tag_bitmap: bool, off
                (shared_tag_bitmap: bool = false, "Hardware queues share their tags");
            shared_tags: bool, off
                (shared_tags: bool = false, "Devices share their tags");
            size: u64 = params::size(), off
                (gb: i32 = 250, "Capacity in GiB");
            submit_queues: u32 = params::submit_queues(), live
                (submit_queues: i32 = 1, "Hardware queues of a device");
            use_per_node_hctx: bool, off
                (use_per_node_hctx: bool = false, "One hardware queue for each NUMA node");
            virt_boundary: bool, off
                (virt_boundary: bool = false, "Pieces of a request must begin and end with pages");
            zone_append_max_sectors: u32, off
                (zone_append_max_sectors: i32 = i32::MAX,
                "Size of the largest zone append in sectors, 0 for none");
            zone_capacity: u64, off
                (zone_capacity: usize = 0, "How much of a zone can be written in MiB, 0 for all");
            zone_full: bool, off
                (zone_full: bool = false, "Zones are full at first");
            zone_max_active: u32, off
                (zone_max_active: u32 = 0, "How many zones can be active, 0 for no limit");
            zone_max_open: u32, off
                (zone_max_open: u32 = 0, "How many zones can be open, 0 for no limit");
            zone_nr_conv: u32, off
                (zone_nr_conv: u32 = 0, "How many zones are conventional");
            zone_offline: own;
            zone_readonly: own;
            zone_size: u64, off
                (zone_size: usize = 256, "Size of a zone in MiB, a power of two");
            zoned: bool, off
                (zoned: bool = false, "Make zoned devices");
        }
    };
}
pub(crate) use settings;
