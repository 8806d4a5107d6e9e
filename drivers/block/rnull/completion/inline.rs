// SPDX-License-Identifier: GPL-2.0

//! Completion at once, in the context of the submitter (`irqmode=0`).

use super::{
    Completion,
    Done, //
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
            CompletionBatch,
            Operations,
            TagSet, //
        },
        AtomicStatus,
        Status, //
    },
    prelude::*,
    sync::Arc, //
};

/// Completes requests at once.
pub(crate) enum Inline {}

impl Completion for Inline {
    const LATER: bool = false;

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
    fn complete<P: Pipeline>((): &(), (rq, status): Done<NullBlk<Self, P>>) {
        rq.end(status);
    }

    #[inline(always)]
    fn complete_all<P: Pipeline>((): &(), requests: impl Iterator<Item = Done<NullBlk<Self, P>>>) {
        end_together(requests);
    }
}

/// Ends together what came together. For one that came alone, a batch does not pay: it waits until
/// the next one has come, or there is none.
#[inline(always)]
pub(super) fn end_together<T: Operations>(requests: impl Iterator<Item = Done<T>>) {
    CompletionBatch::scope(|batch| {
        let mut last = None;
        for done in requests {
            if let Some((rq, status)) = last.replace(done) {
                rq.end_batched(status, batch);
            }
        }
        match last {
            Some((rq, status)) if batch.is_empty() => rq.end(status),
            Some((rq, status)) => rq.end_batched(status, batch),
            None => (),
        }
    });
}
