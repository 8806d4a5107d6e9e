// SPDX-License-Identifier: GPL-2.0

//! The layout of the zones of a device, from its settings.

use super::state::Extent;
use crate::settings::Config;
use kernel::{
    block::{
        mq::ZonedLimits,
        SECTOR_SHIFT, //
    },
    prelude::*, //
};

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

impl Layout {
    /// Returns the layout of the zones of a zoned device.
    ///
    /// Replaces settings that stand for others or do not fit together, even if it fails afterwards.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the sizes do not fit together or the kernel does not support zones, `ENODEV` if
    /// a zone or the number of zones is too large; the kernel log has the reason.
    pub(crate) fn plan(config: &mut Config) -> Result<Self> {
        if !cfg!(CONFIG_BLK_DEV_ZONED) {
            pr_err!("CONFIG_BLK_DEV_ZONED not enabled\n");
            return Err(EINVAL);
        }
        check_sizes(config)?;

        let device_sectors = config.size.checked_mul(SECTORS_PER_MIB).ok_or(EINVAL)?;
        // Neither overflows, because neither is larger than the device.
        let zone_sectors = config.zone_size * SECTORS_PER_MIB;
        let capacity = config.zone_capacity * SECTORS_PER_MIB;
        let nr_zones = (device_sectors + zone_sectors - 1) >> zone_sectors.trailing_zeros();
        // The block layer does not support larger zones.
        let (Ok(zone_sectors), Ok(nr_zones)) = (zone_sectors.try_into(), nr_zones.try_into())
        else {
            pr_err!("zone_size too large or too small, or too many zones\n");
            return Err(ENODEV);
        };

        settle_conventional(config, nr_zones);
        settle_append(config, capacity);
        settle_limits(config, nr_zones - config.zone_nr_conv);

        Ok(Self {
            zone_sectors,
            nr_zones,
            nr_conv: config.zone_nr_conv,
            max_open: config.zone_max_open,
            max_active: config.zone_max_active,
            full: config.zone_full,
            capacity,
            device_sectors,
            append_max_sectors: config.zone_append_max_sectors,
        })
    }

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

/// Checks the sizes of the device and of its zones.
fn check_sizes(config: &mut Config) -> Result {
    let size = config.size;
    if !config.zone_size.is_power_of_two() {
        pr_err!("zone_size must be non-zero power-of-two\n");
        return Err(EINVAL);
    }
    if config.zone_size > size {
        pr_err!("Zone size larger than device capacity\n");
        return Err(EINVAL);
    }
    if config.zone_capacity == 0 {
        config.zone_capacity = config.zone_size;
    }
    if config.zone_capacity > config.zone_size {
        pr_err!(
            "zone capacity ({} MB) larger than zone size ({} MB)\n",
            config.zone_capacity,
            config.zone_size
        );
        return Err(EINVAL);
    }
    // No real device has both.
    if config.zone_capacity != config.zone_size && size & (config.zone_size - 1) != 0 {
        pr_err!("A smaller last zone is not allowed with zone capacity smaller than zone size.\n");
        return Err(EINVAL);
    }
    Ok(())
}

/// Leaves at least one sequential zone.
fn settle_conventional(config: &mut Config, nr_zones: u32) {
    if config.zone_nr_conv >= nr_zones {
        config.zone_nr_conv = nr_zones - 1;
        pr_info!(
            "changed the number of conventional zones to {}\n",
            config.zone_nr_conv
        );
    }
}

/// Rounds the largest zone append down to blocks, and to the capacity of a zone in sectors.
fn settle_append(config: &mut Config, capacity: u64) {
    let block_sectors = config.blocksize >> SECTOR_SHIFT;
    let aligned = config.zone_append_max_sectors & block_sectors.wrapping_neg();
    config.zone_append_max_sectors = aligned.min(capacity.try_into().unwrap_or(u32::MAX));
}

/// Removes limits that cannot be reached, and limits open zones to the limit of active ones.
fn settle_limits(config: &mut Config, nr_sequential: u32) {
    if config.zone_max_active >= nr_sequential {
        config.zone_max_active = 0;
        pr_info!("zone_max_active limit disabled, limit >= zone count\n");
    }
    if config.zone_max_active != 0 && config.zone_max_open > config.zone_max_active {
        config.zone_max_open = config.zone_max_active;
        pr_info!(
            "changed the maximum number of open zones to {}\n",
            config.zone_max_open
        );
    } else if config.zone_max_open >= nr_sequential {
        config.zone_max_open = 0;
        pr_info!("zone_max_open limit disabled, limit >= zone count\n");
    }
}

#[kunit_tests(rnull_zoned_layout)]
mod tests {
    use super::*;

    fn config(zone_size: u64) -> Config {
        Config {
            zone_size,
            ..Config::new()
        }
    }

    /// Lays out a device of `size` MiB with blocks of `blocksize` bytes.
    fn plan(config: &mut Config, size: u64, blocksize: u32) -> Result<Layout> {
        config.size = size;
        config.blocksize = blocksize;
        Layout::plan(config)
    }

    #[test]
    fn zone_sizes() {
        for size in [0, 3, 5, 257, u64::MAX] {
            assert_eq!(plan(&mut config(size), 1024, 512).err(), Some(EINVAL));
        }
        for size in [1, 2, 256, 1024] {
            assert_eq!(plan(&mut config(size), 1024, 512).err(), None);
        }
        assert_eq!(plan(&mut config(2048), 1024, 512).err(), Some(EINVAL));
        // The largest that fits 32 bits of sectors, and the next.
        assert_eq!(plan(&mut config(1 << 20), 1 << 22, 512).err(), None);
        assert_eq!(plan(&mut config(1 << 21), 1 << 22, 512).err(), Some(ENODEV));
        assert_eq!(plan(&mut config(1 << 53), 1 << 54, 512).err(), Some(EINVAL));
    }

    #[test]
    fn capacity() -> Result {
        let mut all = config(4);
        let layout = plan(&mut all, 16, 512)?;
        assert_eq!(all.zone_capacity, 4);
        assert_eq!(layout.extent(3).capacity, 8192);

        let with = |zone_capacity, size| {
            let mut config = config(4);
            config.zone_capacity = zone_capacity;
            plan(&mut config, size, 512)
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
    fn last_zone_is_the_remainder() -> Result {
        let layout = plan(&mut config(4), 17, 512)?;
        assert_eq!(layout.nr_zones, 5);
        let last = layout.extent(4);
        assert_eq!((last.start, last.len, last.capacity), (32768, 2048, 2048));
        let layout = plan(&mut config(4), 16, 512)?;
        assert_eq!(layout.nr_zones, 4);
        assert_eq!(layout.extent(3).len, 8192);
        Ok(())
    }

    #[test]
    fn one_zone_is_not_conventional() -> Result {
        for (given, settled) in [(0, 0), (3, 3), (4, 3), (u32::MAX, 3)] {
            let mut config = config(4);
            config.zone_nr_conv = given;
            let layout = plan(&mut config, 16, 512)?;
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
        let layout = plan(&mut config, 16, 512)?;
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
            let limits = plan(&mut config, 16, 512)?.limits();
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
            let limits = plan(&mut config, 16, blocksize)?.limits();
            assert_eq!(config.zone_append_max_sectors, settled);
            assert_eq!(limits.max_append_sectors, settled);
        }
        Ok(())
    }
}
