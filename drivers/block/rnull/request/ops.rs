// SPDX-License-Identifier: GPL-2.0

//! The driver as a type, and what the block layer calls.

use super::{
    backend::Backend,
    path::{
        execute_in_full,
        Path, //
    },
    poll::PollQueues, //
};
use crate::{
    completion::{
        self,
        Completion,
        Done,
        HasStatus, //
    },
    faults::gate,
    kept::Kept,
    statistics::Event, //
};
use core::marker::PhantomData;
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
            Refused,
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

/// The driver, for devices that execute their requests by the path `P` and complete them by `C`.
///
/// The code for a device is chosen by these types when it is powered on, so that an I/O does not
/// pay for what is switched off.
pub(crate) struct NullBlk<C, P>(PhantomData<(C, P)>);

/// What a device has for all its requests. The order of the fields stays: an instruction less leads
/// to the first.
#[repr(C)]
pub(crate) struct Queue<C: Completion, P: Path> {
    pub(crate) completion: C::Device<NullBlk<C, P>>,
    pub(crate) poll_queues: PollQueues<NullBlk<C, P>>,
    pub(crate) backend: Arc<Backend>,
}

type New<'call, C, P> = OwnedRequest<NullBlk<C, P>, Idle<'call>>;
type Started<C, P> = OwnedRequest<NullBlk<C, P>, InFlight>;

/// The request to complete, if nothing else will complete it; or a refused one.
type Processed<'call, C, P> = Result<Option<Done<NullBlk<C, P>>>, Refused<'call, NullBlk<C, P>>>;

impl<C: Completion, P: Path> Queue<C, P> {
    /// Refuses a request that may not be executed now.
    #[inline(always)]
    fn admit<'call>(
        &self,
        rq: New<'call, C, P>,
    ) -> Result<New<'call, C, P>, Refused<'call, NullBlk<C, P>>> {
        if P::FULL && !self.backend.admit(rq.bytes()) {
            self.backend
                .kept
                .statistics
                .count(rq.hw_queue(), Event::Requeued);
            // The block layer tries again within 3 ms.
            return Err(rq.refuse(Status::RESOURCE));
        }
        Ok(rq)
    }

    #[inline(always)]
    fn start(&self, rq: New<'_, C, P>) -> Started<C, P> {
        if C::LATER || P::SLOW {
            rq.data().status().store(Status::OK);
        }
        rq.start()
    }

    /// Leaves a request to its timeout. It has not been executed, whatever the device reports.
    #[cold]
    fn lose(rq: Started<C, P>) {
        rq.data().status().store(Status::TIMEOUT);
        rq.park();
    }

    /// How a request ends that was executed.
    #[inline(always)]
    fn executed((rq, status): Done<NullBlk<C, P>>) -> Done<NullBlk<C, P>> {
        if P::FULL && rq.op() == Op::FLUSH {
            // A flush that reached the backing store has succeeded, even after its timeout. An
            // error would make file systems shut down.
            rq.data().status().store(Status::OK);
            return (rq, status);
        }
        let status = Self::timed_out(&rq).unwrap_or(status);
        (rq, status)
    }

    /// The status of a request that has timed out while it was executed.
    #[inline(always)]
    fn timed_out(rq: &Request<NullBlk<C, P>>) -> Option<Status> {
        if !P::SLOW {
            return None;
        }
        Some(rq.data().status().load()).filter(|status| !status.is_ok())
    }

    #[inline(always)]
    fn complete(&self, done: Done<NullBlk<C, P>>) {
        C::complete(&self.completion, done);
    }

    /// Admits, starts and executes a request, without faults. Returns `None` for a request that is
    /// polled for, which it must not be unless it `may_be_polled`.
    #[inline(always)]
    fn process<'call>(
        &self,
        rq: New<'call, C, P>,
        may_be_polled: bool,
        execute: impl FnOnce(&Backend, Started<C, P>) -> Done<NullBlk<C, P>>,
    ) -> Processed<'call, C, P> {
        let rq = self.start(self.admit(rq)?);
        if may_be_polled && rq.is_polled() {
            return Ok(self.wait_for_poll(execute(&self.backend, rq)));
        }
        if rq.should_fake_timeout() {
            Self::lose(rq);
            return Ok(None);
        }
        Ok(Some(Self::executed(execute(&self.backend, rq))))
    }

    /// Keeps a request until it is polled for, unless it has timed out: it may have no poller any
    /// more.
    #[inline(always)]
    fn wait_for_poll(&self, (rq, status): Done<NullBlk<C, P>>) -> Option<Done<NullBlk<C, P>>> {
        self.poll_queues.add_unless(rq, |rq| {
            let late = Self::timed_out(rq);
            if late.is_none() {
                rq.data().status().store(status);
            }
            late
        })
    }

    /// Queues a request that is polled for, or any while the gate is open. This is out of line, so
    /// that all others need not save the registers for it.
    #[cold]
    #[inline(never)]
    fn queue_cold<'call>(&self, rq: New<'call, C, P>) -> QueueResult<'call, NullBlk<C, P>> {
        let done = if gate::is_open() {
            self.process_gated(rq)
        } else {
            self.process(rq, true, P::execute_cold)
        };
        if let Some(done) = done? {
            self.complete(done);
        }
        Ok(())
    }

    /// As [`process`](Self::process), with faults and statistics.
    #[inline(always)]
    fn process_gated<'call>(&self, rq: New<'call, C, P>) -> Processed<'call, C, P> {
        let Kept {
            faults, statistics, ..
        } = &*self.backend.kept;
        let hw_queue = rq.hw_queue();
        statistics.count_io(hw_queue, Event::Submitted);
        if faults.requeue() {
            statistics.count(hw_queue, Event::Requeued);
            return faults.give_back(rq).map(|()| None);
        }
        let rq = self.start(self.admit(rq)?);
        let polled = rq.is_polled();
        if !polled && (faults.timeout() || rq.should_fake_timeout()) {
            Self::lose(rq);
            return Ok(None);
        }
        let done = execute_in_full(&self.backend, rq);
        statistics.count_io(hw_queue, Event::Completed);
        if polled {
            return Ok(self.wait_for_poll(done));
        }
        Ok(Some(Self::executed(done)))
    }

    /// Queues a list of requests while the gate is open. Adds those that are refused to `refused`.
    #[cold]
    #[inline(never)]
    fn queue_gated_list<'call>(
        &self,
        first: New<'call, C, P>,
        others: &mut RequestList<NullBlk<C, P>, Idle<'call>>,
        refused: &mut RequestList<NullBlk<C, P>, Idle<'call>>,
    ) {
        let statistics = &self.backend.kept.statistics;
        statistics.count_io(first.hw_queue(), Event::Batch);
        let mut next = Some(first);
        while let Some(rq) = next {
            if let Err(rq) = self.queue_cold(rq) {
                refused.push_back(rq.into_request());
            }
            next = others.pop_front();
        }
    }
}

