// SPDX-License-Identifier: GPL-2.0

//! What the block layer calls.

use crate::{
    completion::{
        self,
        Completion,
        Done,
        HasStatus, //
    },
    driver::NullBlk,
    faults::Faults,
    pipeline::{
        Admission,
        Pipeline, //
    },
    poll_queues::PollQueues,
    trouble, //
};
use kernel::{
    block::{
        mq::{
            Complete,
            CompletionBatch,
            Idle,
            InFlight,
            Operations,
            OwnedRequest,
            QueueResult,
            Request,
            RequestList, //
        },
        Op,
        Status,
        ZoneReport, //
    },
    prelude::*,
    sync::Arc, //
};

/// What a device has for all its requests.
pub(crate) struct Queue<C: Completion, P: Pipeline> {
    pub(crate) pipeline: P,
    pub(crate) completion: C::Device<P>,
    pub(crate) poll_queues: PollQueues<NullBlk<C, P>>,
    pub(crate) faults: Arc<Faults>,
}

/// What has become of a request that came in.
enum Outcome<'call, T: Operations> {
    /// It was carried out and is to be completed.
    Done(Done<T>),
    /// Something else will complete it.
    Pending,
    /// This is what the block layer is to hear.
    Stop(QueueResult<'call, T>),
}

/// A request that was started.
type Begun<C, P> = OwnedRequest<NullBlk<C, P>, InFlight>;

impl<C: Completion, P: Pipeline> Queue<C, P> {
    /// Completes a request that was carried out. Returns what the block layer is to hear.
    #[inline(always)]
    fn settle<'call>(
        &self,
        outcome: Outcome<'call, NullBlk<C, P>>,
    ) -> QueueResult<'call, NullBlk<C, P>> {
        match outcome {
            Outcome::Done(done) => C::complete(&self.completion, done),
            Outcome::Pending => (),
            Outcome::Stop(result) => return result,
        }
        Ok(())
    }

    /// What [`Operations::queue_rq`] does with a request that is polled for, or if there may be
    /// trouble. It is out of line, so that all others need not save the registers for it.
    #[cold]
    #[inline(never)]
    fn queue_unusual<'call>(
        &self,
        rq: OwnedRequest<NullBlk<C, P>, Idle<'call>>,
    ) -> QueueResult<'call, NullBlk<C, P>> {
        self.settle(self.execute(rq))
    }

    /// Does all with a request but complete it.
    #[inline(always)]
    fn execute<'call>(
        &self,
        rq: OwnedRequest<NullBlk<C, P>, Idle<'call>>,
    ) -> Outcome<'call, NullBlk<C, P>> {
        if trouble::is_possible() {
            return self.execute_in_trouble(rq);
        }
        self.execute_as::<false>(rq)
    }

    #[cold]
    #[inline(never)]
    fn execute_in_trouble<'call>(
        &self,
        rq: OwnedRequest<NullBlk<C, P>, Idle<'call>>,
    ) -> Outcome<'call, NullBlk<C, P>> {
        if self.faults.requeue() {
            return Outcome::Stop(self.faults.give_back(rq));
        }
        self.execute_as::<true>(rq)
    }

    #[inline(always)]
    fn execute_as<'call, const TROUBLE: bool>(
        &self,
        rq: OwnedRequest<NullBlk<C, P>, Idle<'call>>,
    ) -> Outcome<'call, NullBlk<C, P>> {
        match self.begin(rq) {
            Ok(rq) if rq.is_polled() => self.execute_polled::<TROUBLE>(rq),
            Ok(rq) => self.execute_unpolled::<TROUBLE>(rq),
            Err(result) => Outcome::Stop(result),
        }
    }

    /// Starts a request, or returns what the block layer is to hear of it.
    #[inline(always)]
    fn begin<'call>(
        &self,
        rq: OwnedRequest<NullBlk<C, P>, Idle<'call>>,
    ) -> Result<Begun<C, P>, QueueResult<'call, NullBlk<C, P>>> {
        let rq = match self.pipeline.admit(rq) {
            Admission::Go(rq) => rq,
            Admission::Stop(result) => return Err(result),
        };
        if C::LATER || P::SLOW {
            rq.data().status().store(Status::OK);
        }
        Ok(rq.start())
    }

    #[inline(always)]
    fn execute_polled<'call, const TROUBLE: bool>(
        &self,
        mut rq: Begun<C, P>,
    ) -> Outcome<'call, NullBlk<C, P>> {
        let status = self.pipeline.carry_out::<TROUBLE, _>(&mut rq);
        // A request that has timed out may have no poller any more.
        let late = self.poll_queues.add_unless(rq, |rq| {
            let late = Self::timed_out(rq);
            if late.is_none() {
                rq.data().status().store(status);
            }
            late
        });
        late.map_or(Outcome::Pending, Outcome::Done)
    }

    #[inline(always)]
    fn execute_unpolled<'call, const TROUBLE: bool>(
        &self,
        mut rq: Begun<C, P>,
    ) -> Outcome<'call, NullBlk<C, P>> {
        if (TROUBLE && self.faults.timeout()) || rq.should_fake_timeout() {
            // The timeout ends it. It has not been carried out, whatever the device reports.
            rq.data().status().store(Status::TIMEOUT);
            rq.park();
            return Outcome::Pending;
        }
        let status = self.pipeline.carry_out::<TROUBLE, _>(&mut rq);
        if P::SLOW && rq.op() == Op::FLUSH {
            // A flush that reached the medium has succeeded, even after its timeout. An error would
            // make file systems shut down.
            rq.data().status().store(Status::OK);
            return Outcome::Done((rq, status));
        }
        let status = Self::timed_out(&rq).unwrap_or(status);
        Outcome::Done((rq, status))
    }

    /// With what a request ends that has timed out while it was carried out.
    #[inline(always)]
    fn timed_out(rq: &Request<NullBlk<C, P>>) -> Option<Status> {
        if !P::SLOW {
            return None;
        }
        Some(rq.data().status().load()).filter(|status| !status.is_ok())
    }
}

