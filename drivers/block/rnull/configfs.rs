// SPDX-License-Identifier: GPL-2.0

//! Directories in configfs to configure devices with.
//!
//! `mkdir` makes a device that is powered off, writing to its attributes configures it, `power`
//! switches it on and off, and `rmdir` removes it.
//!
//! Lock order: `DeviceDir::state`, then the lock of the [`Registry`].

mod attributes;

use crate::{
    config::Config,
    device::Device,
    registry::Registry, //
};
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
        ArcBorrow,
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
    #[pin]
    state: Mutex<State>,
}

/// What the lock of a directory protects.
struct State {
    config: Config,
    /// The device, while it is powered on.
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
        let config = registry.defaults();
        let dir_name: CString = name.try_into()?;
        Ok(Group::new(
            name.try_into()?,
            attributes::item_type(),
            try_pin_init!(DeviceDir {
                registry,
                name: dir_name,
                state <- new_mutex!(State {
                    config,
                    device: None,
                }),
            }),
        ))
    }

    fn drop_item(&self, child: ArcBorrow<'_, Group<DeviceDir>>) {
        // Somebody may have a file of the directory open, and so keep it from being dropped.
        child.power_off();
    }
}

impl DeviceDir {
    /// Switches the device on, if it is off.
    fn power_on(&self) -> Result {
        let mut state = self.state.lock();
        if state.device.is_none() {
            let State { config, device } = &mut *state;
            *device = Some(Device::power_on(&self.registry, config, Some(&self.name))?);
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

    /// A setting.
    fn get<V>(&self, read: impl FnOnce(&Config) -> V) -> V {
        read(&self.state.lock().config)
    }

    /// Changes the setting called `attribute`, which can only be done while the device is off.
    ///
    /// One lock is held for both the test and the change, so that a device which is being switched
    /// on is not configured at the same time.
    fn set(&self, attribute: &str, write: impl FnOnce(&mut Config)) -> Result {
        let mut state = self.state.lock();
        if state.device.is_some() {
            pr_warn!(
                "{}: {} cannot be changed while the device is on\n",
                &*self.name,
                attribute
            );
            return Err(EBUSY);
        }
        write(&mut state.config);
        Ok(())
    }

    /// Reports that `text` is not a value of `attribute`.
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
