// SPDX-License-Identifier: GPL-2.0

//! Tests of timers in the data of requests.

use super::{
    Data,
    Keeper,
    Owner, //
};
use crate::{
    block::{
        mq::{
            InFlight,
            Request,
            RequestList, //
        },
        Status, //
    },
    impl_has_hr_timer, new_spinlock_irq,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        SpinLockIrq, //
    },
    time::{
        hrtimer::{
            HrTimer,
            HrTimerCallback,
            HrTimerRestart,
            RelativePinnedHardMode, //
        },
        Monotonic, //
    },
};

type Requests<D> = RequestList<Keeper<D>, InFlight>;

/// A function for the callback to call with the first request of a list and the others, or with a
/// reference.
type Expired = fn(Owner<Owning>, Requests<Owning>);
type Watch = fn(&Request<Keeper<Watching>>);

/// Request data whose timer owns requests.
#[pin_data]
pub(super) struct Owning {
    fired: Atomic<u32>,
    /// The number of times that cancelling the timer in its callback returned requests.
    found: Atomic<u32>,
    /// The callback calls this with the requests instead of ending them. The first one is passed
    /// separately.
    #[pin]
    then: SpinLockIrq<Option<Expired>>,
    /// Another request, for `then`.
    #[pin]
    peer: SpinLockIrq<Option<ARef<Request<Keeper<Self>>>>>,
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Owning {
        mode: RelativePinnedHardMode<Monotonic>, field: self.timer
    }
}

impl Data for Owning {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            fired: Atomic::new(0),
            found: Atomic::new(0),
            then <- new_spinlock_irq!(None),
            peer <- new_spinlock_irq!(None),
            timer <- HrTimer::new(),
        })
    }
}

impl Owning {
    /// Makes each callback call `then`.
    pub(super) fn set(&self, then: Expired) {
        *self.then.lock() = Some(then);
    }
}

impl HrTimerCallback for Owning {
    type Pointer<'a> = Requests<Self>;

    fn run(mut requests: Requests<Self>, (): ()) -> HrTimerRestart {
        let Some(first) = requests.pop_front() else {
            return HrTimerRestart::NoRestart;
        };
        first.data().fired.add(1, Relaxed);
        if RequestList::cancel_timer(&first).is_some() {
            first.data().found.add(1, Relaxed);
        }
        // Call the function after the lock is released.
        let then = *first.data().then.lock();
        match then {
            Some(then) => then(first, requests),
            None => {
                requests.push_back(first);
                requests.end(|_| Status::OK);
            }
        }
        // The return value has no effect.
        HrTimerRestart::Restart
    }
}

/// Request data whose timer has a reference.
#[pin_data]
pub(super) struct Watching {
    fired: Atomic<u32>,
    /// The callback calls this.
    #[pin]
    then: SpinLockIrq<Option<Watch>>,
    /// Another request, for `then`.
    #[pin]
    peer: SpinLockIrq<Option<ARef<Request<Keeper<Self>>>>>,
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Watching {
        mode: RelativePinnedHardMode<Monotonic>, field: self.timer
    }
}

impl Data for Watching {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            fired: Atomic::new(0),
            then <- new_spinlock_irq!(None),
            peer <- new_spinlock_irq!(None),
            timer <- HrTimer::new(),
        })
    }
}

impl Watching {
    /// Makes each callback call `then`.
    fn set(&self, then: Watch) {
        *self.then.lock() = Some(then);
    }
}

impl HrTimerCallback for Watching {
    type Pointer<'a> = ARef<Request<Keeper<Self>>>;

    fn run(rq: ARef<Request<Keeper<Self>>>, (): ()) -> HrTimerRestart {
        rq.data().fired.add(1, Relaxed);
        // Call the function after the lock is released.
        let then = *rq.data().then.lock();
        if let Some(then) = then {
            then(&rq);
        }
        // The return value has no effect.
        HrTimerRestart::Restart
    }
}

