// SPDX-License-Identifier: GPL-2.0

//! The attributes in the configfs directories.

use super::{
    DeviceDir,
    Root, //
};
use crate::{
    faults::bad_blocks,
    settings::{
        parse::Value,
        table::settings,
        Config, //
    },
    zoned::Failure, //
};
use kernel::{
    configfs::{
        self,
        AttributeOperations,
        Group,
        ItemType, //
    },
    configfs_attrs,
    fmt::Write,
    page::PAGE_SIZE,
    prelude::*,
    str::Formatter, //
};

/// The time at which a setting can be changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// While the device is off.
    Off,
    /// At any time. If the device is on, its hardware queues change, too.
    Live,
}

/// A setting of any type. Its value is converted to and from a number.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) when: When,
    parse: fn(&[u8]) -> Result<u64>,
    id: Id,
}

/// Writes `value` and a newline to `page`. Returns the number of bytes.
fn show(page: &mut [u8; PAGE_SIZE], value: u64) -> Result<usize> {
    let mut writer = Formatter::new(page);
    writer.write_fmt(fmt!("{value}\n"))?;
    Ok(writer.bytes_written())
}

impl DeviceDir {
    // Not inlined, so that all settings share these functions.

    #[inline(never)]
    fn show_setting(&self, setting: &Setting, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
        show(page, self.get(setting))
    }

    #[inline(never)]
    fn store_setting(&self, setting: &Setting, text: &[u8]) -> Result {
        let value = (setting.parse)(text).map_err(|e| self.refuse(setting.name, text, e))?;
        match setting.when {
            When::Off => self.set(setting, value),
            When::Live => self.resize(setting, value),
        }
    }
}

/// Defines the attributes of a device's directory from the table of settings.
macro_rules! make_attributes {
    ($(
        $name:ident: $type:ident $(= $start:expr)? $(, $when:ident
            $(($param:ident: $param_type:ty = $default:expr, $description:literal))?)?;
    )*) => {
        /// The names of all attributes, in order.
        const FEATURES: &[&str] = &[$(stringify!($name)),*];

        /// The numbers of the attributes, which are their types for configfs.
        #[expect(non_camel_case_types, reason = "these are the names of attributes")]
        #[derive(Clone, Copy)]
        enum Id {
            $($name),*
        }

        // One function for all settings is smaller than one for each. No `Setting` has the `Id` of
        // an `own` attribute.
        impl Setting {
            /// Returns the value of the setting.
            pub(super) fn get(&self, config: &Config) -> u64 {
                match self.id {
                    $(Id::$name => make_attributes!(@get config $name $type),)*
                }
            }

            /// Changes the value of the setting.
            pub(super) fn set(&self, config: &mut Config, value: u64) {
                match self.id {
                    $(Id::$name => make_attributes!(@set config $name $type value),)*
                }
            }
        }

        /// Returns the type of a device's directory.
        pub(super) fn item_type() -> &'static ItemType<Group<DeviceDir>, DeviceDir> {
            configfs_attrs! {
                container: configfs::Group<DeviceDir>,
                data: DeviceDir,
                attributes: [
                    $($name: { Id::$name as u64 },)*
                ],
            }
        }

        $(make_attributes!(@attribute $name $type $($when)?);)*
    };
    (@get $config:ident $name:ident own) => {
        0
    };
    (@get $config:ident $name:ident $type:ident) => {
        $config.$name.into()
    };
    (@set $config:ident $name:ident own $value:ident) => {
        ()
    };
    (@set $config:ident $name:ident $type:ident $value:ident) => {
        $config.$name = $type::from_number($value)
    };
    (@attribute $name:ident own) => {};
    (@attribute $name:ident $type:ident off) => {
        make_attributes!(@setting $name $type Off);
    };
    (@attribute $name:ident $type:ident live) => {
        make_attributes!(@setting $name $type Live);
    };
    (@setting $name:ident $type:ident $when:ident) => {
        #[vtable]
        impl AttributeOperations<{ Id::$name as u64 }> for DeviceDir {
            type Data = DeviceDir;

            #[inline(always)]
            fn show(this: &DeviceDir, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
                this.show_setting(make_attributes!(@row $name $type $when), page)
            }

            #[inline(always)]
            fn store(this: &DeviceDir, text: &[u8]) -> Result {
                this.store_setting(make_attributes!(@row $name $type $when), text)
            }
        }
    };
    (@row $name:ident $type:ident $when:ident) => {
        const {
            &Setting {
                name: stringify!($name),
                when: When::$when,
                parse: |text| $type::parse(text).map(u64::from),
                id: Id::$name,
            }
        }
    };
}

settings!(make_attributes);

/// `badblocks`: the sectors that cannot be read or written.
#[vtable]
impl AttributeOperations<{ Id::badblocks as u64 }> for DeviceDir {
    type Data = DeviceDir;

    fn show(this: &DeviceDir, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
        this.retained.bad_blocks.show(page)
    }

    fn store(this: &DeviceDir, text: &[u8]) -> Result {
        bad_blocks::store(&this.retained.bad_blocks, text)
            .map_err(|e| this.refuse("badblocks", text, e))
    }
}

/// `power`: 1 while the device is on. Writing it powers the device on or off.
#[vtable]
impl AttributeOperations<{ Id::power as u64 }> for DeviceDir {
    type Data = DeviceDir;

    fn show(this: &DeviceDir, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
        show(page, this.is_on().into())
    }

    fn store(this: &DeviceDir, text: &[u8]) -> Result {
        if bool::parse(text).map_err(|e| this.refuse("power", text, e))? {
            this.power_on()
        } else {
            this.power_off();
            Ok(())
        }
    }
}

/// `zone_offline`: writing a sector makes its zone offline.
#[vtable]
impl AttributeOperations<{ Id::zone_offline as u64 }> for DeviceDir {
    type Data = DeviceDir;

    fn store(this: &DeviceDir, text: &[u8]) -> Result {
        this.fail_zone("zone_offline", text, Failure::Offline)
    }
}

/// `zone_readonly`: writing a sector makes its zone read-only.
#[vtable]
impl AttributeOperations<{ Id::zone_readonly as u64 }> for DeviceDir {
    type Data = DeviceDir;

    fn store(this: &DeviceDir, text: &[u8]) -> Result {
        this.fail_zone("zone_readonly", text, Failure::ReadOnly)
    }
}

/// `features`: the names of all attributes of a device's directory, for scripts.
#[vtable]
impl AttributeOperations<0> for Root {
    type Data = Root;

    fn show(_: &Root, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
        let mut writer = Formatter::new(page);
        for (i, name) in FEATURES.iter().enumerate() {
            if i > 0 {
                writer.write_str(",")?;
            }
            writer.write_str(name)?;
        }
        writer.write_str("\n")?;
        Ok(writer.bytes_written())
    }
}
