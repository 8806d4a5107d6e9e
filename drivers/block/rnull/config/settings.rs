// SPDX-License-Identifier: GPL-2.0

//! The table of all settings.

/// Calls the macro `$use` with a row for each file in the directory of a device, in the order in
/// which `features` names them. To add a setting, add a row.
///
/// A row is a number of its own, which configfs tells the files apart by, the name of the file,
/// and:
///
/// * `own`: a file that does something; see `configfs::files`.
/// * `TYPE = DEFAULT, off`: a setting that can be changed while the device is off. `DEFAULT` is
///   what new devices start with: a module parameter, or a value.
/// * `TYPE = DEFAULT, live FUNCTION`: a setting that can be changed at any time; the function makes
///   it come true for a device that is on.
macro_rules! settings {
    ($use:ident) => {
        $use! {
            0 => badblocks: own;
            1 => badblocks_once: bool = false, off;
            2 => badblocks_partial_io: bool = false, off;
            3 => blocking: bool = params::blocking(), off;
            4 => blocksize: u32 = params::block_size(), off;
            5 => cache_size: u64 = params::cache_size(), off;
            6 => completion_nsec: u64 = params::completion_nsec(), off;
            7 => discard: bool = params::discard(), off;
            8 => fua: bool = params::fua(), off;
            9 => home_node: u32 = params::home_node(), off;
            10 => hw_queue_depth: u32 = params::hw_queue_depth(), off;
            11 => index: u32 = 0, off;
            12 => irqmode: u32 = params::irqmode(), off;
            13 => max_sectors: u32 = params::max_sectors(), off;
            14 => mbps: u32 = params::mbps(), off;
            15 => memory_backed: bool = params::memory_backed(), off;
            16 => no_sched: bool = params::no_sched(), off;
            17 => poll_queues: u32 = params::poll_queues(), live resize_poll_queues;
            18 => power: own;
            19 => queue_mode: u32 = params::queue_mode(), off;
            20 => rotational: bool = params::rotational(), off;
            21 => shared_tag_bitmap: bool = params::shared_tag_bitmap(), off;
            22 => shared_tags: bool = params::shared_tags(), off;
            23 => size: u64 = params::size(), off;
            24 => submit_queues: u32 = params::submit_queues(), live resize_submit_queues;
            25 => use_per_node_hctx: bool = params::use_per_node_hctx(), off;
            26 => virt_boundary: bool = params::virt_boundary(), off;
            27 => zone_append_max_sectors: u32 = params::zone_append_max_sectors(), off;
            28 => zone_capacity: u64 = params::zone_capacity(), off;
            29 => zone_full: bool = params::zone_full(), off;
            30 => zone_max_active: u32 = params::zone_max_active(), off;
            31 => zone_max_open: u32 = params::zone_max_open(), off;
            32 => zone_nr_conv: u32 = params::zone_nr_conv(), off;
            33 => zone_offline: own;
            34 => zone_readonly: own;
            35 => zone_size: u64 = params::zone_size(), off;
            36 => zoned: bool = params::zoned(), off;
        }
    };
}
pub(crate) use settings;
