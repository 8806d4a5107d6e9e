// SPDX-License-Identifier: GPL-2.0

//! Completion by tag, as with hardware (`irqmode=3`).
//!
//! This models a device with a completion ring for each hardware queue. After executing a request,
//! the device adds an entry to the ring: the number of the hardware queue, and the tag. It raises
//! an interrupt some time later; here, a timer expires. The interrupt handler looks up each request
//! by its tag, which gives a reference, claims ownership through the reference, and drops the
//! reference. It ends all claimed requests in one batch. No references to them are left then, so
//! the batch frees their tags together.
//!
//! The handler's reference may be the last one. If a timeout on another CPU ends the request after
//! the look-up, the handler claims nothing, and dropping the reference frees the request.
//!
//! A device may complete a tag that is not in flight. This device does so with the fault attribute
//! `tag_inject`. An entry for which no request waits is a spurious completion. The handler counts
//! and drops it.
//!
//! Lock order: the lock of a ring is taken last.
//!
//! * `ring`: the completion ring.

mod ring;

use self::ring::{
    Entry,
    Producer,
    Ring, //
};
use super::{
    end_all,
    end_each,
    keep_status,
    Done,
    Setup, //
};
use crate::{
    gate,
    retained::Retained,
    statistics::Event, //
};
use kernel::{
    block::mq::{
        InFlight,
        Operations,
        OwnedRequest,
        RequestList,
        TagSet, //
    },
    impl_has_hr_timer,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    },
    time::{
        hrtimer::{
            ArcHrTimerHandle,
            HrTimer,
            HrTimerCallback,
            HrTimerHandle,
            HrTimerPointer,
            HrTimerRestart,
            RelativePinnedMode,
            SharedHrTimerCallbackContext, //
        },
        Delta,
        Monotonic, //
    },
};

pub(super) use super::no_data as data;

pub(super) const DEFERRED: bool = true;

pub(super) fn device<T: Operations>(
    setup: &Setup<'_>,
    tag_set: &Arc<TagSet<T>>,
) -> Result<Rings<T>> {
    Rings::new(setup, tag_set)
}

/// Adds a completion entry for a request.
// Not inlined, so that the other modes of `Any` do not save registers for it.
#[inline(never)]
pub(super) fn complete<T: Operations>(rings: &Rings<T>, done: Done<T>) {
    rings.post(keep_status(done), || None);
}

/// Adds completion entries for a batch.
#[inline(never)]
pub(super) fn complete_list<T: Operations>(rings: &Rings<T>, mut list: RequestList<T, InFlight>) {
    if let Some(first) = list.pop_front() {
        rings.post(first, || list.pop_front());
    }
}

/// The completion rings of a device: one for each of the first `nr_cpu_ids` hardware queues. All
/// others are for polling.
pub(crate) struct Rings<T: Operations>(KVec<Port<T>>);

/// A hardware queue, and the handle that arms its interrupt.
struct Port<T: Operations> {
    queue: Arc<HwQueue<T>>,
    interrupt: ArcHrTimerHandle<HwQueue<T>>,
}

/// The state of a hardware queue that its interrupt handler uses.
#[pin_data]
struct HwQueue<T: Operations> {
    tag_set: Arc<TagSet<T>>,
    retained: Arc<Retained>,
    number: u32,
    /// The time from arming the interrupt until it is raised.
    latency: Delta,
    #[pin]
    interrupt: HrTimer<Self>,
    #[pin]
    ring: Ring,
}

impl<T: Operations> Rings<T> {
    // Not inlined, because the code is the same for all driver types.
    #[inline(never)]
    fn new(setup: &Setup<'_>, tag_set: &Arc<TagSet<T>>) -> Result<Self> {
        let latency = setup.config.latency();
        let mut ports = KVec::new();
        for number in 0..kernel::cpu::nr_cpu_ids() {
            let queue = Arc::pin_init(
                try_pin_init!(HwQueue {
                    tag_set: tag_set.clone(),
                    retained: setup.retained.clone(),
                    number,
                    latency,
                    interrupt <- HrTimer::new(),
                    ring <- Ring::new(2 * tag_set.queue_depth() as usize),
                }),
                GFP_KERNEL,
            )?;
            // Starting a timer is the only way to get its handle.
            let mut interrupt = queue.clone().start(latency);
            interrupt.cancel();
            ports.push(Port { queue, interrupt }, GFP_KERNEL)?;
        }
        Ok(Self(ports))
    }

