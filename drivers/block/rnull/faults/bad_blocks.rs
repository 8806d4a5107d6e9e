// SPDX-License-Identifier: GPL-2.0

//! Bad blocks: sectors that cannot be read or written.

use crate::{
    gate,
    settings::{
        parse::Value,
        Config, //
    }, //
};
use core::ops::Range;
use kernel::{
    block::{
        BadBlocks,
        SECTOR_SHIFT, //
    },
    prelude::*, //
};

/// The settings for I/O that touches bad blocks.
pub(crate) struct Policy {
    /// Bad blocks become good after the first failure (`badblocks_once`).
    once: bool,
    /// An I/O transfers the data in front of bad blocks before it fails (`badblocks_partial_io`).
    partial: bool,
    /// The sectors in a logical block, a power of two.
    block_sectors: u64,
}

impl Policy {
    /// Returns the policy that `config` describes.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            once: config.badblocks_once,
            partial: config.badblocks_partial_io,
            block_sectors: u64::from(config.blocksize >> SECTOR_SHIFT).max(1),
        }
    }

    /// Checks `sectors` sectors from `first` on for bad blocks. If there are any, returns the
    /// number of sectors to transfer before the I/O fails. Does not sleep.
    pub(crate) fn check(&self, blocks: &BadBlocks, first: u64, sectors: u32) -> Option<u32> {
        if !blocks.is_enabled() {
            return None;
        }
        let bad = blocks.check(first, sectors.into())?;
        if self.once {
            // If clearing fails, the blocks stay bad, as in null_blk.
            let _ = blocks.clear(bad.start, bad.end - bad.start);
        }
        Some(self.good_sectors(first, bad.start))
    }

    /// Returns the number of sectors from `first` on to transfer, if the sector `bad` is the first
    /// bad one.
    fn good_sectors(&self, first: u64, bad: u64) -> u32 {
        if !self.partial {
            return 0;
        }
        let block = bad & !(self.block_sectors - 1);
        block.saturating_sub(first) as u32
    }
}

/// Executes a write to `badblocks`: `+FIRST-LAST` makes sectors bad, `-FIRST-LAST` makes them good.
///
/// # Errors
///
/// `EINVAL` if the text has another form, or if there would be too many bad ranges; `ERANGE` if a
/// number is too large.
pub(crate) fn store(blocks: &BadBlocks, text: &[u8]) -> Result {
    let (bad, range) = parse(text)?;
    blocks.enable();
    gate::open();
    let sectors = (range.end - range.start).wrapping_add(1);
    if bad {
        blocks.set(range.start, sectors)
    } else {
        blocks.clear(range.start, sectors)
    }
    .map_err(|_| EINVAL)
}

/// Returns whether to make sectors bad, and the first and the last of these sectors.
fn parse(text: &[u8]) -> Result<(bool, Range<u64>)> {
    let (bad, range) = match strip(text) {
        [b'+', range @ ..] => (true, range),
        [b'-', range @ ..] => (false, range),
        _ => return Err(EINVAL),
    };
    let dash = range.iter().position(|&byte| byte == b'-').ok_or(EINVAL)?;
    let first = Value::parse(&range[..dash])?;
    let last = Value::parse(&range[dash + 1..])?;
    if first > last {
        return Err(EINVAL);
    }
    Ok((bad, first..last))
}

/// Returns the text up to the first null byte, without white space around it, as C's `strstrip()`
/// does.
fn strip(text: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b'\t'..=b'\r' | b' ' | 0xa0);
    let text = text.split(|&byte| byte == 0).next().unwrap_or(text);
    let Some(first) = text.iter().position(|byte| !is_space(byte)) else {
        return &[];
    };
    let end = text.iter().rposition(|byte| !is_space(byte));
    &text[first..end.map_or(first, |last| last + 1)]
}

#[kunit_tests(rnull_badblocks)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_parsed() {
        let cases: &[(&[u8], bool, Range<u64>)] = &[
            (b"+1-5", true, 1..5),
            (b"-1-5\n", false, 1..5),
            (b"  +0x10-0x20 \n", true, 16..32),
            (b"\x0b\xa0+1-5\x0c\x0b", true, 1..5),
            (b"+1-5 \0x", true, 1..5),
            (b"+7-7", true, 7..7),
            (b"+0-18446744073709551615", true, 0..u64::MAX),
        ];
        for (text, added, range) in cases {
            assert_eq!(parse(text), Ok((*added, range.clone())));
        }
    }

    #[test]
    fn other_text_is_refused() {
        let cases: &[&[u8]] = &[
            b"", b"1-5", b"+", b"+1", b"+1-", b"+-5", b"+5-1", b"+1-5-6", b"+a-b", b"+ 1-5",
            b"*1-5", b" \n", b"\0+1-5", b"+1\0-5",
        ];
        for text in cases {
            assert_eq!(parse(text), Err(EINVAL));
        }
        assert_eq!(parse(b"+0-18446744073709551616"), Err(ERANGE));
    }

    #[test]
    fn partial_io_ends_at_a_block() {
        let policy = |partial, block_sectors| Policy {
            once: false,
            partial,
            block_sectors,
        };
        assert_eq!(policy(false, 1).good_sectors(0, 100), 0);
        assert_eq!(policy(true, 1).good_sectors(0, 100), 100);
        assert_eq!(policy(true, 8).good_sectors(0, 100), 96);
        assert_eq!(policy(true, 8).good_sectors(96, 100), 0);
        assert_eq!(policy(true, 8).good_sectors(96, 104), 8);
        // The range of bad blocks may begin before the I/O does.
        assert_eq!(policy(true, 1).good_sectors(50, 10), 0);
    }
}
