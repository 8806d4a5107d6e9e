// SPDX-License-Identifier: GPL-2.0

//! The settings of a zoned device, and the layout of its zones.

use super::state::Extent;
use kernel::{
    block::{
        mq::ZonedLimits,
        SECTOR_SHIFT, //
    },
    prelude::*, //
};

/// The settings of a zoned device, with their names in configfs.
#[derive(Clone)]
pub(crate) struct ZoneConfig {
    /// The size of a zone in MiB.
    pub(crate) zone_size: u64,
    /// The size of the writable part of a zone in MiB. Zero: all of it.
    pub(crate) zone_capacity: u64,
    /// The number of conventional zones.
    pub(crate) zone_nr_conv: u32,
    /// The limit of open zones. Zero: none.
    pub(crate) zone_max_open: u32,
    /// The limit of active zones. Zero: none.
    pub(crate) zone_max_active: u32,
    /// The size of the largest zone append in sectors. Zero: the block layer emulates zone append.
    pub(crate) zone_append_max_sectors: u32,
    /// True if all sequential zones are full at power-on.
    pub(crate) zone_full: bool,
}

/// The layout of the zones of a device.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub(super) zone_sectors: u32,
    pub(super) nr_zones: u32,
    pub(super) nr_conv: u32,
    pub(super) max_open: u32,
    pub(super) max_active: u32,
    pub(super) full: bool,
    capacity: u64,
    device_sectors: u64,
    append_max_sectors: u32,
}

/// The number of sectors in a MiB.
const SECTORS_PER_MIB: u64 = 1 << (20 - SECTOR_SHIFT);

impl Default for ZoneConfig {
    fn default() -> Self {
        Self {
            zone_size: 256,
            zone_capacity: 0,
            zone_nr_conv: 0,
            zone_max_open: 0,
            zone_max_active: 0,
            zone_append_max_sectors: i32::MAX as u32,
            zone_full: false,
        }
    }
}

impl ZoneConfig {
    /// Checks the settings that power-on checks first, as null_blk does.
    pub(crate) fn validate(&self) -> Result {
        if !self.zone_size.is_power_of_two() {
            pr_err!("zone_size must be power-of-two\n");
            return Err(EINVAL);
        }
        Ok(())
    }

    /// Returns the layout of a device of `size` MiB with blocks of `blocksize` bytes.
    ///
    /// Replaces values that stand for others or do not fit together, even if it fails afterwards.
    pub(crate) fn plan(&mut self, size: u64, blocksize: u32) -> Result<Layout> {
        if !cfg!(CONFIG_BLK_DEV_ZONED) {
            pr_err!("CONFIG_BLK_DEV_ZONED not enabled\n");
            return Err(EINVAL);
        }
        self.check_sizes(size)?;

        let device_sectors = size.checked_mul(SECTORS_PER_MIB).ok_or(EINVAL)?;
        // Neither overflows, because neither is larger than the device.
        let zone_sectors = self.zone_size * SECTORS_PER_MIB;
        let capacity = self.zone_capacity * SECTORS_PER_MIB;
        let nr_zones = (device_sectors + zone_sectors - 1) >> zone_sectors.trailing_zeros();
        // The block layer does not support larger zones.
        let (Ok(zone_sectors), Ok(nr_zones)) = (zone_sectors.try_into(), nr_zones.try_into())
        else {
            pr_err!("zone_size too large or too small, or too many zones\n");
            return Err(ENODEV);
        };

        self.settle_conventional(nr_zones);
        self.settle_append(blocksize, capacity);
        self.settle_limits(nr_zones - self.zone_nr_conv);

        Ok(Layout {
            zone_sectors,
            nr_zones,
            nr_conv: self.zone_nr_conv,
            max_open: self.zone_max_open,
            max_active: self.zone_max_active,
            full: self.zone_full,
            capacity,
            device_sectors,
            append_max_sectors: self.zone_append_max_sectors,
        })
    }

