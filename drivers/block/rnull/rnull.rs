// SPDX-License-Identifier: GPL-2.0

//! A null block device.
//!
//! The counterpart of C `null_blk`, with the same parameters, attributes and errors. The user's
//! guide is `Documentation/block/rnull.rst`.
//!
//! Glossary:
//!
//! * **backend**: the features of a device that is on;
//! * **mode**: how requests complete;
//! * **gate**: a flag, set once faults or statistics are enabled;
//! * **retained**: kept while a device is off.
//!
//! A module, but for its tests, uses only the modules above it in this list:
//!
//! * `trace`: the trace events.
//! * `gate`: the flag that an I/O tests before faults and statistics.
//! * `irq_mode`: the table of completion modes.
//! * `settings`: the settings of a device, and the module parameters.
//! * `zoned`: zones. It has a list of its own.
//! * `store`: the backing store in memory, and the write cache.
//! * `faults`: bad blocks and fault injection.
//! * `statistics`: counters of requests.
//! * `retained`: the state that a device retains while it is off.
//! * `completion`: the completion modes, one file each.
//! * `request`: a request, from `queue_rq` to its completion.
//! * `device`: a device that is on: its disk, name, number and tags.
//! * `control`: the configfs interface.
//! * this file: the module parameters, loading and unloading.

mod completion;
mod control;
mod device;
mod faults;
mod gate;
mod irq_mode;
mod request;
mod retained;
mod settings;
mod statistics;
mod store;
mod trace;
mod zoned;

use device::{
    registry::Registry,
    Device, //
};
use irq_mode::IrqMode;
use kernel::{
    configfs::Subsystem,
    module_param::ParamString,
    prelude::*,
    sync::Arc, //
};
use retained::Retained;
use settings::{
    params::{
        self,
        Choice, //
    },
    table::settings,
    Config, //
};

/// Declares the module. Most of its parameters come from the table of settings.
macro_rules! make_module {
    ($(
        $name:ident: $type:ident $(= $start:expr)? $(, $when:ident
            $(($param:ident: $param_type:ty = $default:expr, $description:literal))?)?;
    )*) => {
        module! {
            type: RnullModule,
            name: "rnull_mod",
            authors: ["Seed 422af444 maintainers"],
            description: "Null test block driver, in Rust",
            license: "GPL",
            params: {
                nr_devices: u32 {
                    default: 1,
                    description: "Number of devices to create at load time",
                    perm: 0o444,
                },
                timeout: ParamString<80> {
                    default: ParamString::new(),
                    description: "Requests that time out: interval,probability,space,times",
                    perm: 0o444,
                },
                requeue: ParamString<80> {
                    default: ParamString::new(),
                    description: "Requests to requeue: interval,probability,space,times",
                    perm: 0o444,
                },
                init_hctx: ParamString<80> {
                    default: ParamString::new(),
                    description: "Failing hardware queues: interval,probability,space,times",
                    perm: 0o444,
                },
                $($($(
                    $param: $param_type {
                        default: $default,
                        description: $description,
                        perm: 0o444,
                    },
                )?)?)*
            },
        }
    };
}

settings!(make_module);

/// Unloading drops the fields in order: first the subsystem, so that no device can be created, then
/// the devices that were created at load time. A directory in configfs prevents unloading.
#[pin_data]
struct RnullModule {
    #[pin]
    subsystem: Subsystem<control::Root>,
    devices: KVec<Device>,
}

impl kernel::InPlaceModule for RnullModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        pin_init::pin_init_scope(|| {
            params::check()?;
            let registry = Registry::new()?;
            let devices = create_devices(&registry)?;

            // Register the subsystem last. From then on user space can create a directory, which
            // prevents unloading, so loading must not fail any more.
            Ok(try_pin_init!(Self {
                devices,
                subsystem <- control::subsystem(registry),
                _: { pr_info!("module loaded\n") },
            }))
        })
    }
}

/// Creates the devices that the parameter `nr_devices` asks for.
fn create_devices(registry: &Arc<Registry>) -> Result<KVec<Device>> {
    let mut devices = KVec::new();
    for _ in 0..params::devices() {
        let mut config = Config::new();
        // These devices have no configfs directory for the fault attributes.
        let (retained, _) = Retained::new()?;
        let device = Device::power_on(registry, &mut config, &retained, None)?;
        devices.push(device, GFP_KERNEL)?;
    }
    Ok(devices)
}
