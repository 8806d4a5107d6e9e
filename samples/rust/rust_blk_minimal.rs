// SPDX-License-Identifier: GPL-2.0

//! The smallest complete block driver.
//!
//! `insmod rust_blk_minimal.ko` makes `/dev/rblkmin`, a disk of 1 MiB, which reads as zeroes and
//! ignores writes. The documentation of [`kernel::block::mq`] explains the terms.

use kernel::{
    block::{
        mq::{
            GenDisk,
            GenDiskBuilder,
            Idle,
            InFlight,
            Operations,
            OwnedRequest,
            QueueResult,
            TagSet,
            TagSetBuilder, //
        },
        Op,
        Status, //
    },
    prelude::*,
    sync::Arc, //
};

module! {
    type: MinimalModule,
    name: "rust_blk_minimal",
    authors: ["Seed 422af444 maintainers"],
    description: "The smallest block driver in Rust",
    license: "GPL",
}

/// The driver. No value of this type exists.
enum Minimal {}

#[vtable]
impl Operations for Minimal {
    /// The driver has no data for a disk or a request.
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    /// The block layer calls this for each I/O.
    fn queue_rq<'call>(
        (): (),
        rq: OwnedRequest<Self, Idle<'call>>,
        _is_last: bool,
    ) -> QueueResult<'call, Self> {
        let rq = rq.start();
        let status = match rq.op() {
            Op::READ => read_zeroes(&rq),
            Op::WRITE => Status::OK,
            _ => Status::NOTSUPP,
        };
        rq.end(status);
        Ok(())
    }
}

fn read_zeroes(rq: &OwnedRequest<Minimal, InFlight>) -> Status {
    for segment in rq.segments() {
        if let Err(error) = segment.zero() {
            return error.into();
        }
    }
    Status::OK
}

/// The disk exists while the module is loaded: until this is dropped.
struct MinimalModule {
    _disk: GenDisk<Minimal>,
}

impl kernel::Module for MinimalModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let tag_set = Arc::pin_init(TagSet::new(TagSetBuilder::new()), GFP_KERNEL)?;
        let disk = GenDiskBuilder::new()
            .capacity_sectors(2048)
            .build(c"rblkmin", tag_set, ())?;
        Ok(Self { _disk: disk })
    }
}