    fn check_sizes(&mut self, size: u64) -> Result {
        if !self.zone_size.is_power_of_two() {
            pr_err!("zone_size must be non-zero power-of-two\n");
            return Err(EINVAL);
        }
        if self.zone_size > size {
            pr_err!("Zone size larger than device capacity\n");
            return Err(EINVAL);
        }
        if self.zone_capacity == 0 {
            self.zone_capacity = self.zone_size;
        }
        if self.zone_capacity > self.zone_size {
            pr_err!(
                "zone capacity ({} MB) larger than zone size ({} MB)\n",
                self.zone_capacity,
                self.zone_size
            );
            return Err(EINVAL);
        }
        // No real device has both.
        if self.zone_capacity != self.zone_size && size & (self.zone_size - 1) != 0 {
            pr_err!(
                "A smaller last zone is not allowed with zone capacity smaller than zone size.\n"
            );
            return Err(EINVAL);
        }
        Ok(())
    }

    /// Leaves at least one sequential zone.
    fn settle_conventional(&mut self, nr_zones: u32) {
        if self.zone_nr_conv >= nr_zones {
            self.zone_nr_conv = nr_zones - 1;
            pr_info!(
                "changed the number of conventional zones to {}\n",
                self.zone_nr_conv
            );
        }
    }

    /// Rounds the largest zone append down to blocks, and to the capacity of a zone in sectors.
    fn settle_append(&mut self, blocksize: u32, capacity: u64) {
        let block_sectors = blocksize >> SECTOR_SHIFT;
        let aligned = self.zone_append_max_sectors & block_sectors.wrapping_neg();
        self.zone_append_max_sectors = aligned.min(capacity.try_into().unwrap_or(u32::MAX));
    }

    /// Removes limits that cannot be reached, and limits open zones to the limit of active ones.
    fn settle_limits(&mut self, nr_sequential: u32) {
        if self.zone_max_active >= nr_sequential {
            self.zone_max_active = 0;
            pr_info!("zone_max_active limit disabled, limit >= zone count\n");
        }
        if self.zone_max_active != 0 && self.zone_max_open > self.zone_max_active {
            self.zone_max_open = self.zone_max_active;
            pr_info!(
                "changed the maximum number of open zones to {}\n",
                self.zone_max_open
            );
        } else if self.zone_max_open >= nr_sequential {
            self.zone_max_open = 0;
            pr_info!("zone_max_open limit disabled, limit >= zone count\n");
        }
    }
}

impl Layout {
    /// Returns the position, the size and the type of the zone with this number.
    pub(super) fn extent(&self, number: u32) -> Extent {
        let start = u64::from(number) * u64::from(self.zone_sectors);
        let conventional = number < self.nr_conv;
        let len = u64::from(self.zone_sectors).min(self.device_sectors - start);
        let capacity = if conventional {
            len
        } else {
            len.min(self.capacity)
        };
        Extent {
            start,
            len,
            capacity,
            conventional,
        }
    }

    /// Returns the kind of zone append, for a message: by the device, or by the block layer.
    pub(super) fn append_kind(&self) -> &'static str {
        if self.append_max_sectors == 0 {
            "emulated"
        } else {
            "native"
        }
    }

    /// Returns the limits for the block layer.
    pub(crate) fn limits(&self) -> ZonedLimits {
        ZonedLimits {
            zone_sectors: self.zone_sectors,
            max_open_zones: self.max_open,
            max_active_zones: self.max_active,
            max_append_sectors: self.append_max_sectors,
        }
    }
}

#[kunit_tests(rnull_zoned_config)]
mod tests {
    use super::*;

    fn config(zone_size: u64) -> ZoneConfig {
        ZoneConfig {
            zone_size,
            ..ZoneConfig::default()
        }
    }

    #[test]
    fn zone_sizes() {
        for size in [0, 3, 5, 257, u64::MAX] {
            assert_eq!(config(size).validate(), Err(EINVAL));
            assert_eq!(config(size).plan(1024, 512).err(), Some(EINVAL));
        }
        for size in [1, 2, 256, 1024] {
            assert_eq!(config(size).validate(), Ok(()));
            assert_eq!(config(size).plan(1024, 512).err(), None);
        }
        assert_eq!(config(2048).plan(1024, 512).err(), Some(EINVAL));
        // The largest that fits 32 bits of sectors, and the next.
        assert_eq!(config(1 << 20).plan(1 << 22, 512).err(), None);
        assert_eq!(config(1 << 21).plan(1 << 22, 512).err(), Some(ENODEV));
        assert_eq!(config(1 << 53).plan(1 << 54, 512).err(), Some(EINVAL));
    }

