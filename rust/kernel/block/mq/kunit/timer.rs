// SPDX-License-Identifier: GPL-2.0

//! Tests of timers in the data of requests.

use super::{
    Data,
    Keeper, //
};
use crate::{
    block::mq::{
        InFlight,
        OwnedRequest,
        Request,
        RequestHrTimerContext, //
    },
    impl_has_hr_timer,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
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
struct Owning {
    fired: Atomic<u32>,
    /// How often the callback starts the timer again before it ends the request.
    again: Atomic<u32>,
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
            timer <- HrTimer::new(),
        })
    }
}

impl HrTimerCallback for Owning {
    type Pointer<'a> = OwnedRequest<Keeper<Self>, InFlight>;

    fn run(rq: OwnedRequest<Keeper<Self>, InFlight>, (): ()) -> HrTimerRestart {
        rq.data().fired.add(1, Relaxed);
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

/// Data with a timer that has a reference.
#[pin_data]
struct Watching {
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
        block::{
            mq::kunit::{
                count,
                raw,
                wait_for,
                TestDisk, //
            },
            Status, //
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
