// SPDX-License-Identifier: GPL-2.0

//! Queue data cannot borrow from the function that makes the disk.
//@ error: E0716
//@ message: temporary value dropped while borrowed

include!("../prelude.rs");

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = KBox<&'static u32>;
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq<'call>(
        _: &&'static u32,
        rq: OwnedRequest<Self, Idle<'call>>,
        _: bool,
    ) -> QueueResult<'call, Self> {
        rq.start().end_ok();
        Ok(())
    }
}

static LIMIT: u32 = 8;

fn disk(tag_set: Arc<TagSet<Driver>>) -> Result<GenDisk<Driver>> {
    #[cfg(right)]
    let limit = &LIMIT;
    #[cfg(wrong)]
    let limit = &{ LIMIT };
    GenDiskBuilder::new().build(c"disk", tag_set, KBox::new(limit, GFP_KERNEL)?)
}
