// SPDX-License-Identifier: GPL-2.0

//! The settings of a device.

pub(crate) mod parse;

use kernel::prelude::*;

/// The settings of a device, by the names that they have in configfs.
///
/// These are plain values, as the user wrote them. What they mean together is worked out when the
/// device is powered on.
#[derive(Clone)]
pub(crate) struct Config {
    /// Capacity in MiB.
    pub(crate) size: u64,
    /// Logical and physical block size in bytes.
    pub(crate) blocksize: u32,
    /// How requests are completed; see [`IrqMode`].
    pub(crate) irqmode: u32,
    /// With a timer: how long a request takes, in nanoseconds.
    pub(crate) completion_nsec: u64,
    /// Number of the device. Set when it is powered on.
    pub(crate) index: u32,
}

/// How requests are completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum IrqMode {
    /// At once, in the context of the submitter.
    None,
    /// In a softirq, on a CPU that suits the submitter.
    Softirq,
    /// By a timer.
    Timer,
}

impl Config {
    /// Puts values in place of those that stand for others, as is done when a device is powered on.
    pub(crate) fn normalize(&mut self) {
        self.irqmode = self.irqmode.min(IrqMode::Timer as u32);
    }

    /// The completion mode. Numbers above the last stand for the last.
    pub(crate) fn irq_mode(&self) -> IrqMode {
        match self.irqmode {
            0 => IrqMode::None,
            1 => IrqMode::Softirq,
            _ => IrqMode::Timer,
        }
    }

    /// The capacity in sectors.
    ///
    /// # Errors
    ///
    /// `EINVAL` if that is more than a block device can have.
    pub(crate) fn capacity_sectors(&self) -> Result<u64> {
        self.size
            .checked_mul(1 << (20 - kernel::block::SECTOR_SHIFT))
            .ok_or(EINVAL)
    }
}

#[kunit_tests(rnull_config)]
mod tests {
    use super::*;

    const CONFIG: Config = Config {
        size: 1,
        blocksize: 512,
        irqmode: 0,
        completion_nsec: 0,
        index: 0,
    };

    fn sectors(size: u64) -> Result<u64> {
        Config { size, ..CONFIG }.capacity_sectors()
    }

    #[test]
    fn capacity_is_in_mib() {
        assert_eq!(sectors(0), Ok(0));
        assert_eq!(sectors(1), Ok(2048));
        assert_eq!(sectors(250 * 1024), Ok(250 * 1024 * 2048));
    }

    #[test]
    fn capacity_does_not_wrap() {
        assert_eq!(sectors(u64::MAX / 2048), Ok(u64::MAX / 2048 * 2048));
        assert_eq!(sectors(u64::MAX / 2048 + 1), Err(EINVAL));
        assert_eq!(sectors(u64::MAX), Err(EINVAL));
    }

    #[test]
    fn irqmode_is_normalized() {
        for (given, irqmode) in [(0, 0), (1, 1), (2, 2), (3, 2), (u32::MAX, 2)] {
            let mut config = Config {
                irqmode: given,
                ..CONFIG
            };
            config.normalize();
            assert_eq!(config.irqmode, irqmode);
        }
    }

    #[test]
    fn irqmode_is_clamped() {
        let mode = |irqmode| Config { irqmode, ..CONFIG }.irq_mode();
        assert_eq!(mode(0), IrqMode::None);
        assert_eq!(mode(1), IrqMode::Softirq);
        assert_eq!(mode(2), IrqMode::Timer);
        assert_eq!(mode(3), IrqMode::Timer);
        assert_eq!(mode(u32::MAX), IrqMode::Timer);
    }
}
