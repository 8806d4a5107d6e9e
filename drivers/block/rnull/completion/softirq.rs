// SPDX-License-Identifier: GPL-2.0

//! Completion in a softirq, on a CPU that suits the submitter (`irqmode=1`).

use super::{
    keep_status,
    Completion,
    Done,
    HasStatus, //
};
use crate::{
    config::Config,
    driver::NullBlk,
    faults::Faults,
    pipeline::Pipeline,
    reports::Counters, //
};
use kernel::{
    block::{
        mq::{
            Operations,
            RequestList,
            TagSet, //
        },
        AtomicStatus,
        Status, //
    },
    prelude::*,
    sync::Arc, //
};

/// Completes requests in a softirq.
pub(crate) enum Softirq {}

impl Completion for Softirq {
    const LATER: bool = true;

    type Data<P: Pipeline> = AtomicStatus;
    type Device<P: Pipeline> = ();

    fn new_data<P: Pipeline>() -> impl PinInit<AtomicStatus> {
        AtomicStatus::new(Status::OK)
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

/// Completes requests that came together in one softirq.
#[inline(always)]
pub(super) fn complete_together<T: Operations<RequestData: HasStatus>>(
    requests: impl Iterator<Item = Done<T>>,
) {
    let mut list = RequestList::new();
    for done in requests {
        list.push_back(keep_status(done));
    }
    list.complete();
}
