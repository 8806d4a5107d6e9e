// SPDX-License-Identifier: GPL-2.0

//! Tests of timers in the data of requests.

use super::{
    Data,
    Keeper, //
};
use crate::{
    block::{
        mq::{
            InFlight,
            OwnedRequest,
            OwnedRequestHrTimerHandle,
            OwnedRequests,
            Request,
            RequestChain,
            RequestHrTimerContext, //
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
            RelativeMode, //
        },
        Delta,
        Monotonic, //
    },
};

/// Data with a timer that owns the request.
#[pin_data]
pub(super) struct Owning {
    fired: Atomic<u32>,
    /// How often the callback starts the timer again before it ends the request.
    again: Atomic<u32>,
    /// What the callback drops, if anything.
    #[pin]
    handle: SpinLockIrq<Option<OwnedRequestHrTimerHandle<Keeper<Self>>>>,
    /// How often the callback found something in its timer.
    found: Atomic<u32>,
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Owning {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl Data for Owning {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            fired: Atomic::new(0),
            again: Atomic::new(0),
            handle <- new_spinlock_irq!(None),
            found: Atomic::new(0),
            timer <- HrTimer::new(),
        })
    }
}

impl HrTimerCallback for Owning {
    type Pointer<'a> = OwnedRequest<Keeper<Self>, InFlight>;

    fn run(rq: OwnedRequest<Keeper<Self>, InFlight>, (): ()) -> HrTimerRestart {
        rq.data().fired.add(1, Relaxed);
        if rq.cancel_timer().is_some() {
            rq.data().found.add(1, Relaxed);
        }
        // Not under the lock.
        let handle = rq.data().handle.lock().take();
        drop(handle);
        let again = rq.data().again.load(Relaxed);
        if again > 0 {
            rq.data().again.store(again - 1, Relaxed);
            rq.start_timer(Delta::from_micros(100));
        } else {
            rq.end_ok();
        }
        // Must have no effect.
        HrTimerRestart::Restart
    }
}

/// Data with a timer that owns several requests.
#[pin_data]
pub(super) struct Together {
    fired: Atomic<u32>,
    /// How often the callback starts the timer again.
    again: Atomic<u32>,
    /// If not zero: how many requests the callback ends before it drops the others, and one.
    drop: Atomic<u32>,
    /// How often the callback found something in the timer.
    found: Atomic<u32>,
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Together {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl Data for Together {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            fired: Atomic::new(0),
            again: Atomic::new(0),
            drop: Atomic::new(0),
            found: Atomic::new(0),
            timer <- HrTimer::new(),
        })
    }
}

impl HrTimerCallback for Together {
    type Pointer<'a> = OwnedRequests<Keeper<Self>, InFlight>;

    /// What is to be done is what the first request says.
    fn run(mut requests: OwnedRequests<Keeper<Self>, InFlight>, (): ()) -> HrTimerRestart {
        let Some(first) = requests.next() else {
            return HrTimerRestart::NoRestart;
        };
        let this = ARef::from(&*first);
        let mut chain = RequestChain::new();
        chain.push_back(first);
        for rq in requests {
            chain.push_back(rq);
        }
        let mut requests = chain.into_iter();

        let data = this.data();
        data.fired.add(1, Relaxed);
        if this.cancel_timer().is_some() {
            data.found.add(1, Relaxed);
        }
        let again = data.again.load(Relaxed);
        let drop = data.drop.load(Relaxed);
        if again > 0 {
            data.again.store(again - 1, Relaxed);
            requests.start_timer(Delta::from_micros(100));
        } else if drop > 0 {
            for rq in requests.by_ref().take(drop as usize - 1) {
                rq.end_ok();
            }
            core::mem::drop(requests);
        } else {
            for rq in requests {
                rq.end_ok();
            }
        }
        // Must have no effect.
        HrTimerRestart::Restart
    }
}

/// Data with a timer that owns several requests, and ends them.
#[pin_data]
pub(super) struct Ending {
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Ending {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl Data for Ending {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self { timer <- HrTimer::new() })
    }
}

impl HrTimerCallback for Ending {
    type Pointer<'a> = OwnedRequests<Keeper<Self>, InFlight>;

    fn run(requests: OwnedRequests<Keeper<Self>, InFlight>, (): ()) -> HrTimerRestart {
        requests.end(|_| Status::OK);
        HrTimerRestart::NoRestart
    }
}