#[kunit_tests(rust_block_mq_timer)]
mod tests {
    use super::*;
    use crate::{
        block::mq::{
            kunit::{
                all_end_with,
                count,
                list,
                raw,
                references,
                wait_for,
                Kept,
                TestDisk, //
            },
            GenDiskBuilder,
            TagSetBuilder, //
        },
        error::to_result,
        time::{
            delay::fsleep,
            Delta,
            Instant, //
        },
    };

    /// Longer than any test.
    const LONG: Delta = Delta::from_secs(1000);
    const SHORT: Delta = Delta::from_micros(100);

    /// Returns how often the timer of each request has expired.
    fn fired(references: &[ARef<Request<Keeper<Owning>>>]) -> Result<KVec<u32>> {
        let mut fired = KVec::new();
        for reference in references {
            fired.push(reference.data().fired.load(Relaxed), GFP_KERNEL)?;
        }
        Ok(fired)
    }

    #[test]
    fn list_is_ended_by_one_timer() -> Result {
        for length in 1..=5 {
            let disk = TestDisk::<Owning>::new(8)?;
            let (ios, requests) = disk.several(length)?;
            let references = references(&requests)?;
            list(requests).start_timer(SHORT);
            all_end_with(&ios, Status::OK);
            assert_eq!(&*fired(&references)?, &[1, 0, 0, 0, 0][..length as usize]);
        }
        Requests::<Owning>::new().start_timer(SHORT);
        Ok(())
    }

    #[test]
    fn timer_is_used_for_one_io_after_the_other() -> Result {
        let disk = TestDisk::<Owning>::with(
            TagSetBuilder::new()
                .queue_depth(4)
                .no_scheduler_by_default(),
            GenDiskBuilder::new(),
        )?;
        for round in 0..20 {
            let (ios, requests) = disk.several(round % 4 + 1)?;
            list(requests).start_timer(SHORT);
            all_end_with(&ios, Status::OK);
        }
        // The callback may still be running.
        wait_for(|| match disk.has_tags(4) {
            Ok(false) => None,
            result => Some(result),
        })?
        .map(|_| ())
    }

    #[test]
    fn owning_timer_touches_no_count() -> Result {
        let disk = TestDisk::<Owning>::new(4)?;
        let (ios, requests) = disk.several(3)?;
        let references = references(&requests)?;
        let has_count = |expected| references.iter().all(|rq| count(rq) == expected);
        list(requests).start_timer(LONG);
        assert!(has_count(2));
        let requests = RequestList::cancel_timer(&references[0]).ok_or(ENOENT)?;
        assert!(has_count(2));
        requests.end(|_| Status::OK);
        assert!(has_count(1));
        all_end_with(&ios, Status::OK);
        Ok(())
    }

    #[test]
    fn owning_timer_is_restarted_in_its_callback() -> Result {
        for length in 1..=3 {
            let disk = TestDisk::<Owning>::new(4)?;
            let (ios, requests) = disk.several(length)?;
            let references = references(&requests)?;
            references[0].data().set(|first, rest| {
                let last = first.data().fired.load(Relaxed) == 6;
                let requests = list(Iterator::chain(core::iter::once(first), rest));
                if last {
                    requests.end(|_| Status::OK);
                } else {
                    requests.start_timer(SHORT);
                }
            });
            list(requests).start_timer(SHORT);
            all_end_with(&ios, Status::OK);
            // The last callback has ended the requests and returned `Restart`.
            fsleep(Delta::from_millis(30));
            assert_eq!(&*fired(&references)?, &[6, 0, 0][..length as usize]);
            // Each time, the callback owned the requests.
            assert_eq!(references[0].data().found.load(Relaxed), 0);
        }
        Ok(())
    }

    #[test]
    fn owning_timer_may_drop_requests() -> Result {
        let disk = TestDisk::<Owning>::new(4)?;
        let (ios, requests) = disk.several(3)?;
        requests[0].data().set(|first, mut rest| {
            first.end_ok();
            if let Some(rq) = rest.pop_front() {
                rq.end(Status::NOSPC);
            }
        });
        list(requests).start_timer(SHORT);
        for (io, status) in ios.iter().zip([Status::OK, Status::NOSPC, Status::IOERR]) {
            assert_eq!(io.wait(), Ok(raw(status)));
        }
        Ok(())
    }