    #[test]
    fn capacity() -> Result {
        let mut all = config(4);
        let layout = all.plan(16, 512)?;
        assert_eq!(all.zone_capacity, 4);
        assert_eq!(layout.extent(3).capacity, 8192);

        let with = |zone_capacity, size| {
            let mut config = config(4);
            config.zone_capacity = zone_capacity;
            config.plan(size, 512)
        };
        assert_eq!(with(3, 16)?.extent(1).capacity, 3 * 2048);
        assert_eq!(with(4, 16)?.extent(1).capacity, 4 * 2048);
        assert_eq!(with(5, 16).err(), Some(EINVAL));
        // A smaller last zone does not allow a smaller capacity.
        assert_eq!(with(3, 17).err(), Some(EINVAL));
        assert_eq!(with(4, 17).err(), None);
        Ok(())
    }

    #[test]
    fn last_zone_is_what_is_left() -> Result {
        let layout = config(4).plan(17, 512)?;
        assert_eq!(layout.nr_zones, 5);
        let last = layout.extent(4);
        assert_eq!((last.start, last.len, last.capacity), (32768, 2048, 2048));
        let layout = config(4).plan(16, 512)?;
        assert_eq!(layout.nr_zones, 4);
        assert_eq!(layout.extent(3).len, 8192);
        Ok(())
    }

    #[test]
    fn one_zone_is_not_conventional() -> Result {
        for (given, settled) in [(0, 0), (3, 3), (4, 3), (u32::MAX, 3)] {
            let mut config = config(4);
            config.zone_nr_conv = given;
            let layout = config.plan(16, 512)?;
            assert_eq!(config.zone_nr_conv, settled);
            assert_eq!(layout.nr_conv, settled);
            assert!(!layout.extent(3).conventional);
            assert_eq!(layout.extent(0).conventional, settled > 0);
        }
        Ok(())
    }

    #[test]
    fn conventional_zones_have_no_smaller_capacity() -> Result {
        let mut config = config(4);
        config.zone_capacity = 1;
        config.zone_nr_conv = 1;
        let layout = config.plan(16, 512)?;
        assert_eq!(layout.extent(0).capacity, 8192);
        assert_eq!(layout.extent(1).capacity, 2048);
        Ok(())
    }

    #[test]
    fn limits_can_be_reached() -> Result {
        // Of four zones, three are sequential.
        for (open, active, settled_open, settled_active) in [
            (0, 0, 0, 0),
            (2, 0, 2, 0),
            (3, 0, 0, 0),
            (0, 2, 0, 2),
            (0, 3, 0, 0),
            (2, 1, 1, 1),
            (1, 2, 1, 2),
            (u32::MAX, 2, 2, 2),
            (u32::MAX, u32::MAX, 0, 0),
        ] {
            let mut config = config(4);
            config.zone_nr_conv = 1;
            config.zone_max_open = open;
            config.zone_max_active = active;
            let limits = config.plan(16, 512)?.limits();
            assert_eq!(config.zone_max_open, settled_open);
            assert_eq!(config.zone_max_active, settled_active);
            assert_eq!(limits.max_open_zones, settled_open);
            assert_eq!(limits.max_active_zones, settled_active);
        }
        Ok(())
    }

    #[test]
    fn appends_are_blocks_and_fit_a_zone() -> Result {
        for (given, blocksize, settled) in [
            (0, 512, 0),
            (1, 512, 1),
            (7, 4096, 0),
            (15, 4096, 8),
            (8192, 512, 8192),
            (8193, 512, 8192),
            (i32::MAX as u32, 4096, 8192),
            (u32::MAX, 512, 8192),
        ] {
            let mut config = config(4);
            config.zone_append_max_sectors = given;
            let limits = config.plan(16, blocksize)?.limits();
            assert_eq!(config.zone_append_max_sectors, settled);
            assert_eq!(limits.max_append_sectors, settled);
        }
        Ok(())
    }
}