#[vtable]
impl<C: Completion, P: Path> Operations for NullBlk<C, P> {
    type QueueData = KBox<Queue<C, P>>;
    type RequestData = C::Data<Self>;

    fn new_request_data() -> impl PinInit<C::Data<Self>> {
        C::data::<Self>()
    }

    #[inline(always)]
    fn queue_rq<'call>(
        queue: &Queue<C, P>,
        rq: OwnedRequest<Self, Idle<'call>>,
        _is_last: bool,
    ) -> QueueResult<'call, Self> {
        if gate::is_open() || rq.is_polled() {
            return queue.queue_cold(rq);
        }
        let rq = queue.start(queue.admit(rq)?);
        if rq.should_fake_timeout() {
            Queue::lose(rq);
            return Ok(());
        }
        let done = P::execute(&queue.backend, rq);
        queue.complete(Queue::executed(done));
        Ok(())
    }

    #[inline(always)]
    fn queue_rqs<'call>(
        queue: &Queue<C, P>,
        mut requests: RequestList<Self, Idle<'call>>,
    ) -> RequestList<Self, Idle<'call>> {
        let mut refused = RequestList::new();
        let batch = core::iter::from_fn(|| loop {
            let rq = requests.pop_front()?;
            if gate::is_open() {
                queue.queue_gated_list(rq, &mut requests, &mut refused);
                return None;
            }
            // To poll for requests that take no time is worth code here.
            if P::SLOW && rq.is_polled() {
                if let Err(rq) = queue.queue_cold(rq) {
                    refused.push_back(rq.into_request());
                }
                continue;
            }
            // A closure, as the function itself would not be inlined.
            match queue.process(rq, !P::SLOW, |backend, rq| P::execute(backend, rq)) {
                Ok(Some(done)) => return Some(done),
                Ok(None) => (),
                Err(rq) => refused.push_back(rq.into_request()),
            }
        });
        C::complete_all(&queue.completion, batch);
        refused
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
        // The block layer asks again about a request that takes longer.
        if owner.is_some() || !known {
            let statistics = &queue.backend.kept.statistics;
            statistics.count(rq.hw_queue(), Event::TimedOut);
            log_timeout(core::ptr::from_ref(rq).cast());
        }
        if let Some(rq) = owner {
            rq.end(Status::TIMEOUT);
        }
    }

    fn report_zones(queue: &Queue<C, P>, report: &mut ZoneReport) -> Result {
        if !P::FULL {
            return Err(ENOTSUPP);
        }
        queue.backend.report_zones(report)
    }

    fn init_hctx(queue: &Queue<C, P>, _hw_queue: u32) -> Result {
        if gate::is_open() && queue.backend.kept.faults.init_hctx() {
            return Err(EFAULT);
        }
        Ok(())
    }
}

#[inline(never)]
fn log_timeout(rq: *const c_void) {
    pr_info!("rq {:p} timed out\n", rq);
}
