// SPDX-License-Identifier: GPL-2.0

//! The configfs interface.
//!
//! `mkdir` creates a device that is off. Its attributes configure the device, `power` switches it
//! on and off, and `rmdir` removes it.
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

/// The state that the lock of a directory protects.
struct State {
    config: Config,
    /// The device, while it is on. `rmdir` drops it with the directory, even if attributes are
    /// open.
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
            pr_warn!("a device with the name {} exists already\n", name);
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
    /// Powers the device on, unless it is on.
    fn power_on(&self) -> Result {
        let mut state = self.state.lock();
        if state.device.is_none() {
            let State { config, device } = &mut *state;
            let on = Device::power_on(&self.registry, config, &self.retained, Some(&self.name))
                .inspect_err(|&why| {
                    if why == ENOMEM {
                        pr_warn!("{}: not enough memory to power on\n", &*self.name);
                    }
                })?;
            *device = Some(on);
        }
        Ok(())
    }

    /// Powers the device off, if it is on. Waits for I/O in flight.
    fn power_off(&self) {
        self.state.lock().device = None;
    }

    /// Returns whether the device is on.
    fn is_on(&self) -> bool {
        self.state.lock().device.is_some()
    }

    /// Returns the value of a setting.
    fn get(&self, setting: &Setting) -> u64 {
        setting.get(&self.state.lock().config)
    }

    /// Changes a setting.
    ///
    /// The lock is held from the check to the change, so that the device is not powered on in
    /// between.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the device is on.
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
        setting.set(&mut state.config, value);
        Ok(())
    }

    /// Changes a number of hardware queues. If the device is on, waits for I/O in flight, and
    /// changes the hardware queues, too.
    ///
    /// # Errors
    ///
    /// If the device is on: `EINVAL` if it cannot have this number, `ENOMEM` if there is not enough
    /// memory.
    fn resize(&self, setting: &Setting, value: u64) -> Result {
        let mut state = self.state.lock();
        let mut config = state.config.clone();
        setting.set(&mut config, value);
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
                    pr_warn!("{}: not enough memory for {}\n", &*self.name, setting.name)
                })?;
        }
        state.config = config;
        Ok(())
    }

    /// Makes the zone fail that contains the sector with the number `text`.
    ///
    /// # Errors
    ///
    /// * `EOPNOTSUPP` if the kernel does not support zones.
    /// * `EINVAL`, whatever the text, if the device is not zoned or is off.
    /// * Those of [`Value::parse`], if the text is not a number.
    /// * `EINVAL` if there is no such zone, or if the zone is conventional.
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

    /// Logs that `text` is not a value of `attribute`. Returns `error`.
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
