// SPDX-License-Identifier: GPL-2.0

//! A null block device.
//!
//! The counterpart of C `null_blk`: same parameters, attributes, names and errors. The user's guide
//! is `Documentation/block/rnull.rst`.
//!
//! Glossary:
//!
//! * **backend**: what a device does for requests, whatever its features;
//! * **path**: code for few features;
//! * **mode**: how requests complete;
//! * **gate**: opens when faults become possible.
//!
//! Each line of the list uses only what stands above it:
//!
//! * `trace`: the trace events.
//! * `zoned`: zones; see the list there.
//! * `irq_mode`: the table of completion modes.
//! * `settings`: the settings of a device, and the module's parameters.
//! * `store`: data in memory, and a cache in front of it.
//! * `faults`: bad blocks and fault injection.
//! * `statistics`: counters of requests.
//! * `kept`: what a device keeps when it is powered off.
//! * `completion`: the completion modes, one file each.
//! * `request`: the way of a request.
//! * `device`: a device that is powered on.
//! * `control`: the directories in configfs, by which devices are configured.
//! * this file: the declaration of the parameters, loading and unloading.

mod completion;
mod control;
mod device;
mod faults;
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

/// Declares the module, with parameters from the table of settings.
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
                    description: "How many devices to make at load time",
                    perm: 0o444,
                },
                timeout: ParamString<80> {
                    default: ParamString::new(),
                    description: "Requests to lose: interval,probability,space,times",
                    perm: 0o444,
                },
                requeue: ParamString<80> {
                    default: ParamString::new(),
                    description: "Requests to give back: interval,probability,space,times",
                    perm: 0o444,
                },
                init_hctx: ParamString<80> {
                    default: ParamString::new(),
                    description: "Hardware queues to fail: interval,probability,space,times",
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

/// Dropped in the order of the fields: first nobody can make devices any more, then those go that
/// were made with the module. A directory in configfs keeps the module from being unloaded.
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

            // The subsystem comes last: a directory that somebody makes in it keeps the module
            // loaded, which must not fail to load any more at that point.
            Ok(try_pin_init!(Self {
                devices,
                subsystem <- control::subsystem(registry),
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
        let (retained, _) = Retained::new()?;
        let device = Device::power_on(registry, &mut config, &retained, None)?;
        devices.push(device, GFP_KERNEL)?;
    }
    Ok(devices)
}
