// SPDX-License-Identifier: GPL-2.0

//! Completion by tag, as hardware does (`irqmode=3`).
//!
//! The device that this is a model of has a completion ring for each hardware queue. Executing a
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
    inline,
    keep_all,
    keep_status,
    Done,
    HasStatus,
    Setup, //
};
use crate::{
    faults::gate,
    kept::Kept,
    reports::{
        Device,
        Report,
        Reports, //
    }, //
};
use kernel::{
    block::mq::{
        InFlight,
        Operations,
        OwnedRequest,
        TagSet, //
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

pub(super) use super::only_status as data;

pub(super) const LATER: bool = true;

pub(super) fn device<T>(setup: &Setup<'_>, tag_set: &Arc<TagSet<T>>) -> Result<Rings<T>>
where
    T: Operations<RequestData: HasStatus>,
{
    Rings::new(setup, tag_set)
}

/// Reports a request.
#[inline]
pub(super) fn complete<T>(rings: &Rings<T>, done: Done<T>)
where
    T: Operations<RequestData: HasStatus>,
{
    let rq = keep_status(done);
    if gate::is_open() {
        return rings.report_faulty(rq);
    }
    rings.report::<false>(rq, || None);
}

/// Reports requests. All are executed before, which may sleep; a ring is locked after that.
///
/// While faults are possible, requests are completed one by one, so nothing is made up here.
#[inline(always)]
pub(super) fn complete_all<T>(rings: &Rings<T>, requests: impl Iterator<Item = Done<T>>)
where
    T: Operations<RequestData: HasStatus>,
{
    let mut list = keep_all(requests);
    if let Some(first) = list.pop_front() {
        rings.report::<false>(first, || list.pop_front());
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
    kept: Arc<Kept>,
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
    fn new(setup: &Setup<'_>, tag_set: &Arc<TagSet<T>>) -> Result<Self> {
        let mut ports = KVec::new();
        for number in 0..kernel::cpu::nr_cpu_ids() as usize {
            let ring = Arc::pin_init(
                try_pin_init!(Ring {
                    tag_set: tag_set.clone(),
                    kept: setup.kept.clone(),
                    number,
                    latency: setup.latency,
                    interrupt <- HrTimer::new(),
                    reports <- Reports::new(2 * tag_set.queue_depth() as usize),
                }),
                GFP_KERNEL,
            )?;
            // There is a handle for a timer only once it was started.
            let mut interrupt = ring.clone().start(setup.latency);
            interrupt.cancel();
            ports.push(Port { ring, interrupt }, GFP_KERNEL)?;
        }
        Ok(Self(ports))
    }

    /// Reports a request, and what the device makes up after it.
    #[cold]
    #[inline(never)]
    fn report_faulty(&self, rq: OwnedRequest<T, InFlight>) {
        self.report::<true>(rq, || None);
    }

    /// Reports the request `first`, and those that `others` returns.
    #[inline(always)]
    fn report<const FAULTY: bool>(
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
            ring.post::<FAULTY>(&mut device, first);
            next = others();
            while let Some(rq) = next.take_if(|rq| rq.hw_queue() == hw_queue) {
                ring.post::<FAULTY>(&mut device, rq);
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
    fn post<const FAULTY: bool>(&self, device: &mut Device<'_>, rq: OwnedRequest<T, InFlight>) {
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
        if FAULTY {
            if let Some(invented) = self.kept.faults.invent(report) {
                // This one is not missed if there is no room.
                if device.push(invented) {
                    self.kept.counters.count_invented(self.number);
                }
            }
        }
    }

    /// Ends the requests that the interrupt is for. Returns whether another one is armed.
    fn reap(&self) -> bool {
        let mut completed = 0;
        let mut wrong = 0;
        let mut due = self.reports.interrupt();
        inline::complete_all(
            &(),
            core::iter::from_fn(|| loop {
                if let Some(rq) = self.claim(due.next()?) {
                    // `tag_to_rq` was a full barrier after the report was taken, as `finish` needs
                    // it.
                    completed += 1;
                    let status = rq.data().status().load();
                    return Some((rq, status));
                }
                smp_mb(Full);
                wrong += 1;
            }),
        );
        self.kept.counters.count(self.number, completed, wrong);
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
