// SPDX-License-Identifier: GPL-2.0

//! A driver that has no `Operations::complete` cannot complete requests through it.
//@ codegen
//@ error: E0080
//@ message: complete() needs an implementation of Operations::complete

include!("../prelude.rs");

struct Null;

#[vtable]
impl Operations for Null {
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<(), Error> {
        Ok(())
    }

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle>, _: bool) -> QueueResult<Self> {
        rq.start().complete();
        Ok(())
    }

    #[cfg(right)]
    fn complete(rq: OwnedRequest<Self, Complete>) {
        rq.end_ok();
    }
}

pub fn tag_set() -> Result<Arc<TagSet<Null>>> {
    Arc::pin_init(TagSet::new(TagSetBuilder::new()), GFP_KERNEL)
}
