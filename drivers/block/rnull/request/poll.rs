// SPDX-License-Identifier: GPL-2.0

//! Poll queues: executed requests that wait until their submitters poll for them.

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

/// The poll queue of one hardware queue.
#[pin_data]
struct PollQueue<T: Operations> {
    #[pin]
    waiting: SpinLock<RequestList<T, InFlight>>,
}

/// The poll queues of a device: one for each hardware queue that it can have.
pub(crate) struct PollQueues<T: Operations>(KVec<Pin<KBox<PollQueue<T>>>>);

impl<T: Operations> PollQueues<T> {
    /// Creates `count` empty queues. May sleep.
    // Not inlined, because the code is the same for all driver types.
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

    /// Adds a request to its queue, unless `refuse` returns a status. In that case the caller gets
    /// the request back, and ends it with the status.
    ///
    /// This calls `refuse` under the lock of the queue. So a concurrent timeout either is visible
    /// to `refuse`, or [`remove`](Self::remove) finds the request.
    #[inline]
    pub(crate) fn add_unless(
        &self,
        rq: OwnedRequest<T, InFlight>,
        refuse: impl FnOnce(&Request<T>) -> Option<Status>,
    ) -> Option<(OwnedRequest<T, InFlight>, Status)> {
        let Some(queue) = self.0.get(rq.hw_queue() as usize) else {
            // Not reached: each possible hardware queue has a poll queue.
            return Some((rq, Status::IOERR));
        };
        let mut waiting = queue.waiting.lock();
        if let Some(status) = refuse(&rq) {
            return Some((rq, status));
        }
        waiting.push_back(rq);
        None
    }

    /// Removes all requests of a hardware queue, and returns them.
    #[inline]
    pub(crate) fn take(&self, hw_queue: u32) -> RequestList<T, InFlight> {
        match self.0.get(hw_queue as usize) {
            Some(queue) => core::mem::take(&mut *queue.waiting.lock()),
            None => RequestList::new(),
        }
    }

    /// Removes a request, and returns it if it was still in its queue.
    pub(crate) fn remove(&self, rq: &Request<T>) -> Option<OwnedRequest<T, InFlight>> {
        let queue = self.0.get(rq.hw_queue() as usize)?;
        let removed = queue.waiting.lock().remove(rq);
        removed
    }
}

impl<T: Operations> Drop for PollQueues<T> {
    // Not inlined, for the same reason as `new`.
    #[inline(never)]
    fn drop(&mut self) {
        self.0.clear();
    }
}
