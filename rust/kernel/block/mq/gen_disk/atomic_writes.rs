// SPDX-License-Identifier: GPL-2.0

//! The limits of atomic writes.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h)

use crate::{
    bindings,
    block::SECTOR_SHIFT,
    prelude::*, //
};

/// The sizes of atomic writes, in bytes. See
/// [`GenDiskBuilder::atomic_writes`](super::GenDiskBuilder::atomic_writes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtomicWriteLimits {
    /// The size of the smallest atomic write: a power of two, and at least a logical block.
    pub unit_min: u32,
    /// The size of the largest atomic write: a power of two, and at least `unit_min`.
    pub unit_max: u32,
    /// The size of the largest request into which the block layer may merge atomic writes: at least
    /// `unit_max`, and no more than a zone.
    pub max: u32,
    /// A power of two, and at least `max`: no atomic write crosses a multiple of it. Zero means no
    /// boundary.
    pub boundary: u32,
}

impl AtomicWriteLimits {
    /// Rejects limits that the block layer would warn about, or silently drop.
    ///
    /// # Errors
    ///
    /// `EINVAL`.
    pub(super) fn validate(&self, limits: &bindings::queue_limits) -> Result {
        let block = limits.logical_block_size.max(1 << SECTOR_SHIFT);
        let zone_sectors = limits.chunk_sectors;
        let sizes = self.unit_min.is_power_of_two()
            && self.unit_max.is_power_of_two()
            && (block..=self.unit_max).contains(&self.unit_min)
            && self.max >= self.unit_max;
        // Zones and boundaries are powers of two, so the smaller one divides the other.
        let boundary =
            self.boundary == 0 || self.boundary.is_power_of_two() && self.boundary >= self.max;
        let zone = zone_sectors == 0 || self.max >> SECTOR_SHIFT <= zone_sectors;
        // The block layer computes the size of the largest request in 32 bits, and rounds it down
        // to a power of two, which is undefined for zero.
        let request = limits.max_hw_sectors <= u32::MAX >> SECTOR_SHIFT;
        if sizes && boundary && zone && request {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Copies the limits to those of the queue.
    pub(super) fn apply(&self, limits: &mut bindings::queue_limits) {
        limits.features |= bindings::BLK_FEAT_ATOMIC_WRITES;
        limits.atomic_write_hw_unit_min = self.unit_min;
        limits.atomic_write_hw_unit_max = self.unit_max;
        limits.atomic_write_hw_max = self.max;
        limits.atomic_write_hw_boundary = self.boundary;
    }
}

#[macros::kunit_tests(rust_block_atomic_write_limits)]
mod tests {
    use super::*;

    /// Checks limits of a disk with blocks of 4096 bytes, and zones of this many sectors.
    fn valid(unit_min: u32, unit_max: u32, max: u32, boundary: u32, zone_sectors: u32) -> bool {
        let limits = bindings::queue_limits {
            logical_block_size: 4096,
            chunk_sectors: zone_sectors,
            ..pin_init::zeroed()
        };
        let atomic = AtomicWriteLimits {
            unit_min,
            unit_max,
            max,
            boundary,
        };
        atomic.validate(&limits).is_ok()
    }

    #[test]
    fn units_are_powers_of_two_from_a_block_on() {
        assert!(valid(4096, 4096, 4096, 0, 0));
        assert!(valid(4096, 65536, 65536, 0, 0));
        assert!(valid(8192, 65536, 100_000, 0, 0));
        assert!(!valid(512, 65536, 65536, 0, 0));
        assert!(!valid(0, 65536, 65536, 0, 0));
        assert!(!valid(8192, 4096, 65536, 0, 0));
        assert!(!valid(4096, 12288, 65536, 0, 0));
        assert!(!valid(12288, 65536, 65536, 0, 0));
        assert!(!valid(4096, 65536, 32768, 0, 0));
    }

    #[test]
    fn requests_have_a_size_of_32_bits() {
        let atomic = AtomicWriteLimits {
            unit_min: 4096,
            unit_max: 65536,
            max: 65536,
            boundary: 0,
        };
        let valid = |max_hw_sectors| {
            let limits = bindings::queue_limits {
                max_hw_sectors,
                ..pin_init::zeroed()
            };
            atomic.validate(&limits).is_ok()
        };
        assert!(valid(0) && valid(u32::MAX >> 9));
        assert!(!valid(1 << 23) && !valid(u32::MAX));
    }

    #[test]
    fn boundaries_are_powers_of_two_from_the_maximum_on() {
        assert!(valid(4096, 65536, 65536, 65536, 0));
        assert!(valid(4096, 65536, 65536, 1 << 20, 0));
        assert!(!valid(4096, 65536, 65536, 32768, 0));
        assert!(!valid(4096, 65536, 65536, 3 << 16, 0));
        assert!(!valid(4096, 65536, 131_072, 65536, 0));
    }

    #[test]
    fn writes_fit_a_zone() {
        assert!(valid(4096, 65536, 65536, 1 << 20, 128));
        assert!(!valid(4096, 65536, 65536, 0, 64));
    }
}
