// SPDX-License-Identifier: GPL-2.0

//! A driver that has no `Operations::complete` cannot complete a list.
//@ codegen
//@ error: E0080
//@ message: needs an implementation of Operations::complete

include!("../prelude.rs");

struct Driver;

#[vtable]
impl Operations for Driver {
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        let mut requests = RequestList::new();
        requests.push_back(rq.start());
        requests.complete();
        Ok(())
    }

    #[cfg(right)]
    fn complete(requests: RequestList<Self, Complete>) {
        requests.end(|_| Status::OK);
    }
}

pub fn tag_set() -> Result<Arc<TagSet<Driver>>> {
    Arc::pin_init(TagSet::new(TagSetBuilder::new()), GFP_KERNEL)
}
