// SPDX-License-Identifier: GPL-2.0

//! A null block device.
//!
//! The counterpart of C `null_blk`: same parameters, attributes, names and errors. The user's guide
//! is `Documentation/block/rnull.rst`.
//!
//! Each line of the list uses only what stands above it:
//!
//! * `trace`: the trace events.
//! * `zoned`: zones; see the list there.
//! * `params`: the module's parameters.
//! * `irq_mode`: the table of completion modes.
//! * `config`: the settings of a device; `config::settings`: the table of them; `config::parse`:
//!   how text becomes values.
//! * `store`: data in memory, and a cache in front of it.
//! * `reports`: what a device reports of its requests.
//! * `faults`: failing on purpose: bad blocks, fault injection.
//! * `kept`: what a device keeps when it is powered off.
//! * `completion`: the completion modes, one file each.
//! * `request`: the way of a request.
//! * `debug`: files in debugfs.
//! * `registry`: names and numbers that are taken, and tags that are shared.
//! * `device`: a device that is powered on.
//! * `configfs`: the directories and files to configure devices with.
//! * this file: the declaration of the parameters, loading and unloading.

mod completion;
mod config;
mod configfs;
mod debug;
mod device;
mod faults;
mod irq_mode;
mod kept;
mod params;
mod registry;
mod reports;
mod request;
mod store;
mod trace;
mod zoned;

use config::Config;
use device::Device;
use kernel::{
    configfs::Subsystem,
    prelude::*,
    sync::Arc, //
};
use kept::Kept;
use registry::Registry;

module! {
    type: RnullModule,
    name: "rnull_mod",
    authors: ["Seed 422af444 maintainers"],
    description: "Null test block driver, in Rust",
    license: "GPL",
    params: {
        nr_devices: u32 {
            default: 1,
            description: "How many devices to make at load time",
            perm: 0o444,
        },
        virt_boundary: bool {
            default: false,
            description: "Pieces of a request must begin and end with pages",
            perm: 0o444,
        },
        no_sched: i32 {
            default: 0,
            description: "Start without an I/O scheduler",
            perm: 0o444,
        },
        submit_queues: i32 {
            default: 1,
            description: "Hardware queues of a device",
            perm: 0o444,
        },
        poll_queues: i32 {
            default: 1,
            description: "Hardware queues for polling of a device",
            perm: 0o444,
        },
        home_node: i32 {
            default: -1,
            description: "NUMA node to allocate on, -1 for any",
            perm: 0o444,
        },
        queue_mode: crate::params::Choice<2> {
            default: crate::params::Choice::new(2),
            description: "Kind of queues; only 2 is left",
            perm: 0o444,
        },
        gb: i32 {
            default: 250,
            description: "Capacity in GiB",
            perm: 0o444,
        },
        bs: i32 {
            default: 512,
            description: "Block size in bytes",
            perm: 0o444,
        },
        max_sectors: i32 {
            default: 0,
            description: "Size of the largest request in sectors of 512 bytes, 0 for the default",
            perm: 0o444,
        },
        blocking: bool {
            default: false,
            description: "The driver may sleep when it gets a request",
            perm: 0o444,
        },
        shared_tags: bool {
            default: false,
            description: "Devices share their tags",
            perm: 0o444,
        },
        shared_tag_bitmap: bool {
            default: false,
            description: "Hardware queues share their tags",
            perm: 0o444,
        },
        irqmode: crate::params::Choice<3> {
            default: crate::params::Choice::new(1),
            description: "How requests complete: 0 at once, 1 in softirq, 2 by timer, 3 by tag",
            perm: 0o444,
        },
        completion_nsec: usize {
            default: 10_000,
            description: "How long a request takes with irqmode 2 and 3, in ns",
            perm: 0o444,
        },
        hw_queue_depth: i32 {
            default: 64,
            description: "Requests of a hardware queue",
            perm: 0o444,
        },
        use_per_node_hctx: bool {
            default: false,
            description: "One hardware queue for each NUMA node",
            perm: 0o444,
        },
        memory_backed: bool {
            default: false,
            description: "Keep data in memory",
            perm: 0o444,
        },
        discard: bool {
            default: false,
            description: "Data in memory can be discarded",
            perm: 0o444,
        },
        cache_size: usize {
            default: 0,
            description: "Write cache in MiB for data in memory, 0 for none",
            perm: 0o444,
        },
        fua: bool {
            default: true,
            description: "Writes can go around the cache",
            perm: 0o444,
        },
        mbps: u32 {
            default: 0,
            description: "Limit of bandwidth in MiB/s, 0 for none",
            perm: 0o444,
        },
        zoned: bool {
            default: false,
            description: "Make zoned devices",
            perm: 0o444,
        },
        zone_size: usize {
            default: 256,
            description: "Size of a zone in MiB, a power of two",
            perm: 0o444,
        },
        zone_capacity: usize {
            default: 0,
            description: "How much of a zone can be written in MiB, 0 for all",
            perm: 0o444,
        },
        zone_nr_conv: u32 {
            default: 0,
            description: "How many zones are conventional",
            perm: 0o444,
        },
        zone_max_open: u32 {
            default: 0,
            description: "How many zones can be open, 0 for no limit",
            perm: 0o444,
        },
        zone_max_active: u32 {
            default: 0,
            description: "How many zones can be active, 0 for no limit",
            perm: 0o444,
        },
        zone_append_max_sectors: i32 {
            default: i32::MAX,
            description: "Size of the largest zone append in sectors, 0 for none",
            perm: 0o444,
        },
        zone_full: bool {
            default: false,
            description: "Zones are full at first",
            perm: 0o444,
        },
        rotational: bool {
            default: false,
            description: "Claim to rotate",
            perm: 0o444,
        },
        timeout: kernel::module_param::ParamString<80> {
            default: kernel::module_param::ParamString::new(),
            description: "Requests to lose: interval,probability,space,times",
            perm: 0o444,
        },
        requeue: kernel::module_param::ParamString<80> {
            default: kernel::module_param::ParamString::new(),
            description: "Requests to give back: interval,probability,space,times",
            perm: 0o444,
        },
        init_hctx: kernel::module_param::ParamString<80> {
            default: kernel::module_param::ParamString::new(),
            description: "Hardware queues to fail: interval,probability,space,times",
            perm: 0o444,
        },
    },
}

/// Dropped in the order of the fields: first nobody can make devices any more, then those go that
/// were made with the module. A directory in configfs keeps the module from being unloaded.
#[pin_data]
struct RnullModule {
    #[pin]
    subsystem: Subsystem<configfs::Root>,
    devices: KVec<Device>,
}

impl kernel::InPlaceModule for RnullModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        pin_init::pin_init_scope(|| {
            params::check()?;
            let registry = Registry::new()?;
            let devices = create_devices(&registry)?;

            // The subsystem comes last: a directory that somebody makes in it keeps the module
            // loaded, which must not fail to load any more at that point.
            Ok(try_pin_init!(Self {
                devices,
                subsystem <- configfs::subsystem(registry),
                _: { pr_info!("module loaded\n") },
            }))
        })
    }
}

/// Makes the devices that the parameter `nr_devices` asks for.
fn create_devices(registry: &Arc<Registry>) -> Result<KVec<Device>> {
    let mut devices = KVec::new();
    for _ in 0..params::devices() {
        let mut config = Config::new();
        // There is no directory for these.
        let (kept, _) = Kept::new()?;
        let device = Device::power_on(registry, &mut config, &kept, None)?;
        devices.push(device, GFP_KERNEL)?;
    }
    Ok(devices)
}
