// SPDX-License-Identifier: GPL-2.0

//! Completion by tag, as hardware does (`irqmode=3`).
//!
//! The device that this is a model of has a completion ring for each hardware queue. Carrying out a
//! request ends with a report on the ring, which is nothing but the number of a hardware queue and
//! a tag, and with an interrupt some time later. The handler, a timer's callback here, finds each
//! request by its tag, which gives a reference, claims the owner by that, and drops the reference.
//! It ends all that were reported together in one batch, which frees their tags together: nothing
//! else refers to the requests by then.
//!
//! A reference may be the last one. If a request that was found ends at the same moment, by its
//! timeout on another CPU, the handler claims nothing, and frees the request when it drops the
//! reference.
//!
//! A device can report anything, and with the fault attribute `tag_inject` this one does. What is
//! not the tag of a request that is waiting for a report is counted and dropped.
//!
//! Lock order: that of the device's side of a ring is taken last.

use super::{
    inline::end_together,
    keep_status,
    Completion,
    Done,
    HasStatus, //
};
use crate::{
    config::Config,
    driver::NullBlk,
    faults::Faults,
    pipeline::Pipeline,
    reports::{
        Counters,
        Device,
        Report,
        Reports, //
    },
    trouble, //
};
use kernel::{
    block::{
        mq::{
            InFlight,
            Operations,
            OwnedRequest,
            RequestList,
            TagSet, //
        },
        AtomicStatus,
        Status, //
    },
    impl_has_hr_timer,
    prelude::*,
    sync::{
        atomic::Full,
        barrier::smp_mb,
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

/// Completes requests by what the device reports of them.
pub(crate) enum ByTag {}

impl Completion for ByTag {
    const LATER: bool = true;

    type Data<P: Pipeline> = AtomicStatus;
    type Device<P: Pipeline> = Rings<NullBlk<Self, P>>;

    fn new_data<P: Pipeline>() -> impl PinInit<AtomicStatus> {
        AtomicStatus::new(Status::OK)
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
        rings.post(done);
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
    reports: Reports,
}

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
            let ring = Arc::pin_init(
                try_pin_init!(Ring {
                    tag_set: tag_set.clone(),
                    faults: faults.clone(),
                    counters: counters.clone(),
                    number,
                    latency: config.latency(),
                    interrupt <- HrTimer::new(),
                    reports <- Reports::new(2 * tag_set.queue_depth() as usize),
                }),
                GFP_KERNEL,
            )?;
            // There is a handle for a timer only once it was started.
            let mut interrupt = ring.clone().start(config.latency());
            interrupt.cancel();
            ports.push(Port { ring, interrupt }, GFP_KERNEL)?;
        }
        Ok(Self(ports))
    }

    /// Reports a request.
    #[inline]
    pub(super) fn post(&self, done: Done<T>) {
        self.report(keep_status(done), || None);
    }

    /// Reports requests. All are carried out before, which may sleep; a ring is locked after that.
    #[inline]
    pub(super) fn post_all(&self, requests: impl Iterator<Item = Done<T>>) {
        let mut list = RequestList::new();
        for done in requests {
            list.push_back(keep_status(done));
        }
        if let Some(first) = list.pop_front() {
            self.report(first, || list.pop_front());
        }
    }

    /// Reports the request `first`, and those that `others` returns.
    #[inline(always)]
    fn report(
        &self,
        first: OwnedRequest<T, InFlight>,
        others: impl FnMut() -> Option<OwnedRequest<T, InFlight>>,
    ) {
        if trouble::is_possible() {
            return self.report_in_trouble(first, others);
        }
        self.report_as::<false>(first, others);
    }

    #[cold]
    #[inline(never)]
    fn report_in_trouble(
        &self,
        first: OwnedRequest<T, InFlight>,
        others: impl FnMut() -> Option<OwnedRequest<T, InFlight>>,
    ) {
        self.report_as::<true>(first, others);
    }

    #[inline(always)]
    fn report_as<const TROUBLE: bool>(
        &self,
        first: OwnedRequest<T, InFlight>,
        mut others: impl FnMut() -> Option<OwnedRequest<T, InFlight>>,
    ) {
        let mut next = Some(first);
        while let Some(first) = next.take() {
            let hw_queue = first.hw_queue();
            let Some(Port { ring, interrupt }) = self.0.get(hw_queue as usize) else {
                // Only hardware queues for polling have none, and their requests are not posted.
                drop(first);
                next = others();
                continue;
            };
            let mut device = ring.reports.device();
            ring.post::<TROUBLE>(&mut device, first);
            next = others();
            while let Some(rq) = next.take_if(|rq| rq.hw_queue() == hw_queue) {
                ring.post::<TROUBLE>(&mut device, rq);
                next = others();
            }
            let armed = device.arm();
            drop(device);
            if armed {
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
    fn post<const TROUBLE: bool>(&self, device: &mut Device<'_>, rq: OwnedRequest<T, InFlight>) {
        let report = Report {
            hw_queue: rq.hw_queue(),
            tag: rq.tag(),
        };
        if !device.push(report) {
            // The device has made so many reports up that there is no room for a true one.
            let status = rq.data().status().load();
            rq.end(status);
            return;
        }
        rq.park();
        if TROUBLE {
            if let Some(invented) = self.faults.invent(report) {
                // This one is not missed if there is no room.
                if device.push(invented) {
                    self.counters.count_invented(self.number);
                }
            }
        }
    }

    /// Ends the requests that the interrupt is for. Returns whether another one is armed.
    fn reap(&self) -> bool {
        let mut completed = 0;
        let mut wrong = 0;
        let mut due = self.reports.interrupt();
        end_together(core::iter::from_fn(|| loop {
            if let Some(rq) = self.claim(due.next()?) {
                // `tag_to_rq` was a full barrier after the report was taken, as `finish` needs it.
                completed += 1;
                let status = rq.data().status().load();
                return Some((rq, status));
            }
            smp_mb(Full);
            wrong += 1;
        }));
        self.counters.count(self.number, completed, wrong);
        due.finish()
    }

    /// Finds the request of a report, and claims its owner.
    #[inline(always)]
    fn claim(&self, report: Report) -> Option<OwnedRequest<T, InFlight>> {
        // The ring of a hardware queue says nothing about the requests of another.
        if report.hw_queue as usize != self.number {
            return None;
        }
        let rq = self.tag_set.tag_to_rq(report.hw_queue, report.tag)?;
        // The reference is dropped with this function, before the owner gets into a batch.
        rq.claim()
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