    #[test]
    fn owners_come_out_of_the_timer_of_the_first_once() -> Result {
        let disk = TestDisk::<Owning>::new(4)?;
        for length in [3, 1] {
            let (ios, requests) = disk.several(length)?;
            let references = references(&requests)?;
            let (first, others) = references.split_first().ok_or(ENOENT)?;
            for reference in &references {
                assert!(RequestList::cancel_timer(reference).is_none());
            }
            list(requests).start_timer(LONG);
            for reference in others {
                assert!(RequestList::cancel_timer(reference).is_none());
            }
            let mut requests = RequestList::cancel_timer(first).ok_or(ENOENT)?;
            assert!(RequestList::cancel_timer(first).is_none());
            for reference in &references {
                let rq = requests.pop_front().ok_or(ENOENT)?;
                assert!(core::ptr::eq(&*rq, &**reference));
                rq.end(Status::NOSPC);
            }
            assert!(requests.is_empty());
            assert!(RequestList::cancel_timer(first).is_none());
            all_end_with(&ios, Status::NOSPC);
            assert_eq!(&*fired(&references)?, &[0, 0, 0][..length as usize]);
        }
        Ok(())
    }

    #[test]
    fn owners_that_came_out_of_a_timer_may_be_dropped() -> Result {
        let disk = TestDisk::<Owning>::new(4)?;
        let (ios, requests) = disk.several(3)?;
        let first = ARef::from(&*requests[0]);
        list(requests).start_timer(LONG);
        let mut requests = RequestList::cancel_timer(&first).ok_or(ENOENT)?;
        requests.pop_front().ok_or(ENOENT)?.end_ok();
        drop(requests);
        all_end_with(&ios[..1], Status::OK);
        all_end_with(&ios[1..], Status::IOERR);
        Ok(())
    }

    /// A timeout of a request other than the first finds no owner, and does not end the request.
    #[test]
    fn others_of_a_list_time_out_in_vain() -> Result {
        let disk = TestDisk::<Owning>::with(
            TagSetBuilder::new().queue_depth(4).timeout_ms(20),
            GenDiskBuilder::new(),
        )?;
        let (ios, requests) = disk.several(3)?;
        let first = ARef::from(&*requests[0]);
        list(requests).start_timer(LONG);
        let before = disk.kept.timeouts.load(Relaxed);
        wait_for(|| (disk.kept.timeouts.load(Relaxed) >= before + 6).then_some(()))?;
        for io in &ios {
            assert_eq!(io.status(), None);
        }
        let requests = RequestList::cancel_timer(&first).ok_or(ENOENT)?;
        requests.end(|_| Status::TIMEOUT);
        all_end_with(&ios, Status::TIMEOUT);
        Ok(())
    }

