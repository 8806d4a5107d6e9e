// SPDX-License-Identifier: GPL-2.0

//! Request data cannot be larger than the block layer can allocate.
//@ codegen
//@ error: E0080
//@ message: RequestData is too large to be allocated with each request

include!("../prelude.rs");

#[cfg(right)]
type Data = [u8; 1 << 12];
#[cfg(wrong)]
type Data = [u8; 1 << 20];

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = ();
    type RequestData = Data;

    fn new_request_data() -> impl PinInit<Data> {
        [0; size_of::<Data>()]
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        rq.start().end_ok();
        Ok(())
    }
}

pub fn tag_set() -> Result<Arc<TagSet<Driver>>> {
    Arc::pin_init(TagSet::new(TagSetBuilder::new()), GFP_KERNEL)
}
