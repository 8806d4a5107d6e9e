// SPDX-License-Identifier: GPL-2.0

//! Checks of the limits of a device.
//!
//! The block layer refuses some wrong values without a message, or with a stack trace. It replaces
//! others by values that the user did not ask for.

use super::{
    Config,
    IrqMode,
    MIB_SHIFT, //
};
use kernel::{
    block::{
        SECTOR_SHIFT,
        SECTOR_SIZE, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};

/// The block layer's limits if the driver sets none: `BLK_MAX_SEGMENTS` and `BLK_MAX_SEGMENT_SIZE`.
const DEFAULT_SEGMENTS: u32 = 128;
const DEFAULT_SEGMENT_SIZE: u32 = 65536;

/// The least `max_segment_size` of a device without a virt boundary: `BLK_MIN_SEGMENT_SIZE`.
const MIN_SEGMENT_SIZE: u32 = 4096;

/// The block layer's `max_sectors` if the driver sets none: `BLK_SAFE_MAX_SECTORS`.
const DEFAULT_SECTORS: u32 = 255;

/// The most segments that the block layer puts into an I/O: `BIO_MAX_VECS`.
const MAX_VECTORS: u32 = 256;

/// The largest block of any kernel: `BLK_MAX_BLOCK_SIZE`.
const MAX_BLOCK_SIZE: u32 = 65536;

/// The reason to refuse the limits, if any.
type Wrong = Option<&'static str>;

impl Config {
    /// Checks the limits.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the block layer would refuse or replace one of them; the reason is logged.
    pub(super) fn check_limits(&self) -> Result {
        let block = self.block_size();
        if !block.is_power_of_two() || block > MAX_BLOCK_SIZE {
            // The block layer refuses this size, and logs the reason. The checks below would blame
            // other settings.
            return Ok(());
        }
        let wrong = self
            .wrong_sizes()
            .or_else(|| self.wrong_segments())
            .or_else(|| self.wrong_atomic_writes())
            .or_else(|| self.wrong_latency());
        match wrong {
            None => Ok(()),
            Some(reason) => {
                pr_err!("{}\n", reason);
                Err(EINVAL)
            }
        }
    }

    pub(super) fn check_depth(&self) -> Result {
        // The depth of the shared tag set is that of the module parameter.
        if self.hw_queue_depth == 0 && !self.shared_tags {
            pr_err!("hw_queue_depth must not be 0\n");
            return Err(EINVAL);
        }
        Ok(())
    }

    /// Returns the size of a block in bytes.
    pub(super) fn block_size(&self) -> u32 {
        self.blocksize.max(SECTOR_SIZE)
    }

    /// Returns the size of a physical block in bytes.
    fn physical_block_size(&self) -> u32 {
        match self.physical_blocksize {
            0 => self.block_size(),
            size => size,
        }
    }

    fn wrong_sizes(&self) -> Wrong {
        let (block, physical) = (self.block_size(), self.physical_block_size());
        let least = block.max(PAGE_SIZE as u32) >> SECTOR_SHIFT;
        if (1..least).contains(&self.max_sectors) {
            return Some("max_sectors is less than a page or a block");
        }
        if !physical.is_power_of_two() || physical < block {
            return Some("physical_blocksize must be a power of two, and at least blocksize");
        }
        if (1..physical).contains(&self.io_min) {
            return Some("io_min is less than a physical block");
        }
        if self.io_opt % physical != 0 {
            return Some("io_opt must be a multiple of a physical block");
        }
        if self.discard_granularity != 0
            && (!self.discard_granularity.is_power_of_two() || self.discard_granularity < physical)
        {
            return Some(
                "discard_granularity must be a power of two, and at least a physical block",
            );
        }
        None
    }

    fn wrong_segments(&self) -> Wrong {
        let alignment = u64::from(self.dma_alignment) + 1;
        let least = u64::from(self.block_size()).min(PAGE_SIZE as u64);
        if self.max_segments > u16::MAX.into() {
            return Some("max_segments is more than 65535");
        }
        if (1..MIN_SEGMENT_SIZE).contains(&self.max_segment_size) && !self.virt_boundary {
            return Some("max_segment_size is less than 4096, and virt_boundary is not set");
        }
        if self.segment_room() < self.block_size().into() {
            return Some("max_segments and max_segment_size allow less than a block");
        }
        // The block layer demands the alignment of lengths, too, so a block must have it.
        if !alignment.is_power_of_two() || alignment > least {
            return Some(
                "dma_alignment must be a power of two less one, and less than a block and a page",
            );
        }
        None
    }

    /// Returns the size in bytes that the segments of a request can have together.
    fn segment_room(&self) -> u64 {
        let or = |limit, default| u64::from(if limit == 0 { default } else { limit });
        let segment_size = or(self.max_segment_size, DEFAULT_SEGMENT_SIZE);
        // With a virt boundary, a segment that ends inside a page is the last one.
        match self.virt_boundary && segment_size < PAGE_SIZE as u64 {
            true => segment_size,
            false => or(self.max_segments, DEFAULT_SEGMENTS) * segment_size,
        }
    }

    /// Returns the size in bytes that an atomic write can have, however its memory is aligned.
    ///
    /// As in the block layer, each segment but the first and the last has a page, and these two
    /// have a block.
    fn atomic_room(&self) -> u64 {
        let or = |limit, default| if limit == 0 { default } else { limit };
        let sectors = or(self.max_sectors, DEFAULT_SECTORS);
        let segments = or(self.max_segments, DEFAULT_SEGMENTS).min(MAX_VECTORS);
        let ends = u64::from(segments.min(2)) * u64::from(self.block_size());
        let pages = u64::from(segments.saturating_sub(2)) * PAGE_SIZE as u64;
        (ends + pages)
            .min(u64::from(sectors) << SECTOR_SHIFT)
            .min(self.segment_room())
    }

    fn wrong_atomic_writes(&self) -> Wrong {
        let (min, max) = (self.atomic_write_unit_min, self.atomic_write_unit_max);
        let boundary = self.atomic_write_boundary;
        let on = max != 0;
        let powers = max.is_power_of_two() && (min == 0 || min.is_power_of_two());
        let zone = self.zone_size.saturating_mul(1 << MIB_SHIFT);
        if !on && (min != 0 || boundary != 0) {
            return Some(
                "atomic_write_unit_min and atomic_write_boundary need atomic_write_unit_max",
            );
        }
        if on && (!powers || max < min || max < self.block_size())
            || (1..self.block_size()).contains(&min)
        {
            return Some(
                "atomic_write_unit_min and atomic_write_unit_max must be powers of two, at least a \
                 block, and the minimum no more than the maximum",
            );
        }
        if boundary != 0 && (!boundary.is_power_of_two() || boundary < max) {
            return Some(
                "atomic_write_boundary must be a power of two, and at least atomic_write_unit_max",
            );
        }
        if self.zoned && u64::from(max) > zone {
            return Some("atomic_write_unit_max is more than a zone");
        }
        if u64::from(max) > self.atomic_room() {
            return Some("atomic_write_unit_max is more than max_sectors and max_segments allow");
        }
        // The block layer would compute the size in 32 bits.
        if on && self.max_sectors > u32::MAX >> SECTOR_SHIFT {
            return Some("atomic writes need a max_sectors of less than 4 GiB");
        }
        None
    }

    fn wrong_latency(&self) -> Wrong {
        let longest = self
            .completion_nsec
            .max(self.completion_read_nsec)
            .max(self.completion_write_nsec)
            .max(self.completion_flush_nsec)
            .saturating_add(self.completion_spread_nsec)
            .saturating_add(self.completion_tail_nsec);
        if self.varies_latency() && self.irq_mode() != IrqMode::Timer {
            return Some("only irqmode 2 has latencies by operation, a spread and a tail");
        }
        if self.completion_tail_nsec != 0 && self.completion_tail_ratio == 0 {
            return Some("completion_tail_nsec needs completion_tail_ratio");
        }
        if self.varies_latency() && longest > i64::MAX as u64 {
            return Some("the longest latency is more than 2^63 - 1 ns");
        }
        None
    }
}

#[kunit_tests(rnull_config_limits)]
mod tests {
    use super::*;

    /// Returns whether limits are right, after these changes.
    fn right(change: impl FnOnce(&mut Config)) -> bool {
        let mut config = Config::new();
        change(&mut config);
        config.check_limits().is_ok()
    }

    #[test]
    fn sizes_depend_on_blocks() {
        assert!(right(|_| ()));
        assert!(!right(|config| config.max_sectors = 7));
        assert!(right(|config| config.max_sectors = PAGE_SIZE as u32 / 512));
        for (block, physical, ok) in [
            (512, 512, true),
            (512, 4096, true),
            (0, 512, true),
            (4096, 0, true),
            (4096, 512, false),
            (512, 3072, false),
            (512, 256, false),
        ] {
            let sizes = |config: &mut Config| {
                (config.blocksize, config.physical_blocksize) = (block, physical);
            };
            assert_eq!(right(sizes), ok);
        }
        for (io_min, io_opt, ok) in [
            (4096, 0, true),
            (0, 8192, true),
            (12288, 1 << 31, true),
            (512, 0, false),
            (0, 6144, false),
        ] {
            let sizes = |config: &mut Config| {
                (config.io_min, config.io_opt) = (io_min, io_opt);
                config.physical_blocksize = 4096;
            };
            assert_eq!(right(sizes), ok);
        }
    }

    #[test]
    fn wrong_blocks_are_left_to_the_block_layer() {
        for block in [511, 1536, 4097, 1 << 31, u32::MAX] {
            assert!(right(|config| config.blocksize = block));
        }
    }

    #[test]
    fn granularities_are_powers_of_two() {
        let with = |granularity| {
            right(|config| {
                (config.physical_blocksize, config.discard_granularity) = (4096, granularity);
            })
        };
        assert!(with(0) && with(4096) && with(1 << 20));
        assert!(!with(512) && !with(12288) && !with(4097));
    }

    #[test]
    fn segments_hold_a_block() {
        let with = |segments, size, virt_boundary| {
            right(|config| {
                (config.max_segments, config.max_segment_size) = (segments, size);
                (config.blocksize, config.virt_boundary) = (4096, virt_boundary);
            })
        };
        assert!(with(1, 0, false) && with(65535, 4096, false) && with(0, u32::MAX, false));
        assert!(with(1, 4096, true) && with(0, 0, true));
        assert!(!with(65536, 0, false) && !with(0, 4095, false));
        assert!(!with(0, 2048, true) && !with(8, 512, true));
        let small =
            |size| right(|config| (config.max_segment_size, config.virt_boundary) = (size, true));
        assert!(small(512) && !small(511));
    }

    #[test]
    fn alignments_are_masks() {
        let with =
            |mask, block| right(|config| (config.dma_alignment, config.blocksize) = (mask, block));
        let page = PAGE_SIZE as u32;
        for mask in [0, 1, 3, 511] {
            assert!(with(mask, 0) && with(mask, 4096));
        }
        assert!(with(4095, 4096) && !with(1023, 512) && !with(8191, 4096));
        for mask in [2, 4, 512, page, 2 * page - 1, u32::MAX] {
            assert!(!with(mask, 0) && !with(mask, 4096));
        }
    }

    #[test]
    fn atomic_writes_are_powers_of_two() {
        let with = |min, max, boundary| {
            right(|config| {
                config.blocksize = 4096;
                config.atomic_write_unit_min = min;
                config.atomic_write_unit_max = max;
                config.atomic_write_boundary = boundary;
            })
        };
        assert!(with(0, 4096, 0) && with(4096, 65536, 65536) && with(0, 65536, 1 << 31));
        assert!(!with(4096, 0, 0) && !with(0, 0, 4096) && !with(0, 2048, 0));
        assert!(!with(512, 4096, 0) && !with(8192, 4096, 0) && !with(12288, 65536, 0));
        assert!(!with(0, 65536, 32768) && !with(0, 65536, 3 << 16));
        let zoned = |max| {
            right(|config| {
                (config.zoned, config.zone_size) = (true, 1);
                (config.blocksize, config.max_sectors, config.max_segments) = (4096, 4096, 256);
                config.atomic_write_unit_max = max;
            })
        };
        assert!(zoned(1 << 20) && !zoned(2 << 20));
    }

    #[test]
    fn atomic_writes_fit_into_a_request() {
        let with = |max, sectors, segments| {
            right(|config| {
                (config.max_sectors, config.max_segments) = (sectors, segments);
                config.atomic_write_unit_max = max;
            })
        };
        assert!(with(65536, 0, 0) && !with(131072, 0, 0));
        assert!(with(65536, 128, 0) && !with(131072, 128, 0) && with(131072, 256, 0));
        assert!(with(262144, 4096, 0) && !with(524288, 4096, 0));
        assert!(with(512, 0, 1) && !with(1024, 0, 1) && with(1024, 0, 2));
        assert!(with(4096, 8388607, 0) && !with(4096, 8388608, 0));
    }

    #[test]
    fn latencies_vary_with_a_timer() {
        let with = |irqmode, change: fn(&mut Config)| {
            right(|config| {
                config.irqmode = irqmode;
                change(config);
            })
        };
        assert!(with(2, |config| config.completion_spread_nsec = 1));
        assert!(!with(1, |config| config.completion_spread_nsec = 1));
        assert!(!with(3, |config| config.completion_flush_nsec = 1));
        assert!(!with(2, |config| config.completion_tail_nsec = 1));
        assert!(with(2, |config| {
            (config.completion_tail_nsec, config.completion_tail_ratio) = (1, 10);
        }));
        assert!(with(2, |config| config.completion_nsec = u64::MAX));
        assert!(!with(2, |config| {
            (config.completion_nsec, config.completion_spread_nsec) = (i64::MAX as u64, 1);
        }));
    }
}
