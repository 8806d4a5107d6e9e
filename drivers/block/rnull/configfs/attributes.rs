// SPDX-License-Identifier: GPL-2.0

//! The files in the directories.

use super::{
    DeviceDir,
    Root, //
};
use crate::config::parse::Value;
use kernel::{
    configfs::{
        self,
        AttributeOperations,
        Group,
        ItemType, //
    },
    configfs_attrs,
    fmt::{
        self,
        Write, //
    },
    page::PAGE_SIZE,
    prelude::*,
    str::Formatter, //
};

/// Writes `value` and a newline to `page`.
fn show(page: &mut [u8; PAGE_SIZE], value: impl fmt::Display) -> Result<usize> {
    let mut writer = Formatter::new(page);
    writer.write_fmt(fmt!("{}\n", value))?;
    Ok(writer.bytes_written())
}

/// Makes the files of a device's directory: a row for each, in the order of their names.
///
/// A row is a number of its own, the name of the file, and its kind. A `setting` is the field of that
/// name in [`Config`](crate::config::Config). What an `own` file does is written below.
macro_rules! attributes {
    ($($id:literal => $name:ident: $kind:ident,)*) => {
        /// The names of all files, in order.
        const FEATURES: &[&str] = &[$(stringify!($name)),*];

        /// The type of a device's directory.
        pub(super) fn item_type() -> &'static ItemType<Group<DeviceDir>, DeviceDir> {
            configfs_attrs! {
                container: configfs::Group<DeviceDir>,
                data: DeviceDir,
                attributes: [
                    $($name: $id,)*
                ],
            }
        }

        $(attributes!(@$kind $id $name);)*
    };
    (@setting $id:literal $name:ident) => {
        #[vtable]
        impl AttributeOperations<$id> for DeviceDir {
            type Data = DeviceDir;

            fn show(this: &DeviceDir, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
                show(page, this.get(|config| config.$name))
            }

            fn store(this: &DeviceDir, text: &[u8]) -> Result {
                let name = stringify!($name);
                let value = Value::parse(text).map_err(|e| this.refuse(name, text, e))?;
                this.set(name, |config| config.$name = value)
            }
        }
    };
    (@own $id:literal $name:ident) => {};
}

attributes! {
    0 => blocksize: setting,
    1 => completion_nsec: setting,
    2 => index: setting,
    3 => irqmode: setting,
    4 => power: own,
    5 => size: setting,
}

/// `power`: whether the device is there.
#[vtable]
impl AttributeOperations<4> for DeviceDir {
    type Data = DeviceDir;

    fn show(this: &DeviceDir, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
        show(page, u8::from(this.is_on()))
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

/// `features`: the names of the files in a device's directory, for scripts to find out what there
/// is.
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
