// SPDX-License-Identifier: GPL-2.0

//! Completion by tag, as hardware does (`irqmode=3`).
//!
//! The device that this is a model of has a completion ring for each hardware queue. Carrying out a
//! request ends with a report on the ring, which is nothing but the number of a hardware queue and
//! a tag, and with an interrupt some time later. The handler, a timer's callback here, finds each
//! request through its tag, claims its owner and ends it, all that were reported together in one
//! batch.
//!
//! A device can report anything, and with the fault attribute `tag_inject` this one does. What is
//! not the tag of a request that is waiting for a report is counted and dropped.
//!
//! Lock order: `Ring::reports` is taken last.

use super::{
    keep_status,
    Completion,
    Done,
    HasStatus,
    StatusOnly, //
};
use crate::{
    config::Config,
    driver::NullBlk,
    faults::Faults,
    pipeline::Pipeline,
    reports::{
        Counters,
        Next,
        Report,
        Reports, //
    },
    trouble, //
};
use kernel::{
    block::mq::{
        CompletionBatch,
        InFlight,
        Operations,
        OwnedRequest,
        RequestChain,
        TagSet, //
    },
    impl_has_hr_timer, new_spinlock_irq,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow,
        SpinLockIrq, //
    },
    time::{
        hrtimer::{
            ArcHrTimerHandle,
            HrTimer,
            HrTimerCallback,
            HrTimerPointer,
            HrTimerRestart,
            RelativePinnedMode,
            SharedHrTimerCallbackContext, //
        },
        Delta,
        Monotonic, //
    },
};

/// Completes requests by what the device reports of them.
pub(crate) enum ByTag {}

impl Completion for ByTag {
    const LATER: bool = true;

    type Data<P: Pipeline> = StatusOnly;
    type Device<P: Pipeline> = Rings<NullBlk<Self, P>>;

    fn new_data<P: Pipeline>() -> impl PinInit<StatusOnly, Error> {
        StatusOnly::new()
    }

    fn new_device<P: Pipeline>(
        config: &Config,
        tag_set: &Arc<TagSet<NullBlk<Self, P>>>,
        faults: &Arc<Faults>,
        counters: &Arc<Counters>,
    ) -> Result<Rings<NullBlk<Self, P>>> {
        Rings::new(config, tag_set, faults, counters)
    }

    #[inline(always)]
    fn complete<P: Pipeline>(rings: &Rings<NullBlk<Self, P>>, done: Done<NullBlk<Self, P>>) {
        rings.post_all(core::iter::once(done));
    }

    #[inline(always)]
    fn complete_all<P: Pipeline>(
        rings: &Rings<NullBlk<Self, P>>,
        requests: impl Iterator<Item = Done<NullBlk<Self, P>>>,
    ) {
        rings.post_all(requests);
    }
}

/// The completion rings of a device: one for each hardware queue that it may have.
pub(crate) struct Rings<T: Operations>(KVec<Port<T>>);

/// A completion ring, and the handle of its interrupt.
struct Port<T: Operations> {
    ring: Arc<Ring<T>>,
    interrupt: ArcHrTimerHandle<Ring<T>>,
}

/// The completion ring of a hardware queue, and its interrupt.
#[pin_data]
struct Ring<T: Operations> {
    tag_set: Arc<TagSet<T>>,
    faults: Arc<Faults>,
    counters: Arc<Counters>,
    /// Its place among the counters.
    number: usize,
    /// From a report to the interrupt.
    latency: Delta,
    #[pin]
    interrupt: HrTimer<Self>,
    #[pin]
    reports: SpinLockIrq<Reports>,
}

/// Reports that the interrupt handler takes from the ring at a time.
const BATCH: usize = 16;

