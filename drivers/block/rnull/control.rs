// SPDX-License-Identifier: GPL-2.0

//! Directories in configfs to configure devices with.
//!
//! `mkdir` makes a device that is powered off, writing to its attributes configures it, `power`
//! switches it on and off, and `rmdir` removes it.
//!
//! Lock order: `DeviceDir::state`, then the lock of the [`Registry`].

mod attributes;

use crate::{
    device::{
        registry::Registry,
        Device, //
    },
    retained::Retained,
    settings::{
        parse::Value,
        Config,
        Machine, //
    },
    zoned::Failure, //
};
use attributes::Setting;
use kernel::{
    configfs::{
        self,
        Group,
        GroupOperations,
        Subsystem, //
    },
    configfs_attrs, new_mutex,
    prelude::*,
    str::CString,
    sync::{
        Arc,
        Mutex, //
    },
};

/// The directory `rnull`.
pub(crate) struct Root {
    registry: Arc<Registry>,
}

/// The directory of a device.
#[pin_data]
pub(crate) struct DeviceDir {
    registry: Arc<Registry>,
    name: CString,
    retained: Arc<Retained>,
    #[pin]
    state: Mutex<State>,
}

/// What the lock of a directory protects.
struct State {
    config: Config,
    /// The device, while it is powered on. It goes with the directory: configfs drops that in
    /// `rmdir`, as open files do not keep it.
    device: Option<Device>,
}

/// Returns an initializer for the subsystem `rnull`.
pub(crate) fn subsystem(registry: Arc<Registry>) -> impl PinInit<Subsystem<Root>, Error> {
    let item_type = configfs_attrs! {
        container: configfs::Subsystem<Root>,
        data: Root,
        child: DeviceDir,
        attributes: [
            features: 0,
        ],
    };

    Subsystem::new(c"rnull", item_type, Ok::<_, Error>(Root { registry }))
}

#[vtable]
impl GroupOperations for Root {
    type Child = DeviceDir;

    fn make_group(&self, name: &CStr) -> Result<impl PinInit<Group<DeviceDir>, Error>> {
        if self.registry.has_name(name) {
            pr_warn!("there is a device with the name {} already\n", name);
            return Err(EEXIST);
        }

        let registry = self.registry.clone();
        let config = Config::new();
        let (retained, groups) = Retained::new()?;
        let dir_name: CString = name.try_into()?;
        Ok(Group::with_default_groups(
            name.try_into()?,
            attributes::item_type(),
            groups,
            try_pin_init!(DeviceDir {
                registry,
                name: dir_name,
                retained,
                state <- new_mutex!(State {
                    config,
                    device: None,
                }),
            }),
        ))
    }
}

impl DeviceDir {
    /// Switches the device on, if it is off.
    fn power_on(&self) -> Result {
        let mut state = self.state.lock();
        if state.device.is_none() {
            let State { config, device } = &mut *state;
            let on = Device::power_on(&self.registry, config, &self.retained, Some(&self.name))
                .inspect_err(|&why| {
                    if why == ENOMEM {
                        pr_warn!("{}: not enough memory\n", &*self.name);
                    }
                })?;
            *device = Some(on);
        }
        Ok(())
    }

    /// Switches the device off, if it is on.
    fn power_off(&self) {
        self.state.lock().device = None;
    }

    /// Whether the device is on.
    fn is_on(&self) -> bool {
        self.state.lock().device.is_some()
    }

    /// The value of a setting.
    fn get(&self, setting: &Setting) -> u64 {
        (setting.get)(&self.state.lock().config)
    }

    /// Changes a setting, which can only be done while the device is off.
    ///
    /// One lock is held for both the test and the change, so that a device which is being switched
    /// on is not configured at the same time.
    fn set(&self, setting: &Setting, value: u64) -> Result {
        let mut state = self.state.lock();
        if state.device.is_some() {
            pr_warn!(
                "{}: {} cannot be changed while the device is on\n",
                &*self.name,
                setting.name
            );
            return Err(EBUSY);
        }
        (setting.set)(&mut state.config, value);
        Ok(())
    }

    /// Changes a number of hardware queues, of the device, too, if it is on.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the device is on and can't have so many, `ENOMEM` if there is not enough memory.
    fn resize(&self, setting: &Setting, value: u64) -> Result {
        let mut state = self.state.lock();
        let mut config = state.config.clone();
        (setting.set)(&mut config, value);
        if let Some(device) = &state.device {
            if let Err(why) = config.may_resize(&Machine::this()) {
                pr_warn!(
                    "{}: {} cannot be changed: {}\n",
                    &*self.name,
                    setting.name,
                    why
                );
                return Err(EINVAL);
            }
            device
                .resize(config.submit_queues, config.poll_queues)
                .inspect_err(|_| {
                    pr_warn!("{}: no memory for so many {}\n", &*self.name, setting.name)
                })?;
        }
        state.config = config;
        Ok(())
    }

    /// Makes the zone with the sector `text` fail.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` if the kernel knows no zones; `EINVAL` if there is no such zone, or the device
    /// is off, whatever the text; as for a setting if the text is no number.
    fn fail_zone(&self, attribute: &str, text: &[u8], how: Failure) -> Result {
        if !cfg!(CONFIG_BLK_DEV_ZONED) {
            pr_err!("CONFIG_BLK_DEV_ZONED not enabled\n");
            return Err(EOPNOTSUPP);
        }
        let state = self.state.lock();
        if !state.config.zoned {
            pr_err!("{}: device is not zoned\n", &*self.name);
            return Err(EINVAL);
        }
        let Some(device) = &state.device else {
            pr_err!("{}: device is not yet powered\n", &*self.name);
            return Err(EINVAL);
        };
        let sector = Value::parse(text).map_err(|e| self.refuse(attribute, text, e))?;
        device.fail_zone(sector, how)
    }

    /// Reports that `text` is not a value of `attribute`.
    #[cold]
    #[inline(never)]
    fn refuse(&self, attribute: &str, text: &[u8], error: Error) -> Error {
        pr_warn!(
            "{}: {} cannot be set to \"{}\"\n",
            &*self.name,
            attribute,
            kernel::str::BStr::from_bytes(text.trim_ascii())
        );
        error
    }
}