/// Data with a timer that has a reference.
#[pin_data]
pub(super) struct Watching {
    fired: Atomic<u32>,
    again: Atomic<u32>,
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for Watching {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl Data for Watching {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            fired: Atomic::new(0),
            again: Atomic::new(0),
            timer <- HrTimer::new(),
        })
    }
}

impl HrTimerCallback for Watching {
    type Pointer<'a> = ARef<Request<Keeper<Self>>>;

    fn run(
        rq: ARef<Request<Keeper<Self>>>,
        mut context: RequestHrTimerContext<'_, Self>,
    ) -> HrTimerRestart {
        rq.data().fired.add(1, Relaxed);
        let again = rq.data().again.load(Relaxed);
        if again > 0 {
            rq.data().again.store(again - 1, Relaxed);
            context.restart_at(Delta::from_micros(100));
        }
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
                raw,
                wait_for,
                Io,
                TestDisk,
                TIMEOUTS, //
            },
            GenDiskBuilder,
            TagSetBuilder, //
        },
        time::{
            delay::fsleep,
            hrtimer::{
                HrTimerHandle,
                HrTimerPointer, //
            },
        },
    };

    /// A while that no test takes.
    const LONG: Delta = Delta::from_secs(1000);
    const SHORT: Delta = Delta::from_micros(100);

    #[test]
    fn owning_timer_ends_the_request() -> Result {
        let disk = TestDisk::<Owning>::new(4)?;
        for _ in 0..20 {
            let io = disk.read()?;
            disk.take()?.start().start_timer(SHORT);
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }

    #[test]
    fn owning_timer_touches_no_count() -> Result {
        let disk = TestDisk::<Owning>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let reference = ARef::from(&*rq);
        rq.start().start_timer(LONG);
        assert_eq!(count(&reference), 2);
        reference.cancel_timer().ok_or(ENOENT)?.end_ok();
        assert_eq!(count(&reference), 1);
        io.wait()?;
        Ok(())
    }

    #[test]
    fn owning_timer_can_be_started_in_its_callback() -> Result {
        let disk = TestDisk::<Owning>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let reference = ARef::from(&*rq);
        rq.data().again.store(5, Relaxed);
        rq.start().start_timer(SHORT);
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        assert_eq!(reference.data().fired.load(Relaxed), 6);
        // `Restart` was returned by the last callback, which had ended the request.
        fsleep(Delta::from_millis(20));
        assert_eq!(reference.data().fired.load(Relaxed), 6);
        // The owner was the callback's, each time.
        assert_eq!(reference.data().found.load(Relaxed), 0);
        Ok(())
    }

    #[test]
    fn owning_handle_is_dropped_in_the_callback() -> Result {
        let disk = TestDisk::<Owning>::new(4)?;
        for again in [0, 1] {
            let io = disk.read()?;
            let rq = disk.take()?.start();
            let reference = ARef::from(&*rq);
            reference.data().again.store(again, Relaxed);
            // The callback waits until the handle is there.
            let mut place = reference.data().handle.lock();
            *place = Some(rq.start(SHORT));
            drop(place);
            // Neither does it wait for itself, nor does the owner go with the handle.
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
            wait_for(|| (count(&reference) == 1).then_some(()))?;
            assert!(reference.data().handle.lock().is_none());
            assert_eq!(reference.data().found.load(Relaxed), 0);
        }
        Ok(())
    }

    /// Starts requests of different places, and makes a chain of them. Also their references.
    #[expect(clippy::type_complexity)]
    fn chain<D: Data>(
        disk: &TestDisk<D>,
        length: u64,
    ) -> Result<(
        KVec<Io>,
        KVec<ARef<Request<Keeper<D>>>>,
        RequestChain<Keeper<D>>,
    )> {
        let (mut ios, mut references) = (KVec::new(), KVec::new());
        let mut chain = RequestChain::new();
        for i in 0..length {
            ios.push(disk.read_at(i * 1024)?, GFP_KERNEL)?;
            let rq = disk.take()?.start();
            references.push(ARef::from(&*rq), GFP_KERNEL)?;
            chain.push_back(rq);
        }
        Ok((ios, references, chain))
    }

    /// How often the timer of each request has fired.
    fn fired(references: &[ARef<Request<Keeper<Together>>>]) -> Result<KVec<u32>> {
        let mut fired = KVec::new();
        for reference in references {
            fired.push(reference.data().fired.load(Relaxed), GFP_KERNEL)?;
        }
        Ok(fired)
    }

    #[test]
    fn chain_is_ended_by_one_timer() -> Result {
        for length in 1..=5 {
            let disk = TestDisk::<Together>::new(8)?;
            let (ios, references, chain) = chain(&disk, length)?;
            chain.start_timer(SHORT);
            all_end_with(&ios, Status::OK);
            assert_eq!(&*fired(&references)?, &[1, 0, 0, 0, 0][..length as usize]);
        }
        RequestChain::<Keeper<Together>>::new().start_timer(SHORT);
        Ok(())
    }

    /// A time-out of any but the first finds nothing, and the chain ends in its time.
    #[test]
    fn others_of_a_chain_time_out_in_vain() -> Result {
        let disk = TestDisk::<Together>::with(
            TagSetBuilder::new().queue_depth(4).timeout_ms(20),
            GenDiskBuilder::new(),
        )?;
        let before = TIMEOUTS.load(Relaxed);
        let (ios, references, chain) = chain(&disk, 3)?;
        chain.start_timer(LONG);
        wait_for(|| (TIMEOUTS.load(Relaxed) >= before + 3).then_some(()))?;
        for io in &ios {
            assert_eq!(io.status(), None);
        }
        let requests = references[0].cancel_timer().ok_or(ENOENT)?;
        requests.end(|_| Status::TIMEOUT);
        all_end_with(&ios, Status::TIMEOUT);
        Ok(())
    }

    #[test]
    fn timer_may_end_a_chain_as_a_batch() -> Result {
        let disk = TestDisk::<Ending>::new(8)?;
        for length in [1, 2, 8, 1] {
            let (ios, references, chain) = chain(&disk, length)?;
            chain.start_timer(SHORT);
            all_end_with(&ios, Status::OK);
            for reference in &references {
                wait_for(|| (count(reference) == 1).then_some(()))?;
            }
        }
        Ok(())
    }

    #[test]
    fn timer_of_a_chain_can_be_started_in_its_callback() -> Result {
        let disk = TestDisk::<Together>::new(4)?;
        let (ios, references, chain) = chain(&disk, 3)?;
        references[0].data().again.store(5, Relaxed);
        chain.start_timer(SHORT);
        all_end_with(&ios, Status::OK);
        fsleep(Delta::from_millis(20));
        assert_eq!(&*fired(&references)?, &[6, 0, 0]);
        assert_eq!(references[0].data().found.load(Relaxed), 0);
        Ok(())
    }

    #[test]
    fn timer_of_a_chain_may_drop_it() -> Result {
        for ended in 0..3 {
            let disk = TestDisk::<Together>::new(4)?;
            let (ios, references, chain) = chain(&disk, 3)?;
            references[0].data().drop.store(ended + 1, Relaxed);
            chain.start_timer(SHORT);
            all_end_with(&ios[..ended as usize], Status::OK);
            all_end_with(&ios[ended as usize..], Status::IOERR);
        }
        Ok(())
    }

    #[test]
    fn chain_comes_out_of_the_timer_of_the_first_once() -> Result {
        let disk = TestDisk::<Together>::new(4)?;
        let (ios, references, chain) = chain(&disk, 3)?;
        for reference in &references {
            assert!(reference.cancel_timer().is_none());
        }
        chain.start_timer(LONG);
        for reference in &references {
            assert_eq!(count(reference), 2);
        }
        assert!(references[1].cancel_timer().is_none());
        assert!(references[2].cancel_timer().is_none());

        let requests = references[0].cancel_timer().ok_or(ENOENT)?;
        assert!(references[0].cancel_timer().is_none());
        let mut ended = 0;
        for (rq, reference) in requests.zip(&references) {
            assert!(core::ptr::eq(&*rq, &**reference));
            rq.end(Status::NOSPC);
            assert_eq!(count(reference), 1);
            ended += 1;
        }
        assert_eq!(ended, 3);
        all_end_with(&ios, Status::NOSPC);
        assert_eq!(&*fired(&references)?, &[0, 0, 0]);

        // What came out and is dropped fails, also if some were taken from it.
        drop(references);
        let (ios, references, chain) = self::chain(&disk, 3)?;
        chain.start_timer(LONG);
        let mut requests = references[0].cancel_timer().ok_or(ENOENT)?;
        requests.next().ok_or(ENOENT)?.end_ok();
        drop(requests);
        all_end_with(&ios[..1], Status::OK);
        all_end_with(&ios[1..], Status::IOERR);
        Ok(())
    }

    #[test]
    fn owner_comes_out_of_the_timer_once() -> Result {
        let disk = TestDisk::<Owning>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let reference = ARef::from(&*rq);

        assert!(reference.cancel_timer().is_none());
        rq.start().start_timer(LONG);
        let rq = reference.cancel_timer().ok_or(ENOENT)?;
        assert!(reference.cancel_timer().is_none());
        rq.end_ok();
        assert!(reference.cancel_timer().is_none());
        assert_eq!(reference.data().fired.load(Relaxed), 0);
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        Ok(())
    }

    #[test]
    fn owning_handle() -> Result {
        let disk = TestDisk::<Owning>::new(8)?;

        // The owner is taken back.
        let io = disk.read()?;
        let handle = disk.take()?.start().start(LONG);
        handle.into_owner().ok_or(ENOENT)?.end(Status::NOSPC);
        assert_eq!(io.wait(), Ok(raw(Status::NOSPC)));

        // The handle is dropped, and the owner with it.
        let io = disk.read()?;
        drop(disk.take()?.start().start(LONG));
        assert_eq!(io.wait(), Ok(raw(Status::IOERR)));

        // The handle is cancelled, and then dropped.
        let io = disk.read()?;
        let mut handle = disk.take()?.start().start(LONG);
        assert!(handle.cancel());
        assert!(!handle.cancel());
        assert_eq!(io.status(), None);
        drop(handle);
        assert_eq!(io.wait(), Ok(raw(Status::IOERR)));

        // The timer goes on without the handle.
        let io = disk.read()?;
        disk.take()?.start().start(SHORT).dismiss();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));

        // The callback was first.
        let io = disk.read()?;
        let handle = disk.take()?.start().start(SHORT);
        assert_eq!(io.wait(), Ok(raw(Status::OK)));
        assert!(handle.into_owner().is_none());
        Ok(())
    }

    #[test]
    fn watching_timer_fires_after_the_end() -> Result {
        let disk = TestDisk::<Watching>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let reference = ARef::from(&*rq);
        let handle = reference.clone().start(Delta::from_millis(10));
        rq.start().end_ok();
        assert_eq!(io.wait(), Ok(raw(Status::OK)));

        // The request stays what it was until the timer is through with it.
        let io = disk.read()?;
        let other = disk.take()?;
        assert!(other.as_raw() != reference.as_raw());
        wait_for(|| (reference.data().fired.load(Relaxed) == 1).then_some(()))?;
        assert_eq!(other.data().fired.load(Relaxed), 0);
        other.start().end_ok();
        io.wait()?;

        drop(handle);
        assert_eq!(count(&reference), 1);
        Ok(())
    }

    #[test]
    fn watching_timer_is_restarted() -> Result {
        let disk = TestDisk::<Watching>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        rq.data().again.store(5, Relaxed);
        let handle = ARef::from(&*rq).start(SHORT);
        wait_for(|| (rq.data().fired.load(Relaxed) == 6).then_some(()))?;
        fsleep(Delta::from_millis(20));
        assert_eq!(rq.data().fired.load(Relaxed), 6);
        drop(handle);
        rq.start().end_ok();
        io.wait()?;
        Ok(())
    }

    #[test]
    fn watching_timer_is_cancelled() -> Result {
        let disk = TestDisk::<Watching>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;

        let mut handle = ARef::from(&*rq).start(Delta::from_millis(10));
        assert!(handle.cancel());
        assert!(!handle.cancel());
        drop(handle);
        drop(ARef::from(&*rq).start(Delta::from_millis(10)));
        fsleep(Delta::from_millis(40));
        assert_eq!(rq.data().fired.load(Relaxed), 0);
        assert_eq!(count(&rq), 1);

        rq.start().end_ok();
        io.wait()?;
        Ok(())
    }

    #[test]
    fn watching_timer_started_twice_fires_once() -> Result {
        let disk = TestDisk::<Watching>::new(4)?;
        let io = disk.read()?;
        let rq = disk.take()?;
        let first = ARef::from(&*rq).start(LONG);
        let second = ARef::from(&*rq).start(SHORT);
        wait_for(|| (rq.data().fired.load(Relaxed) > 0).then_some(()))?;
        fsleep(Delta::from_millis(20));
        assert_eq!(rq.data().fired.load(Relaxed), 1);
        assert_eq!(count(&rq), 3);
        drop(first);
        drop(second);
        assert_eq!(count(&rq), 1);
        rq.start().end_ok();
        io.wait()?;
        Ok(())
    }
}