    /// Adds an entry for the request `first`, and for each that `others` returns, to the ring of
    /// its hardware queue, and arms the interrupts. While the gate is open, adds an injected entry
    /// after each if `tag_inject` asks for it.
    ///
    /// A request without room for its entry ends at once: one of a hardware queue for polling that
    /// has no ring, which comes here when it has timed out, or if entries of other requests that
    /// have ended, or injected entries, fill the ring.
    #[inline(always)]
    fn post(
        &self,
        first: OwnedRequest<T, InFlight>,
        mut others: impl FnMut() -> Option<OwnedRequest<T, InFlight>>,
    ) {
        let gate = gate::is_open();
        let mut without_entry = RequestList::new();
        let mut next = Some(first);
        while let Some(first) = next.take() {
            let hw_queue = first.hw_queue();
            let Some(Port { queue, interrupt }) = self.0.get(hw_queue as usize) else {
                without_entry.push_back(first);
                next = others();
                continue;
            };
            let mut producer = queue.ring.producer();
            next = Some(first);
            while let Some(rq) = next.take_if(|rq| rq.hw_queue() == hw_queue) {
                if let Err(rq) = queue.post(&mut producer, rq, gate) {
                    without_entry.push_back(rq);
                }
                next = others();
            }
            let armed = producer.arm();
            drop(producer);
            if armed {
                interrupt.restart(queue.latency);
            }
        }
        // Not earlier: to end a request, the caller must not hold a lock.
        if !without_entry.is_empty() {
            end_all(without_entry);
        }
    }
}

impl<T: Operations> HwQueue<T> {
    /// Adds an entry for a request, and with `gate`, if `tag_inject` asks for it, an injected one.
    /// Returns the request if the ring is full.
    #[inline(always)]
    fn post(
        &self,
        producer: &mut Producer<'_>,
        rq: OwnedRequest<T, InFlight>,
        gate: bool,
    ) -> Result<(), OwnedRequest<T, InFlight>> {
        let (hw_queue, tag) = (rq.hw_queue(), rq.tag());
        if !producer.push(Entry { hw_queue, tag }) {
            return Err(rq);
        }
        rq.park();
        if gate {
            if let Some((hw_queue, tag)) = self.retained.faults.inject_tag(hw_queue, tag) {
                // If the ring is full, nothing is injected.
                if producer.push(Entry { hw_queue, tag }) {
                    self.retained.statistics.count(self.number, Event::Injected);
                }
            }
        }
        Ok(())
    }

    /// Ends the requests whose entries the interrupt is for. Returns whether the next interrupt is
    /// armed. Runs in the timer's hardirq.
    fn reap(&self) -> bool {
        let mut consumer = self.ring.consumer();
        end_each(core::iter::from_fn(|| loop {
            let found = consumer.next(|entry| {
                // An entry for another hardware queue is spurious.
                (entry.hw_queue == self.number)
                    .then(|| self.tag_set.tag_to_rq(entry.hw_queue, entry.tag))?
            })?;
            if let Some(rq) = found.and_then(|rq| rq.claim()) {
                let status = rq.status().load();
                return Some((rq, status));
            }
            self.count_spurious();
        }));
        consumer.finish()
    }

    #[cold]
    fn count_spurious(&self) {
        self.retained.statistics.count(self.number, Event::Spurious);
    }
}

impl_has_hr_timer! {
    impl{T: Operations} HasHrTimer<Self> for HwQueue<T> {
        mode: RelativePinnedMode<Monotonic>, field: self.interrupt
    }
}

impl<T: Operations> HrTimerCallback for HwQueue<T> {
    type Pointer<'a> = Arc<Self>;

    fn run(
        this: ArcBorrow<'_, Self>,
        mut context: SharedHrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        // While an interrupt is armed, nothing else starts the timer.
        if this.reap() {
            context.start(this.latency);
        }
        HrTimerRestart::NoRestart
    }
}
