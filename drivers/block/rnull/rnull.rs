// SPDX-License-Identifier: GPL-2.0

//! A null block device.
//!
//! The counterpart of C `null_blk`: same parameters, attributes, names and errors. The user's guide
//! is `Documentation/block/rnull.rst`.
//!
//! Each line of the list uses only what stands above it:
//!
//! * `config`: the settings of a device, as plain values; `config::parse`: how text becomes values.
//! * `driver`: the driver as a type.
//! * `completion`: the ways to complete a request, one file each.
//! * `ops`: what the block layer calls.
//! * `registry`: names and numbers that are taken.
//! * `device`: a device that is powered on.
//! * `configfs`: the directories and files to configure devices with.
//! * this file: module parameters, loading and unloading.

mod completion;
mod config;
mod configfs;
mod device;
mod driver;
mod ops;
mod registry;

use config::Config;
use device::Device;
use kernel::{
    configfs::Subsystem,
    prelude::*,
    sync::Arc, //
};
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
            description: "Number of devices to register",
        },
        gb: i32 {
            default: 250,
            description: "Size in GB",
        },
        bs: i32 {
            default: 512,
            description: "Block size (in bytes)",
        },
        irqmode: i32 {
            default: 1,
            description: "IRQ completion handler. 0-none, 1-softirq, 2-timer",
        },
        completion_nsec: u64 {
            default: 10_000,
            description: "Time in ns to complete a request in hardware. Default: 10,000ns",
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
            let registry = Registry::new(defaults()?)?;
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

/// The settings that new devices start with, from the module's parameters.
fn defaults() -> Result<Config> {
    let irqmode = *module_parameters::irqmode.value_ref();
    if !(0..=2).contains(&irqmode) {
        pr_err!("irqmode must be 0, 1 or 2, not {}\n", irqmode);
        return Err(EINVAL);
    }

    let mut block_size = *module_parameters::bs.value_ref();
    let page_size = kernel::page::PAGE_SIZE as i32;
    // As in C, where the comparison is unsigned.
    if block_size < 0 || block_size > page_size {
        pr_warn!("invalid block size\n");
        pr_warn!("defaults block size to {}\n", page_size);
        block_size = page_size;
    }

    // Negative values turn into sizes that no device can have, and are refused as such.
    Ok(Config {
        size: module_parameters::gb.value_ref().wrapping_mul(1024) as u64,
        blocksize: block_size as u32,
        irqmode: irqmode as u32,
        completion_nsec: *module_parameters::completion_nsec.value_ref(),
        index: 0,
    })
}

/// Makes the devices that the parameter `nr_devices` asks for.
fn create_devices(registry: &Arc<Registry>) -> Result<KVec<Device>> {
    let mut devices = KVec::new();
    for _ in 0..*module_parameters::nr_devices.value_ref() {
        let mut config = registry.defaults();
        devices.push(Device::power_on(registry, &mut config, None)?, GFP_KERNEL)?;
    }
    Ok(devices)
}