#[vtable]
impl<C: Completion, P: Pipeline> Operations for NullBlk<C, P> {
    type QueueData = KBox<Queue<C, P>>;
    type RequestData = C::Data<P>;

    fn new_request_data() -> impl PinInit<C::Data<P>> {
        C::new_data::<P>()
    }

    #[inline(always)]
    fn queue_rq<'call>(
        queue: &Queue<C, P>,
        rq: OwnedRequest<Self, Idle<'call>>,
        _is_last: bool,
    ) -> QueueResult<'call, Self> {
        if trouble::is_possible() || rq.is_polled() {
            return queue.queue_unusual(rq);
        }
        match queue.begin(rq) {
            Ok(rq) => queue.settle(queue.execute_unpolled::<false>(rq)),
            Err(result) => result,
        }
    }

    #[inline(always)]
    fn queue_rqs<'call>(
        queue: &Queue<C, P>,
        mut requests: RequestList<Self, Idle<'call>>,
    ) -> RequestList<Self, Idle<'call>> {
        let mut left = RequestList::new();
        let done = core::iter::from_fn(|| loop {
            match queue.execute(requests.pop_front()?) {
                Outcome::Done(done) => return Some(done),
                Outcome::Pending | Outcome::Stop(Ok(())) => (),
                Outcome::Stop(Err(refused)) => left.push_back(refused.into_request()),
            }
        });
        C::complete_all(&queue.completion, done);
        left
    }

    #[inline(always)]
    fn complete(requests: RequestList<Self, Complete>) {
        completion::end_all(requests);
    }

    #[inline(always)]
    fn poll(queue: &Queue<C, P>, hw_queue: u32, batch: &mut CompletionBatch<'_>) -> u32 {
        let mut ended = 0;
        for rq in queue.poll_queues.take(hw_queue) {
            let status = rq.data().status().load();
            rq.end_batched(status, batch);
            ended += 1;
        }
        ended
    }

    /// A request that is late ends with an error when it is done, or at once if nothing else will
    /// end it.
    fn timeout(queue: &Queue<C, P>, rq: &Request<Self>) {
        let known = rq.data().status().load() == Status::TIMEOUT;
        rq.data().status().store(Status::TIMEOUT);
        let owner = rq.claim().or_else(|| queue.poll_queues.remove(rq));
        // One that takes longer is asked about again.
        if owner.is_some() || !known {
            pr_info!("rq {:p} timed out\n", rq);
        }
        if let Some(rq) = owner {
            rq.end(Status::TIMEOUT);
        }
    }

    fn report_zones(queue: &Queue<C, P>, report: &mut ZoneReport) -> Result {
        queue.pipeline.report_zones(report)
    }

    fn init_hctx(queue: &Queue<C, P>, _hw_queue: u32) -> Result {
        if trouble::is_possible() && queue.faults.init_hctx() {
            return Err(EFAULT);
        }
        Ok(())
    }
}
