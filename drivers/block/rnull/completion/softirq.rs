// SPDX-License-Identifier: GPL-2.0

//! Completion in a softirq, on a CPU that suits the submitter (`irqmode=1`).

use super::{
    keep_status,
    Completion,
    Done,
    HasStatus,
    StatusOnly, //
};
use crate::{
    config::Config,
    driver::NullBlk,
    faults::Faults,
    pipeline::Pipeline,
    reports::Counters, //
};
use kernel::{
    block::mq::{
        Operations,
        RequestChain,
        TagSet, //
    },
    prelude::*,
    sync::Arc, //
};

/// Completes requests in a softirq.
pub(crate) enum Softirq {}

impl Completion for Softirq {
    const LATER: bool = true;

    type Data<P: Pipeline> = StatusOnly;
    type Device<P: Pipeline> = ();

    fn new_data<P: Pipeline>() -> impl PinInit<StatusOnly, Error> {
        StatusOnly::new()
    }

    fn new_device<P: Pipeline>(
        _: &Config,
        _: &Arc<TagSet<NullBlk<Self, P>>>,
        _: &Arc<Faults>,
        _: &Arc<Counters>,
    ) -> Result {
        Ok(())
    }

    #[inline(always)]
    fn complete<P: Pipeline>((): &(), done: Done<NullBlk<Self, P>>) {
        keep_status(done).complete();
    }

    #[inline(always)]
    fn complete_all<P: Pipeline>((): &(), requests: impl Iterator<Item = Done<NullBlk<Self, P>>>) {
        complete_together(requests);
    }
}

/// Completes together what came together, which takes one softirq. One that came alone waits until
/// there is no other, and needs no chain.
#[inline(always)]
pub(super) fn complete_together<T: Operations<RequestData: HasStatus>>(
    requests: impl Iterator<Item = Done<T>>,
) {
    let mut chain = RequestChain::new();
    let mut last = None;
    for done in requests {
        if let Some(rq) = last.replace(keep_status(done)) {
            chain.push_back(rq);
        }
    }
    match last {
        Some(rq) if chain.is_empty() => rq.complete(),
        Some(rq) => {
            chain.push_back(rq);
            chain.complete();
        }
        None => (),
    }
}