    #[test]
    fn watching_timer_holds_one_reference() -> Result {
        let disk = TestDisk::<Watching>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        assert!(rq.start_timer(SHORT));
        assert_eq!(count(&rq), 2);
        // The second start neither moves the expiry nor takes a reference.
        assert!(!rq.start_timer(LONG));
        assert_eq!(count(&rq), 2);
        wait_for(|| (rq.data().fired.load(Relaxed) > 0).then_some(()))?;
        // The callback has returned `Restart`.
        fsleep(Delta::from_millis(30));
        assert_eq!(rq.data().fired.load(Relaxed), 1);
        assert_eq!(count(&rq), 1);
        rq.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn watching_timer_is_stopped_once() -> Result {
        let disk = TestDisk::<Watching>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        assert!(!rq.cancel_timer());
        for _ in 0..3 {
            assert!(rq.start_timer(Delta::from_millis(10)));
            assert_eq!(count(&rq), 2);
            assert!(rq.cancel_timer());
            assert_eq!(count(&rq), 1);
            assert!(!rq.cancel_timer());
            assert_eq!(count(&rq), 1);
        }
        fsleep(Delta::from_millis(50));
        assert_eq!(rq.data().fired.load(Relaxed), 0);

        // After the callback there is no timer to cancel.
        assert!(rq.start_timer(SHORT));
        wait_for(|| (rq.data().fired.load(Relaxed) == 1).then_some(()))?;
        assert!(!rq.cancel_timer());
        rq.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn watching_timer_is_restarted_in_its_callback() -> Result {
        let disk = TestDisk::<Watching>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        rq.data().set(|rq| {
            if rq.data().fired.load(Relaxed) < 6 {
                rq.start_timer(SHORT);
            }
        });
        rq.start_timer(SHORT);
        wait_for(|| (rq.data().fired.load(Relaxed) == 6).then_some(()))?;
        fsleep(Delta::from_millis(30));
        assert_eq!(rq.data().fired.load(Relaxed), 6);
        assert_eq!(count(&rq), 1);
        rq.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    /// While the callback runs, a timer that it has started can't be cancelled. Only the next
    /// callback drops that timer's reference.
    #[test]
    fn watching_timer_stays_started_when_its_callback_cancels_it() -> Result {
        let disk = TestDisk::<Watching>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        rq.data().set(|rq| {
            if rq.data().fired.load(Relaxed) == 1 {
                let started = rq.start_timer(Delta::from_millis(20));
                // The owner, the callback and the timer each have a count.
                if started && !rq.cancel_timer() && !rq.start_timer(LONG) && count(rq) == 3 {
                    rq.queue_data().noted.store(1, Relaxed);
                }
            }
        });
        assert!(rq.start_timer(SHORT));
        wait_for(|| (rq.data().fired.load(Relaxed) == 1).then_some(()))?;
        wait_for(|| (rq.data().fired.load(Relaxed) == 2).then_some(()))?;
        assert_eq!(disk.kept.noted.load(Relaxed), 1);
        wait_for(|| (count(&rq) == 1).then_some(()))?;
        assert!(!rq.cancel_timer());
        rq.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    /// Only the timer keeps the request. It must not be reused before the callback has returned.
    #[test]
    fn watching_timer_fires_after_the_end() -> Result {
        let disk = TestDisk::<Watching>::with(
            TagSetBuilder::new()
                .queue_depth(2)
                .no_scheduler_by_default(),
            GenDiskBuilder::new(),
        )?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let watched = rq.as_raw() as usize;
        rq.data().set(|rq| {
            rq.queue_data().noted.store(rq.as_raw() as usize, Relaxed);
        });
        rq.start_timer(Delta::from_millis(100));
        rq.end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));

        for _ in 0..10 {
            let io = disk.read()?;
            let rq = disk.take()?;
            let fired = disk.kept.noted.load(Relaxed) != 0;
            assert!(rq.as_raw() as usize != watched || fired);
            rq.end_ok();
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        let noted = wait_for(|| Some(disk.kept.noted.load(Relaxed)).filter(|&noted| noted != 0))?;
        assert_eq!(noted, watched);
        // The tag is free again after the callback.
        wait_for(|| match disk.has_tags(2) {
            Ok(false) => None,
            result => Some(result),
        })?
        .map(|_| ())
    }

    #[test]
    fn request_is_ended_by_the_timer_that_watches_it() -> Result {
        let disk = TestDisk::<Watching>::new(4)?;
        for _ in 0..5 {
            let io = disk.read()?;
            let rq = disk.take()?;
            rq.data().set(|rq| {
                if let Some(rq) = rq.claim() {
                    rq.end(Status::TIMEOUT);
                }
            });
            rq.start_timer(SHORT);
            rq.park();
            assert_eq!(io.wait(), Ok(raw(Status::TIMEOUT)));
        }
        Ok(())
    }

    /// Calls `call` on another CPU, with interrupts disabled.
    fn on_cpu<F: FnOnce() + Send>(cpu: u32, call: F) -> Result {
        /// # Safety
        ///
        /// `call` must point to an `Option<F>`.
        unsafe extern "C" fn run<F: FnOnce()>(call: *mut c_void) {
            // SAFETY: By the requirements of this function. The caller waits, and does not use the
            // option.
            if let Some(call) = unsafe { (*call.cast::<Option<F>>()).take() } {
                call();
            }
        }

        let mut call = Some(call);
        // SAFETY: `run` gets a pointer to such an option. The option lives until the call returns,
        // and the call waits for `run`.
        to_result(unsafe {
            bindings::smp_call_function_single(
                cpu as c_int,
                Some(run::<F>),
                (&raw mut call).cast(),
                true,
            )
        })
    }

    /// Waits for the callback on another CPU to call this, too. Returns true if it does, so that
    /// both run at the same time.
    fn meet<D: Data>(kept: &Kept<D>) -> bool {
        let start = Instant::<Monotonic>::now();
        kept.noted.add(1, Relaxed);
        while kept.noted.load(Relaxed) < 2 {
            if start.elapsed() > Delta::from_secs(2) {
                return false;
            }
            core::hint::spin_loop();
        }
        true
    }

    /// Waits until both callbacks that called `meet` have counted their result.
    fn both_returned<D: Data>(kept: &Kept<D>) -> Result {
        wait_for(|| (kept.noted.load(Relaxed) == 4).then_some(()))
    }

    #[test]
    fn callbacks_stop_watching_each_other() -> Result {
        if crate::cpu::nr_cpu_ids() < 2 {
            return Ok(());
        }
        let disk = TestDisk::<Watching>::new(4)?;
        let (ios, requests) = disk.several(2)?;
        let references = references(&requests)?;
        for (rq, peer) in [(0, 1), (1, 0)] {
            let data = requests[rq].data();
            *data.peer.lock() = Some(references[peer].clone());
            data.set(|rq| {
                let kept = rq.queue_data();
                let met = meet(&kept);
                let peer = rq.data().peer.lock().take();
                // The other callback has taken the reference by now.
                let stopped = peer.is_some_and(|peer| peer.cancel_timer());
                if met && !stopped {
                    kept.noted.add(1, Relaxed);
                }
            });
        }
        for (cpu, reference) in (0..).zip(&references) {
            on_cpu(cpu, || {
                reference.start_timer(Delta::from_millis(20));
            })?;
        }
        both_returned(&disk.kept)?;
        wait_for(|| requests.iter().all(|rq| count(rq) == 2).then_some(()))?;
        for (rq, reference) in requests.into_iter().zip(references) {
            assert_eq!(rq.data().fired.load(Relaxed), 1);
            rq.end_ok();
            assert_eq!(count(&reference), 1);
        }
        all_end_with(&ios, Status::OK);
        Ok(())
    }

    #[test]
    fn callbacks_cancel_the_timers_of_each_other() -> Result {
        if crate::cpu::nr_cpu_ids() < 2 {
            return Ok(());
        }
        let disk = TestDisk::<Owning>::new(4)?;
        let (ios, requests) = disk.several(2)?;
        let references = references(&requests)?;
        for (rq, peer) in [(0, 1), (1, 0)] {
            let data = requests[rq].data();
            *data.peer.lock() = Some(references[peer].clone());
            data.set(|first, _| {
                let met = meet(&first.queue_data());
                let peer = first.data().peer.lock().take();
                // The other callback owns the request.
                let requests = peer.and_then(|peer| RequestList::cancel_timer(&peer));
                if met && requests.is_none() {
                    first.queue_data().noted.add(1, Relaxed);
                }
                first.end_ok();
            });
        }
        for (cpu, rq) in (0..).zip(requests) {
            let requests = RequestList::from(rq);
            on_cpu(cpu, || requests.start_timer(Delta::from_millis(20)))?;
        }
        both_returned(&disk.kept)?;
        all_end_with(&ios, Status::OK);
        assert_eq!(&*fired(&references)?, &[1, 1]);
        Ok(())
    }
}
