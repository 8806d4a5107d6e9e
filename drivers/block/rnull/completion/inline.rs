// SPDX-License-Identifier: GPL-2.0

//! Completion at once, in the context of the submitter (`irqmode=0`).

use super::Completion;
use crate::driver::{
    NullBlk,
    QueueData, //
};
use kernel::{
    block::{
        mq::{
            CompletionBatch,
            InFlight,
            OwnedRequest,
            Request,
            RequestList,
            TimeoutAction, //
        },
        Status, //
    },
    prelude::*, //
};

/// Completes requests at once.
pub(crate) enum Inline {}

impl Completion for Inline {
    type Data = ();

    fn new_data() -> impl PinInit<(), Error> {
        Ok(())
    }

    #[inline(always)]
    fn complete(_: &QueueData, rq: OwnedRequest<NullBlk<Self>, InFlight>) {
        rq.end_ok();
    }

    /// Ends together what came together.
    #[inline(always)]
    fn complete_all(_: &QueueData, requests: &mut RequestList<'_, NullBlk<Self>>) {
        CompletionBatch::scope(|batch| {
            for rq in requests {
                rq.start().end_batched(Status::OK, batch);
            }
        });
    }

    fn timeout(_: &Request<NullBlk<Self>>) -> TimeoutAction {
        TimeoutAction::Done
    }
}
