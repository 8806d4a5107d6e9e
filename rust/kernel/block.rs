// SPDX-License-Identifier: GPL-2.0

//! Block devices.
//!
//! * [`mq`] has request queues, tags, requests and disks. A driver starts there.
//! * [`Op`] is the operation of an I/O, with [`OpFlags`]. [`Segment`] is a part of its data, and
//!   [`Status`] its result.
//! * [`DataPage`] is a page in which a driver stores data. [`PageSlot`] is a slot for one, which is
//!   read under RCU.
//! * [`BadBlocks`] is a list of bad sectors.
//! * [`Zone`] is a zone of a zoned device. A driver reports its zones in a [`ZoneReport`].
//! * [`Major`] is a block major number.
//!
//! Sizes and positions are in sectors of [`SECTOR_SIZE`] bytes, also if the logical blocks of a
//! device are larger.
//!
//! C headers: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h),
//! [`include/linux/blk_types.h`](srctree/include/linux/blk_types.h)

mod badblocks;
mod data_page;
mod major;
pub mod mq;
mod op;
mod page_slot;
mod segment;
mod status;
mod zone;

pub use self::{
    badblocks::BadBlocks,
    data_page::DataPage,
    major::Major,
    op::{
        Op,
        OpFlags, //
    },
    page_slot::{
        PageSlot,
        SlotPage, //
    },
    segment::Segment,
    status::{
        AtomicStatus,
        Status, //
    },
    zone::{
        Zone,
        ZoneCond,
        ZoneReport,
        ZoneType, //
    }, //
};

/// Size of a sector as a power of two: 9.
pub const SECTOR_SHIFT: u32 = bindings::SECTOR_SHIFT;

/// Size of a sector in bytes: 512.
pub const SECTOR_SIZE: u32 = bindings::SECTOR_SIZE;

/// Sectors in a page as a power of two.
pub const PAGE_SECTORS_SHIFT: u32 = bindings::PAGE_SECTORS_SHIFT;
