// SPDX-License-Identifier: GPL-2.0

//! Tests of what a driver may do to a request in process, softirq and hardirq context alike: each
//! way that an owner can go, and each way to get at a request that there is.

use super::wait_for;
use crate::{
    impl_has_hr_timer, new_spinlock_irq,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow,
        SpinLockIrq, //
    },
    time::{
        hrtimer::{
            HrTimer,
            HrTimerCallback,
            HrTimerMode,
            HrTimerPointer,
            HrTimerRestart,
            RelativeHardMode,
            RelativeSoftMode,
            SharedHrTimerCallbackContext, //
        },
        Delta,
        Monotonic, //
    },
};
use core::marker::PhantomData;

/// Where a driver's code runs.
#[derive(Clone, Copy)]
enum Context {
    Process,
    Softirq,
    Hardirq,
}

/// A timer that does something once, in the context of its mode.
#[pin_data]
struct Call<M, W, V> {
    #[pin]
    work: SpinLockIrq<Option<W>>,
    #[pin]
    value: SpinLockIrq<Option<V>>,
    #[pin]
    timer: HrTimer<Self>,
    _mode: PhantomData<M>,
}

/// The mode of such a timer.
trait Mode: HrTimerMode<Expires = Delta> + Send + Sync + 'static {}

impl Mode for RelativeSoftMode<Monotonic> {}
impl Mode for RelativeHardMode<Monotonic> {}

impl_has_hr_timer! {
    impl{M: Mode, W: FnOnce() -> V + Send + Unpin + 'static, V: Send + Unpin + 'static}
        HasHrTimer<Self> for Call<M, W, V>
    {
        mode: M, field: self.timer
    }
}

impl<M, W, V> HrTimerCallback for Call<M, W, V>
where
    M: Mode,
    W: FnOnce() -> V + Send + Unpin + 'static,
    V: Send + Unpin + 'static,
{
    type Pointer<'a> = Arc<Self>;

    fn run(this: ArcBorrow<'_, Self>, _: SharedHrTimerCallbackContext<'_, Self>) -> HrTimerRestart {
        // Not under the lock.
        let work = this.work.lock().take();
        let value = work.map(|work| work());
        *this.value.lock() = value;
        HrTimerRestart::NoRestart
    }
}

impl<M, W, V> Call<M, W, V>
where
    M: Mode,
    W: FnOnce() -> V + Send + Unpin + 'static,
    V: Send + Unpin + 'static,
{
    fn run_in_timer(work: W) -> Result<V> {
        let call = Arc::pin_init(
            pin_init!(Self {
                work <- new_spinlock_irq!(Some(work)),
                value <- new_spinlock_irq!(None),
                timer <- HrTimer::new(),
                _mode: PhantomData,
            }),
            GFP_KERNEL,
        )?;
        let _handle = call.clone().start(Delta::from_micros(1));
        wait_for(|| call.value.lock().take())
    }
}

impl Context {
    const ALL: [Self; 3] = [Self::Process, Self::Softirq, Self::Hardirq];

    /// Does something in this context, and waits for what comes of it.
    fn run<V: Send + Unpin + 'static>(
        self,
        work: impl FnOnce() -> V + Send + Unpin + 'static,
    ) -> Result<V> {
        match self {
            Self::Process => Ok(work()),
            Self::Softirq => Call::<RelativeSoftMode<Monotonic>, _, _>::run_in_timer(work),
            Self::Hardirq => Call::<RelativeHardMode<Monotonic>, _, _>::run_in_timer(work),
        }
    }
}

#[kunit_tests(rust_block_mq_context)]
mod tests {
    use super::*;
    use crate::{
        block::{
            mq::{
                kunit::{
                    all_end_with,
                    count,
                    raw,
                    timer::{
                        Owning,
                        Together,
                        Watching, //
                    },
                    Data,
                    Io,
                    Keeper,
                    TestDisk,
                    COMPLETED_TOGETHER,
                    COMPLETE_BY,
                    DROP,
                    REQUEUE, //
                },
                CompletionBatch,
                InFlight,
                OwnedRequest,
                OwnedRequestHrTimerHandle,
                RequestChain, //
            },
            Status, //
        },
        sync::{
            aref::ARef,
            atomic::Relaxed, //
        },
    };

    /// A while that no test takes.
    const LONG: Delta = Delta::from_secs(1000);

    type Owner<D = ()> = OwnedRequest<Keeper<D>, InFlight>;

    /// A request in flight, and its I/O.
    fn in_flight<D: Data>(disk: &TestDisk<D>) -> Result<(Io, Owner<D>)> {
        let io = disk.read()?;
        Ok((io, disk.take()?.start()))
    }

    /// Tests something in each context. All tags are free again after it.
    fn in_each<D: Data>(disk: &TestDisk<D>, test: impl Fn(Context) -> Result) -> Result {
        for context in Context::ALL {
            test(context)?;
            has_all_tags(disk)?;
        }
        Ok(())
    }

