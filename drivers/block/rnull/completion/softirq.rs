// SPDX-License-Identifier: GPL-2.0

//! Completion in a softirq, on a CPU that suits the submitter (`irqmode=1`).

use super::Completion;
use crate::driver::{
    NullBlk,
    QueueData, //
};
use kernel::{
    block::mq::{
        InFlight,
        OwnedRequest,
        Request,
        TimeoutAction, //
    },
    prelude::*, //
};

/// Completes requests in a softirq.
pub(crate) enum Softirq {}

impl Completion for Softirq {
    type Data = ();

    fn new_data() -> impl PinInit<(), Error> {
        Ok(())
    }

    #[inline(always)]
    fn complete(_: &QueueData, rq: OwnedRequest<NullBlk<Self>, InFlight>) {
        rq.complete();
    }

    fn timeout(_: &Request<NullBlk<Self>>) -> TimeoutAction {
        TimeoutAction::Done
    }
}
