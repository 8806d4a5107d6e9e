// SPDX-License-Identifier: GPL-2.0

//! The driver type, and its callbacks for the block layer.
//!
//! `queue_rq` admits a request (the bandwidth limit may refuse it), starts it, executes it and
//! completes it. A polled request is not completed, but waits in a poll queue.
//! [`Queue::queue_slow`] does all of this. `queue_rq` has a fast path. It needs a closed gate, a
//! request that is not polled, and a device that has at most data in memory.

use super::{
    backend::{
        do_nothing,
        Backend, //
    },
    poll::PollQueues, //
};
use crate::{
    completion::{self, Completion, Done},
    gate,
    retained::Retained,
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
        Status,
        ZoneReport, //
    },
    prelude::*,
    sync::Arc, //
};

/// The driver, for devices that complete requests in mode `C`.
///
/// Power-on selects the type for a device, so that an I/O does not pay for features that are off.
pub(crate) struct NullBlk<C>(PhantomData<C>);

/// The queue data of a device.
///
/// The layout is fixed, because reaching the first field takes one instruction less.
#[repr(C)]
pub(crate) struct Queue<C: Completion> {
    pub(crate) completion: C::Device<NullBlk<C>>,
    pub(crate) poll_queues: PollQueues<NullBlk<C>>,
    pub(crate) backend: Arc<Backend>,
}

/// A request that was not started.
type New<'call, C> = OwnedRequest<NullBlk<C>, Idle<'call>>;
/// A request that was started.
type Started<C> = OwnedRequest<NullBlk<C>, InFlight>;

/// The request that the caller must complete, if any; or a refused request.
type Processed<'call, C> = Result<Option<Done<NullBlk<C>>>, Refused<'call, NullBlk<C>>>;

impl<C: Completion> Queue<C> {
    /// Returns whether the fast path can execute all requests of the device: it has no features
    /// except for data in memory.
    #[inline(always)]
    fn is_plain(&self) -> bool {
        !C::FEATURES || self.backend.is_plain()
    }

    /// Refuses a request that exceeds the bandwidth limit, and returns any other request.
    #[inline(always)]
    fn admit<'call>(&self, rq: New<'call, C>) -> Result<New<'call, C>, Refused<'call, NullBlk<C>>> {
        if C::FEATURES && !self.backend.admit(rq.bytes()) {
            self.backend
                .retained
                .statistics
                .count(rq.hw_queue(), Event::Requeued);
            // The block layer dispatches the request again within 3 ms.
            return Err(rq.refuse(Status::RESOURCE));
        }
        Ok(rq)
    }

    /// Starts a request, with the status `OK`.
    #[inline(always)]
    fn start(&self, rq: New<'_, C>) -> Started<C> {
        if C::DEFERRED {
            rq.status().store(Status::OK);
        }
        rq.start()
    }

    /// Drops a request: leaves it to its timeout. If a completion entry with its tag ends it
    /// earlier, the request also fails, because it was not executed.
    #[cold]
    fn lose(&self, rq: Started<C>) {
        let statistics = &self.backend.retained.statistics;
        statistics.count(rq.hw_queue(), Event::Dropped);
        rq.status().store(Status::TIMEOUT);
        rq.park();
    }

    /// Replaces the status of an executed request, if the request has timed out.
    #[inline(always)]
    fn executed((rq, status): Done<NullBlk<C>>) -> Done<NullBlk<C>> {
        let status = Self::timed_out(&rq).unwrap_or(status);
        (rq, status)
    }

    /// Returns the status that the timeout has set, if a request has timed out during execution.
    #[inline(always)]
    fn timed_out(rq: &Request<NullBlk<C>>) -> Option<Status> {
        // Without features, execution is too short for a timeout.
        if !C::FEATURES {
            return None;
        }
        Some(rq.status().load()).filter(|status| !status.is_ok())
    }

    /// Executes a request while the gate is closed.
    #[inline(always)]
    fn execute(backend: &Backend, rq: Started<C>) -> Done<NullBlk<C>> {
        if C::FEATURES {
            return backend.execute(rq);
        }
        let status = do_nothing(rq.op(), rq.segments());
        (rq, status)
    }

    /// Completes an executed request, in the mode of the device.
    #[inline(always)]
    fn complete(&self, done: Done<NullBlk<C>>) {
        C::complete(&self.completion, done);
    }

    /// Admits, starts and executes a request. Returns the request for the caller to complete, or
    /// `None` if the request was lost, was requeued or waits in a poll queue.
    ///
    /// With `may_be_polled`, the request can be a polled one. With `gate`, the gate is open: this
    /// injects faults and counts statistics.
    #[inline(always)]
    fn process<'call>(
        &self,
        rq: New<'call, C>,
        may_be_polled: bool,
        gate: bool,
        execute: impl FnOnce(&Backend, Started<C>) -> Done<NullBlk<C>>,
    ) -> Processed<'call, C> {
        let Retained {
            faults, statistics, ..
        } = &*self.backend.retained;
        let hw_queue = rq.hw_queue();
        if gate {
            statistics.count_io(hw_queue, Event::Submitted);
            if faults.should_requeue() {
                statistics.count(hw_queue, Event::Requeued);
                return faults.refuse_or_requeue(rq).map(|()| None);
            }
        }
        let rq = self.start(self.admit(rq)?);
        let polled = may_be_polled && rq.is_polled();
        if !polled && ((gate && faults.should_time_out()) || rq.should_fake_timeout()) {
            self.lose(rq);
            return Ok(None);
        }
        let done = execute(&self.backend, rq);
        if gate {
            statistics.count_io(hw_queue, Event::Completed);
        }
        if polled {
            return Ok(self.add_to_poll_queue(done));
        }
        Ok(Some(Self::executed(done)))
    }

    /// Adds an executed request to its poll queue. If the request has timed out, returns it
    /// instead, because its submitter may have stopped polling.
    #[inline(always)]
    fn add_to_poll_queue(&self, (rq, status): Done<NullBlk<C>>) -> Option<Done<NullBlk<C>>> {
        self.poll_queues.add_unless(rq, |rq| {
            let late = Self::timed_out(rq);
            if late.is_none() {
                rq.status().store(status);
            }
            late
        })
    }

    /// Queues any request: a polled one, one of a device with more features than a backing store,
    /// or one while the gate is open.
    ///
    /// This is out of line, so that the fast path does not save registers for it.
    #[inline(never)]
    fn queue_slow<'call>(&self, rq: New<'call, C>) -> QueueResult<'call, NullBlk<C>> {
        if let Some(done) = self.process_gated(rq, gate::is_open())? {
            self.complete(done);
        }
        Ok(())
    }

    /// As [`process`](Self::process), for any request. With `gate`, the gate is open.
    #[inline(never)]
    fn process_gated<'call>(&self, rq: New<'call, C>, gate: bool) -> Processed<'call, C> {
        self.process(rq, true, gate, |backend, rq| {
            if gate || C::FEATURES {
                backend.execute_command(rq)
            } else {
                Self::execute(backend, rq)
            }
        })
    }

    /// Queues a list of requests while the gate is open. Returns the refused requests.
    #[cold]
    #[inline(never)]
    fn queue_gated<'call>(
        &self,
        mut requests: RequestList<NullBlk<C>, Idle<'call>>,
    ) -> RequestList<NullBlk<C>, Idle<'call>> {
        let statistics = &self.backend.retained.statistics;
        let mut batch = Some(Event::Batch);
        let mut refused = RequestList::new();
        let done = core::iter::from_fn(|| loop {
            let rq = requests.pop_front()?;
            if let Some(batch) = batch.take() {
                statistics.count_io(rq.hw_queue(), batch);
            }
            match self.process_gated(rq, true) {
                Ok(Some(done)) => return Some(done),
                Ok(None) => (),
                Err(rq) => refused.push_back(rq.into_request()),
            }
        });
        C::complete_all(&self.completion, done);
        refused
    }
}

