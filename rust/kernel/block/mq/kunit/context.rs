// SPDX-License-Identifier: GPL-2.0

//! Tests of what a driver may do to a request in process, softirq and hardirq context: each way to
//! give up an owner, and each way to get a request.

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

/// The context in which a driver runs.
#[derive(Clone, Copy)]
enum Context {
    Process,
    Softirq,
    Hardirq,
}

/// A timer that calls a function once, in the context of its mode.
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

/// The mode of a timer of [`Call`].
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
        // Call the function after the lock is released.
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

    /// Calls `work` in this context, and waits for its result.
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
                    list,
                    raw,
                    timer::{
                        Owning,
                        Watching, //
                    },
                    Data,
                    Io,
                    Owner,
                    TestDisk, //
                },
                CompletionBatch,
                RequestList, //
            },
            Status, //
        },
        sync::{
            aref::ARef,
            atomic::Relaxed, //
        },
    };

    /// Longer than any test.
    const LONG: Delta = Delta::from_secs(1000);

    /// Returns a request in flight, and its I/O.
    fn in_flight<D: Data>(disk: &TestDisk<D>) -> Result<(Io, Owner<D>)> {
        Ok((disk.read()?, disk.take()?))
    }

    /// Runs a test in each context. All tags must be free afterwards.
    fn in_each<D: Data>(disk: &TestDisk<D>, test: impl Fn(Context) -> Result) -> Result {
        for context in Context::ALL {
            test(context)?;
            has_all_tags(disk)?;
        }
        Ok(())
    }

    /// Checks that a request for each tag arrives while none has ended.
    fn has_all_tags<D: Data>(disk: &TestDisk<D>) -> Result {
        let (ios, requests) = disk.several(4)?;
        for rq in requests {
            rq.end_ok();
        }
        all_end_with(&ios, Status::OK);
        Ok(())
    }

    #[test]
    fn owner_is_requeued() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        in_each(&disk, |context| {
            let io = disk.read()?;
            for _ in 0..2 {
                let rq = disk.take()?;
                context.run(move || rq.requeue(true))?;
            }
            disk.take()?.end_ok();
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
            Ok(())
        })
    }

    /// Calls `how` with a request in each context. The request must end with `status`.
    fn check_one<D: Data>(how: fn(Owner<D>), status: Status) -> Result {
        let disk = TestDisk::<D>::new(4)?;
        in_each(&disk, |context| {
            let (io, rq) = in_flight(&disk)?;
            context.run(move || how(rq))?;
            assert_eq!(io.wait(), Ok(raw(status)));
            Ok(())
        })
    }

    #[test]
    fn owner_is_ended() -> Result {
        check_one::<()>(|rq| rq.end(Status::NOSPC), Status::NOSPC)
    }

    #[test]
    fn owner_is_dropped() -> Result {
        check_one::<()>(drop, Status::IOERR)
    }

    #[test]
    fn owner_is_completed() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        in_each(&disk, |context| {
            let (io, rq) = in_flight(&disk)?;
            context.run(move || rq.complete())?;
            assert_eq!(io.wait(), Ok(raw(Status::OK)));

            let (io, rq) = in_flight(&disk)?;
            disk.on_complete(|rq, _| drop(rq));
            context.run(move || rq.complete())?;
            assert_eq!(io.wait(), Ok(raw(Status::IOERR)));

            let (io, rq) = in_flight(&disk)?;
            disk.on_complete(|rq, _| rq.requeue(true));
            context.run(move || rq.complete())?;
            disk.take()?.end_ok();
            assert_eq!(io.wait(), Ok(raw(Status::OK)));
            Ok(())
        })
    }

    /// Calls `how` with three requests in each context. They must end with `status`. Returns the
    /// number of completions.
    fn check_together<D: Data>(how: fn(KVec<Owner<D>>), status: Status) -> Result<u32> {
        let disk = TestDisk::<D>::new(4)?;
        in_each(&disk, |context| {
            let (ios, requests) = disk.several(3)?;
            context.run(move || how(requests))?;
            all_end_with(&ios, status);
            Ok(())
        })?;
        Ok(disk.kept.completions.load(Relaxed))
    }

    fn end_in_batch(requests: KVec<Owner<()>>) {
        CompletionBatch::scope(|batch| {
            for rq in requests {
                rq.end_batched(Status::OK, batch);
            }
        });
    }

    #[test]
    fn batch_is_ended() -> Result {
        check_together(end_in_batch, Status::OK)?;
        Ok(())
    }

    #[test]
    fn list_is_ended() -> Result {
        check_together::<()>(
            |requests| list(requests).end(|_| Status::NOSPC),
            Status::NOSPC,
        )?;
        Ok(())
    }

    #[test]
    fn list_is_completed() -> Result {
        let completions = check_together::<()>(|requests| list(requests).complete(), Status::OK)?;
        assert_eq!(completions, 3);
        Ok(())
    }

    #[test]
    fn list_is_dropped() -> Result {
        check_together::<()>(|requests| drop(list(requests)), Status::IOERR)?;
        Ok(())
    }

    #[test]
    fn list_is_left_to_a_timer() -> Result {
        check_together::<Owning>(
            |requests| list(requests).start_timer(Delta::from_micros(10)),
            Status::OK,
        )?;
        Ok(())
    }

    #[test]
    fn list_is_taken_from_its_timer() -> Result {
        check_together::<Owning>(
            |requests| {
                let first = requests.first().map(|rq| ARef::from(&**rq));
                list(requests).start_timer(LONG);
                if let Some(requests) = first.and_then(|first| RequestList::cancel_timer(&first)) {
                    requests.end(|_| Status::NOSPC);
                }
            },
            Status::NOSPC,
        )?;
        Ok(())
    }

    #[test]
    fn owner_is_left_to_a_timer() -> Result {
        check_one::<Owning>(
            |rq| RequestList::from(rq).start_timer(Delta::from_micros(10)),
            Status::OK,
        )
    }

    #[test]
    fn owner_is_taken_from_its_timer() -> Result {
        check_one::<Owning>(
            |rq| {
                let reference = ARef::from(&*rq);
                RequestList::from(rq).start_timer(LONG);
                let requests = RequestList::cancel_timer(&reference);
                if RequestList::cancel_timer(&reference).is_none() {
                    for rq in requests.into_iter().flatten() {
                        rq.end(Status::NOSPC);
                    }
                }
            },
            Status::NOSPC,
        )
    }

    #[test]
    fn request_is_watched() -> Result {
        check_one::<Watching>(
            |rq| {
                rq.start_timer(LONG);
                let counts = (count(&rq), rq.cancel_timer(), count(&rq));
                // Expires after the end of the request.
                rq.start_timer(Delta::from_micros(10));
                rq.end(match counts {
                    (2, true, 1) => Status::OK,
                    _ => Status::PROTECTION,
                });
            },
            Status::OK,
        )
    }

    #[test]
    fn parked_owner_is_claimed_once() -> Result {
        let disk = TestDisk::<()>::new(4)?;
        in_each(&disk, |context| {
            let (io, rq) = in_flight(&disk)?;
            let reference = ARef::from(&*rq);
            let claimed = context.run(move || {
                rq.park();
                let wrong = reference.claim_under(1);
                let owner = reference.claim();
                let again = reference.claim();
                let claimed = (owner.is_some(), again.is_some() || wrong.is_some());
                for rq in [owner, again, wrong].into_iter().flatten() {
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
            let (io, rq) = in_flight(&disk)?;
            let (hw_queue, tag) = (rq.hw_queue(), rq.tag());
            let tags = disk.tag_set.clone();
            let found = context.run(move || {
                let find = |number| tags.tag_to_rq(hw_queue, number);
                let claim = || find(tag)?.claim();
                let started = find(tag).is_some() && claim().is_none();
                let invented = find(4).is_some() || find(u32::MAX).is_some();
                rq.park();
                let owner = claim();
                let claimed = owner.is_some() && claim().is_none();
                if let Some(rq) = owner {
                    rq.end_ok();
                }
                (started, invented, claimed, find(tag).is_some())
            })?;
            assert_eq!(found, (true, false, true, false));
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
            let rq = disk.take()?;
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