    /// As many I/Os as there are tags come in at once.
    fn has_all_tags<D: Data>(disk: &TestDisk<D>) -> Result {
        let mut all = KVec::new();
        for _ in 0..4 {
            all.push(in_flight(disk)?, GFP_KERNEL)?;
        }
        for (io, rq) in all {
            rq.end_ok();
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
        }
        Ok(())
    }

    #[test]
    fn owner_is_started_and_ended() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        in_each(&disk, |context| {
            let io = disk.read()?;
            let rq = disk.take()?;
            context.run(move || rq.start().end(Status::NOSPC))?;
            assert_eq!(io.wait(), Ok(raw(Status::NOSPC)));

            let io = disk.read()?;
            let rq = disk.take()?;
            context.run(move || rq.end(Status::NOTSUPP))?;
            assert_eq!(io.wait(), Ok(raw(Status::NOTSUPP)));
            Ok(())
        })
    }

    #[test]
    fn owner_is_dropped() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        in_each(&disk, |context| {
            let io = disk.read()?;
            let rq = disk.take()?;
            context.run(move || drop(rq))?;
            assert_eq!(io.wait(), Ok(raw(Status::IOERR)));

            let (io, rq) = in_flight(&disk)?;
            context.run(move || drop(rq))?;
            assert_eq!(io.wait(), Ok(raw(Status::IOERR)));
            Ok(())
        })
    }

    #[test]
    fn owner_is_given_back() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        in_each(&disk, |context| {
            let (io, rq) = in_flight(&disk)?;
            context.run(move || rq.requeue(true))?;
            let rq = disk.take()?;
            context.run(move || rq.requeue(true))?;
            disk.take()?.start().end_ok();
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
            Ok(())
        })
    }

    #[test]
    fn owner_is_completed() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        in_each(&disk, |context| {
            let (io, rq) = in_flight(&disk)?;
            context.run(move || rq.complete())?;
            assert_eq!(io.wait(), Ok(raw(Status::OK)));

            let (io, rq) = in_flight(&disk)?;
            COMPLETE_BY.store(DROP, Relaxed);
            context.run(move || rq.complete())?;
            assert_eq!(io.wait(), Ok(raw(Status::IOERR)));

            let (io, rq) = in_flight(&disk)?;
            COMPLETE_BY.store(REQUEUE, Relaxed);
            context.run(move || rq.complete())?;
            disk.take()?.start().end_ok();
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
            Ok(())
        })
    }

    /// What there is to do with three requests at once.
    fn check_together<D: Data>(how: fn(KVec<Owner<D>>), status: Status) -> Result {
        let disk = TestDisk::<D>::new(4)?;
        in_each(&disk, |context| {
            let (mut ios, mut requests) = (KVec::new(), KVec::new());
            for _ in 0..3 {
                let (io, rq) = in_flight(&disk)?;
                ios.push(io, GFP_KERNEL)?;
                requests.push(rq, GFP_KERNEL)?;
            }
            context.run(move || how(requests))?;
            all_end_with(&ios, status);
            Ok(())
        })
    }

    fn chain<D: Data>(requests: KVec<Owner<D>>) -> RequestChain<Keeper<D>> {
        let mut chain = RequestChain::new();
        for rq in requests {
            chain.push_back(rq);
        }
        chain
    }

    fn end_in_batch(requests: KVec<Owner>) {
        CompletionBatch::scope(|batch| {
            for rq in requests {
                rq.end_batched(Status::OK, batch);
            }
        });
    }

    #[test]
    fn batch_is_ended() -> Result {
        check_together(end_in_batch, Status::OK)
    }

    #[test]
    fn chain_is_completed() -> Result {
        let before = COMPLETED_TOGETHER.load(Relaxed);
        check_together::<()>(|requests| chain(requests).complete(), Status::OK)?;
        assert_eq!(COMPLETED_TOGETHER.load(Relaxed), before + 3);
        Ok(())
    }

    #[test]
    fn chain_is_dropped() -> Result {
        check_together::<()>(|requests| drop(chain(requests)), Status::IOERR)
    }

    #[test]
    fn chain_is_left_to_a_timer() -> Result {
        check_together::<Together>(
            |requests| chain(requests).start_timer(Delta::from_micros(10)),
            Status::OK,
        )
    }

    #[test]
    fn chain_is_taken_from_its_timer() -> Result {
        check_together::<Together>(
            |requests| {
                let first = requests.first().map(|rq| ARef::from(&**rq));
                chain(requests).start_timer(LONG);
                if let Some(requests) = first.and_then(|first| first.cancel_timer()) {
                    requests.end(|_| Status::NOSPC);
                }
            },
            Status::NOSPC,
        )
    }

    #[test]
    fn owner_is_left_to_a_timer() -> Result {
        let disk = TestDisk::<Owning>::new(4)?;
        in_each(&disk, |context| {
            let (io, rq) = in_flight(&disk)?;
            context.run(move || rq.start_timer(Delta::from_micros(10)))?;
            assert_eq!(io.wait(), Ok(raw(Status::OK)));

            let (io, rq) = in_flight(&disk)?;
            context.run(move || rq.start(Delta::from_micros(10)).dismiss())?;
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
            Ok(())
        })
    }

    /// Checks a way to stop a timer that owns its request.
    fn check_stop(stop: fn(OwnedRequestHrTimerHandle<Keeper<Owning>>), status: Status) -> Result {
        let disk = TestDisk::<Owning>::new(4)?;
        in_each(&disk, |context| {
            let (io, rq) = in_flight(&disk)?;
            let handle = rq.start(LONG);
            context.run(move || stop(handle))?;
            assert_eq!(io.wait(), Ok(raw(status)));
            Ok(())
        })
    }

    #[test]
    fn owner_is_taken_from_its_timer() -> Result {
        check_stop(
            |handle| {
                if let Some(rq) = handle.into_owner() {
                    rq.end(Status::NOSPC);
                }
            },
            Status::NOSPC,
        )
    }

    #[test]
    fn owner_is_dropped_with_its_timer() -> Result {
        check_stop(drop, Status::IOERR)
    }

    #[test]
    fn timer_is_cancelled() -> Result {
        let disk = TestDisk::<Owning>::new(4)?;
        in_each(&disk, |context| {
            let (io, rq) = in_flight(&disk)?;
            let reference = ARef::from(&*rq);
            rq.start_timer(LONG);
            let taken = context.run(move || match reference.cancel_timer() {
                Some(rq) => {
                    rq.end(Status::NOSPC);
                    reference.cancel_timer().is_none()
                }
                None => false,
            })?;
            assert!(taken);
            assert_eq!(io.wait(), Ok(raw(Status::NOSPC)));
            Ok(())
        })
    }

    #[test]
    fn request_is_watched() -> Result {
        let disk = TestDisk::<Watching>::new(4)?;
        in_each(&disk, |context| {
            // The timer is started, and stopped again or waited for, all in the context.
            let (io, rq) = in_flight(&disk)?;
            let rq = context.run(move || {
                drop(ARef::from(&*rq).start(LONG));
                rq
            })?;
            assert_eq!(count(&rq), 1);
            let handle = context.run({
                let reference = ARef::from(&*rq);
                move || reference.start(Delta::from_micros(10))
            })?;
            rq.end_ok();
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
            context.run(move || drop(handle))?;
            Ok(())
        })
    }

    #[test]
    fn parked_owner_is_claimed_once() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        in_each(&disk, |context| {
            let (io, rq) = in_flight(&disk)?;
            let reference = ARef::from(&*rq);
            let claimed = context.run(move || {
                rq.park();
                let owner = reference.claim();
                let again = reference.claim();
                let claimed = (owner.is_some(), again.is_some());
                for rq in [owner, again].into_iter().flatten() {
                    rq.end_ok();
                }
                claimed
            })?;
            assert_eq!(claimed, (true, false));
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
            Ok(())
        })
    }

    #[test]
    fn tags_are_looked_up() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        in_each(&disk, |context| {
            let io = disk.read()?;
            let rq = disk.take()?;
            let (hw_queue, tag) = (rq.hw_queue(), rq.tag());
            let tags = disk.tag_set.clone();
            let found = context.run(move || {
                let is_found = |number| tags.tag_to_rq(hw_queue, number).is_some();
                let idle = is_found(tag);
                let rq = rq.start();
                let started = is_found(tag) && tags.claim(hw_queue, tag).is_none();
                let invented = is_found(4) || is_found(u32::MAX);
                rq.park();
                let owner = tags.claim(hw_queue, tag);
                let claimed = owner.is_some() && tags.claim(hw_queue, tag).is_none();
                if let Some(rq) = owner {
                    rq.end_ok();
                }
                let ended = is_found(tag) || tags.claim(hw_queue, tag).is_some();
                (idle, started, invented, claimed, ended)
            })?;
            assert_eq!(found, (false, true, false, true, false));
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
            Ok(())
        })
    }

    #[test]
    fn last_reference_is_dropped() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        in_each(&disk, |context| {
            let (io, rq) = in_flight(&disk)?;
            let reference = context.run(move || {
                let reference = ARef::from(&*rq);
                rq.end_ok();
                reference
            })?;
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
            assert_eq!(count(&reference), 1);
            context.run(move || drop(reference))?;
            Ok(())
        })
    }

    #[test]
    fn last_reference_to_a_flush_is_dropped() -> Result {
        let disk = TestDisk::<()>::caching(4)?;
        in_each(&disk, |context| {
            let io = disk.flush()?;
            let rq = disk.take()?.start();
            let reference = context.run(move || {
                let reference = ARef::from(&*rq);
                rq.end(Status::MEDIUM);
                reference
            })?;
            assert_eq!(io.status(), None);
            context.run(move || drop(reference))?;
            assert_eq!(io.wait(), Ok(raw(Status::MEDIUM)));
            Ok(())
        })
    }
}
