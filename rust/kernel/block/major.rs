// SPDX-License-Identifier: GPL-2.0

//! Block major numbers.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)

use crate::{
    bindings,
    error::to_result,
    prelude::*, //
};

/// A block major number, registered under a name in `/proc/devices` until it is dropped.
///
/// A disk with device numbers of its own (see
/// [`GenDiskBuilder::device_number`](super::mq::GenDiskBuilder::device_number)) needs one. Other
/// disks share the block layer's extended major.
///
/// # Invariants
///
/// `number` is registered under `name`, and this value alone unregisters it.
pub struct Major {
    number: u32,
    name: &'static CStr,
}

impl Major {
    /// The longest name, in bytes, without the null byte at its end.
    const NAME_LEN: usize = 15;

    /// Registers `name` under a free major number. May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` if no number is free, `ENOMEM` if there is no memory, `EINVAL` if the name has more
    /// than 15 bytes.
    pub fn register(name: &'static CStr) -> Result<Self> {
        // C truncates a longer name. Then unregistering, which compares the whole name, does not
        // find it.
        if name.to_bytes().len() > Self::NAME_LEN {
            return Err(EINVAL);
        }
        // SAFETY: `name` is null-terminated, and C copies it. There is no probe callback.
        let number = unsafe { bindings::__register_blkdev(0, name.as_char_ptr(), None) };
        to_result(number.min(0))?;
        // INVARIANT: The call above registered `number`, which is positive, under `name`.
        Ok(Self {
            number: number as u32,
            name,
        })
    }

    /// Returns the number.
    #[inline]
    pub fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for Major {
    fn drop(&mut self) {
        // SAFETY: By the type invariant `number` is registered under `name`.
        unsafe { bindings::unregister_blkdev(self.number, self.name.as_char_ptr()) };
    }
}