#[vtable]
impl<C: Completion> Operations for NullBlk<C> {
    type QueueData = KBox<Queue<C>>;
    type RequestData = C::Data<Self>;

    fn new_request_data() -> impl PinInit<C::Data<Self>> {
        C::data::<Self>()
    }

    #[inline(always)]
    fn queue_rq<'call>(
        queue: &Queue<C>,
        rq: OwnedRequest<Self, Idle<'call>>,
        _is_last: bool,
    ) -> QueueResult<'call, Self> {
        if gate::is_open() || rq.is_polled() || !queue.is_plain() {
            return queue.queue_slow(rq);
        }
        let rq = queue.start(rq);
        if rq.should_fake_timeout() {
            queue.lose(rq);
            return Ok(());
        }
        let done = Queue::execute(&queue.backend, rq);
        queue.complete(Queue::executed(done));
        Ok(())
    }

    #[inline(always)]
    fn queue_rqs<'call>(
        queue: &Queue<C>,
        mut requests: RequestList<Self, Idle<'call>>,
    ) -> RequestList<Self, Idle<'call>> {
        if gate::is_open() {
            return queue.queue_gated(requests);
        }
        let mut refused = RequestList::new();
        let batch = core::iter::from_fn(|| loop {
            let rq = requests.pop_front()?;
            // Without features, `process` handles polled requests inline.
            if C::FEATURES && rq.is_polled() {
                if let Err(rq) = queue.queue_slow(rq) {
                    refused.push_back(rq.into_request());
                }
                continue;
            }
            // The compiler inlines this closure, but would not inline `Queue::execute` itself.
            match queue.process(rq, !C::FEATURES, false, |backend, rq| {
                Queue::execute(backend, rq)
            }) {
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
    fn poll(queue: &Queue<C>, hw_queue: u32, batch: &mut CompletionBatch<'_>) -> u32 {
        let mut ended = 0;
        for rq in queue.poll_queues.take(hw_queue) {
            let status = rq.status().load();
            rq.end_batched(status, batch);
            ended += 1;
        }
        ended
    }

    /// Marks a request as timed out. If it is parked or in a poll queue, ends it at once. Otherwise
    /// its owner ends it, with the error that is set here.
    fn timeout(queue: &Queue<C>, rq: &Request<Self>) {
        let known = rq.status().load() == Status::TIMEOUT;
        rq.status().store(Status::TIMEOUT);
        let owner = rq.claim().or_else(|| queue.poll_queues.remove(rq));
        // The timeout expires repeatedly while the request is in flight. Log and count only the
        // first time, and the time that ends the request.
        if owner.is_some() || !known {
            let statistics = &queue.backend.retained.statistics;
            statistics.count(rq.hw_queue(), Event::TimedOut);
            log_timeout(core::ptr::from_ref(rq).cast());
        }
        if let Some(rq) = owner {
            rq.end(Status::TIMEOUT);
        }
    }

    fn report_zones(queue: &Queue<C>, report: &mut ZoneReport) -> Result {
        if !C::FEATURES {
            return Err(ENOTSUPP);
        }
        queue.backend.report_zones(report)
    }

    fn init_hctx(queue: &Queue<C>, _hw_queue: u32) -> Result {
        if gate::is_open() && queue.backend.retained.faults.should_fail_init_hctx() {
            return Err(EFAULT);
        }
        Ok(())
    }
}

#[inline(never)]
fn log_timeout(rq: *const c_void) {
    pr_info!("rq {:p} timed out\n", rq);
}
