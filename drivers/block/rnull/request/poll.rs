// SPDX-License-Identifier: GPL-2.0

//! Requests that wait to be polled for.

use kernel::{
    block::{
        mq::{
            InFlight,
            Operations,
            OwnedRequest,
            Request,
            RequestList, //
        },
        Status, //
    },
    new_spinlock,
    prelude::*,
    sync::SpinLock, //
};

/// The requests of one hardware queue that wait to be polled for.
#[pin_data]
struct PollQueue<T: Operations> {
    #[pin]
    waiting: SpinLock<RequestList<T, InFlight>>,
}

/// A queue for each hardware queue that there may be.
pub(crate) struct PollQueues<T: Operations>(KVec<Pin<KBox<PollQueue<T>>>>);

impl<T: Operations> PollQueues<T> {
    /// Makes `count` empty queues.
    // Not inlined, as this is the same for all driver types.
    #[inline(never)]
    pub(crate) fn new(count: u32) -> Result<Self> {
        let mut queues = KVec::new();
        for _ in 0..count {
            let queue = KBox::pin_init(
                pin_init!(PollQueue {
                    waiting <- new_spinlock!(RequestList::new()),
                }),
                GFP_KERNEL,
            )?;
            queues.push(queue, GFP_KERNEL)?;
        }
        Ok(Self(queues))
    }

    /// Adds a request, for [`take`](Self::take) to find, unless `refuse` says with what it is to
    /// end at once; then it comes back.
    ///
    /// `refuse` is called under the lock. A concurrent timeout either is visible to it, or
    /// [`remove`](Self::remove) finds the request.
    #[inline]
    pub(crate) fn add_unless(
        &self,
        rq: OwnedRequest<T, InFlight>,
        refuse: impl FnOnce(&Request<T>) -> Option<Status>,
    ) -> Option<(OwnedRequest<T, InFlight>, Status)> {
        let Some(queue) = self.0.get(rq.hw_queue() as usize) else {
            // There are as many as there can be hardware queues.
            return Some((rq, Status::IOERR));
        };
        let mut waiting = queue.waiting.lock();
        if let Some(status) = refuse(&rq) {
            return Some((rq, status));
        }
        waiting.push_back(rq);
        None
    }

    /// Takes all requests of a hardware queue.
    #[inline]
    pub(crate) fn take(&self, hw_queue: u32) -> RequestList<T, InFlight> {
        match self.0.get(hw_queue as usize) {
            Some(queue) => core::mem::take(&mut *queue.waiting.lock()),
            None => RequestList::new(),
        }
    }

    /// Takes one request, if it is still waiting.
    pub(crate) fn remove(&self, rq: &Request<T>) -> Option<OwnedRequest<T, InFlight>> {
        let queue = self.0.get(rq.hw_queue() as usize)?;
        let removed = queue.waiting.lock().remove(rq);
        removed
    }
}

impl<T: Operations> Drop for PollQueues<T> {
    // As for `new`.
    #[inline(never)]
    fn drop(&mut self) {
        self.0.clear();
    }
}
