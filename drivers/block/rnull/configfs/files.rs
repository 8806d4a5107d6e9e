// SPDX-License-Identifier: GPL-2.0

//! The files in the directories.

use super::{
    DeviceDir,
    Root, //
};
use crate::{
    config::{
        parse::Value,
        settings::settings, //
    },
    faults::bad_blocks,
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
    fmt::{
        self,
        Write, //
    },
    page::PAGE_SIZE,
    prelude::*,
    str::Formatter, //
};

/// A value as it is shown.
trait Shown: Copy {
    type As: fmt::Display;

    fn shown(self) -> Self::As;
}

impl Shown for u32 {
    type As = u32;

    fn shown(self) -> u32 {
        self
    }
}

impl Shown for u64 {
    type As = u64;

    fn shown(self) -> u64 {
        self
    }
}

impl Shown for bool {
    type As = u32;

    fn shown(self) -> u32 {
        self.into()
    }
}

/// Writes `value` and a newline to `page`.
fn show(page: &mut [u8; PAGE_SIZE], value: impl Shown) -> Result<usize> {
    let mut writer = Formatter::new(page);
    writer.write_fmt(fmt!("{}\n", value.shown()))?;
    Ok(writer.bytes_written())
}

/// Makes the files of a device's directory out of the table of settings.
macro_rules! make_files {
    (
        $(
            $id:literal => $name:ident: $kind:ident
                $(= $default:expr, $when:ident $($apply:ident)?)?;
        )*
    ) => {
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

        $(make_files!(@file $id $name $kind $($when $($apply)?)?);)*
    };
    (@file $id:literal $name:ident own) => {};
    (@file $id:literal $name:ident $type:ident off) => {
        make_files!(@setting $id $name, this, value => {
            this.set(stringify!($name), |config| config.$name = value)
        });
    };
    (@file $id:literal $name:ident $type:ident live $apply:ident) => {
        make_files!(@setting $id $name, this, value => this.$apply(value));
    };
    (@setting $id:literal $name:ident, $this:ident, $value:ident => $set:expr) => {
        #[vtable]
        impl AttributeOperations<$id> for DeviceDir {
            type Data = DeviceDir;

            fn show(this: &DeviceDir, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
                show(page, this.get(|config| config.$name))
            }

            fn store($this: &DeviceDir, text: &[u8]) -> Result {
                let $value =
                    Value::parse(text).map_err(|e| $this.refuse(stringify!($name), text, e))?;
                $set
            }
        }
    };
}

settings!(make_files);

/// `badblocks`: sectors that can't be read or written.
#[vtable]
impl AttributeOperations<0> for DeviceDir {
    type Data = DeviceDir;

    fn show(this: &DeviceDir, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
        this.kept.bad_blocks.show(page)
    }

    fn store(this: &DeviceDir, text: &[u8]) -> Result {
        bad_blocks::store(&this.kept.bad_blocks, text)
            .map_err(|e| this.refuse("badblocks", text, e))
    }
}

/// `power`: whether the device is there.
#[vtable]
impl AttributeOperations<18> for DeviceDir {
    type Data = DeviceDir;

    fn show(this: &DeviceDir, page: &mut [u8; PAGE_SIZE]) -> Result<usize> {
        show(page, this.is_on())
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

/// `zone_offline`: makes the zone with a sector fail for good.
#[vtable]
impl AttributeOperations<33> for DeviceDir {
    type Data = DeviceDir;

    fn store(this: &DeviceDir, text: &[u8]) -> Result {
        this.fail_zone("zone_offline", text, Failure::Offline)
    }
}

/// `zone_readonly`: makes writes to the zone with a sector fail for good.
#[vtable]
impl AttributeOperations<34> for DeviceDir {
    type Data = DeviceDir;

    fn store(this: &DeviceDir, text: &[u8]) -> Result {
        this.fail_zone("zone_readonly", text, Failure::ReadOnly)
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