impl<T> Rings<T>
where
    T: Operations<RequestData: HasStatus>,
{
    pub(super) fn new(
        config: &Config,
        tag_set: &Arc<TagSet<T>>,
        faults: &Arc<Faults>,
        counters: &Arc<Counters>,
    ) -> Result<Self> {
        let mut ports = KVec::new();
        for number in 0..kernel::cpu::nr_cpu_ids() as usize {
            let reports = Reports::new(2 * tag_set.queue_depth() as usize)?;
            let ring = Arc::pin_init(
                pin_init!(Ring {
                    tag_set: tag_set.clone(),
                    faults: faults.clone(),
                    counters: counters.clone(),
                    number,
                    latency: config.latency(),
                    interrupt <- HrTimer::new(),
                    reports <- new_spinlock_irq!(reports),
                }),
                GFP_KERNEL,
            )?;
            // There is a handle for a timer only once it was started.
            let interrupt = ring.clone().start(config.latency());
            ports.push(Port { ring, interrupt }, GFP_KERNEL)?;
        }
        Ok(Self(ports))
    }

    /// Reports requests. Does not sleep while a ring is locked: all are carried out before.
    #[inline]
    pub(super) fn post_all(&self, requests: impl Iterator<Item = Done<T>>) {
        let mut chain = RequestChain::new();
        for done in requests {
            chain.push_back(keep_status(done));
        }
        if trouble::is_possible() {
            return self.report_in_trouble(chain);
        }
        self.report_as::<false>(chain);
    }

    #[cold]
    #[inline(never)]
    fn report_in_trouble(&self, chain: RequestChain<T>) {
        self.report_as::<true>(chain);
    }

    #[inline(always)]
    fn report_as<const TROUBLE: bool>(&self, mut chain: RequestChain<T>) {
        let mut next = chain.pop_front();
        while let Some(first) = next.take() {
            let hw_queue = first.hw_queue();
            let Some(Port { ring, interrupt }) = self.0.get(hw_queue as usize) else {
                // Only hardware queues for polling have none, and their requests are not posted.
                drop(first);
                next = chain.pop_front();
                continue;
            };
            let mut reports = ring.reports.lock();
            ring.post::<TROUBLE>(&mut reports, first);
            next = chain.pop_front();
            while let Some(rq) = next.take_if(|rq| rq.hw_queue() == hw_queue) {
                ring.post::<TROUBLE>(&mut reports, rq);
                next = chain.pop_front();
            }
            let arm = reports.arm();
            drop(reports);
            if arm {
                interrupt.restart(ring.latency);
            }
        }
    }
}

impl<T> Ring<T>
where
    T: Operations<RequestData: HasStatus>,
{
    /// Reports a request.
    #[inline(always)]
    fn post<const TROUBLE: bool>(&self, reports: &mut Reports, rq: OwnedRequest<T, InFlight>) {
        let report = Report {
            hw_queue: rq.hw_queue(),
            tag: rq.tag(),
        };
        if !reports.push(report) {
            // The device has made so many reports up that there is no room for a true one.
            let status = rq.data().status().load();
            rq.end(status);
            return;
        }
        rq.park();
        if TROUBLE {
            if let Some(invented) = self.faults.invent(report) {
                // This one is not missed if there is no room.
                if reports.push(invented) {
                    self.counters.count_invented(self.number);
                }
            }
        }
    }

    /// Ends the requests that the interrupt is for. Returns whether another one is armed.
    fn reap(&self) -> bool {
        let mut completed = 0;
        let mut wrong = 0;
        let mut taken = [Report::default(); BATCH];
        let next = CompletionBatch::scope(|batch| loop {
            let (count, next) = self.reports.lock().take_due(&mut taken);
            for report in &taken[..count] {
                // The ring of a hardware queue says nothing about the requests of another.
                let mine = report.hw_queue as usize == self.number;
                let rq = mine.then(|| self.tag_set.claim(report.hw_queue, report.tag));
                match rq.flatten() {
                    Some(rq) => {
                        let status = rq.data().status().load();
                        rq.end_batched(status, batch);
                        completed += 1;
                    }
                    None => wrong += 1,
                }
            }
            if next != Next::More {
                break next;
            }
        });
        self.counters.count(self.number, completed, wrong);
        next == Next::Interrupt
    }
}

impl_has_hr_timer! {
    impl{T: Operations} HasHrTimer<Self> for Ring<T> {
        mode: RelativePinnedMode<Monotonic>, field: self.interrupt
    }
}

impl<T> HrTimerCallback for Ring<T>
where
    T: Operations<RequestData: HasStatus>,
{
    type Pointer<'a> = Arc<Self>;

    fn run(
        this: ArcBorrow<'_, Self>,
        mut context: SharedHrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        // While an interrupt is armed nobody else starts the timer.
        if this.reap() {
            context.start(this.latency);
        }
        HrTimerRestart::NoRestart
    }
}
