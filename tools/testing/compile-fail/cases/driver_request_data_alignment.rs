// SPDX-License-Identifier: GPL-2.0

//! Request data cannot have a larger alignment than the memory behind a request.
//@ codegen
//@ error: E0080
//@ message: RequestData needs more alignment than the private area of a request has

include!("../prelude.rs");

#[cfg(right)]
#[repr(align(8))]
struct Data(u8);
#[cfg(wrong)]
#[repr(align(4096))]
struct Data(u8);

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = ();
    type RequestData = Data;

    fn new_request_data() -> impl PinInit<Data> {
        Data(0)
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        rq.start().end_ok();
        Ok(())
    }
}

pub fn tag_set() -> Result<Arc<TagSet<Driver>>> {
    Arc::pin_init(TagSet::new(TagSetBuilder::new()), GFP_KERNEL)
}
