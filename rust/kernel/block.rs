// SPDX-License-Identifier: GPL-2.0

//! Block devices.
//!
//! * [`mq`] is where a driver starts: request queues, tags, requests and disks.
//! * [`Op`] is the operation of an I/O, [`Segment`] a piece of its data, and [`Status`] its result.
//! * [`DataPage`] is memory of the driver's own to keep data in.
//! * [`BadBlocks`] lists the sectors that are bad.
//! * [`Zone`] is a part of a zoned device, and a [`ZoneReport`] has those that a driver reports.
//! * [`Major`] is a number and a name in `/proc/devices`.
//!
//! Sizes and positions are in sectors of [`SECTOR_SIZE`] bytes, whatever the logical block size
//! of a device is.
//!
//! C headers: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h),
//! [`include/linux/blk_types.h`](srctree/include/linux/blk_types.h)

mod badblocks;
mod data_page;
mod major;
pub mod mq;
mod op;
mod segment;
mod status;
mod zone;

pub use self::{
    badblocks::BadBlocks,
    data_page::DataPage,
    major::Major,
    op::Op,
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
