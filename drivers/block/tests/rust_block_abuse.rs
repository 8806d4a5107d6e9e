// SPDX-License-Identifier: GPL-2.0

//! A block driver that does the worst that safe code can do.
//!
//! It keeps its data in memory, so that programs can verify what they read, and treats requests as
//! no driver should: keeps references to them that it has no use for, lets timers run that nothing
//! cancels, looks up tags that never were, claims by keys of long ago, ends requests wherever it
//! meets them, and leaks. The promise of [`kernel::block::mq`] is that none of this does harm. The
//! C drivers beside it show what two of these mistakes do without it.
//!
//! The parameter `abuse` is a sum of the constants in `abuse`. The driver counts what happens in
//! `rust_block_abuse/counts` of debugfs, for all disks together. A number that is written to
//! `rust_block_abuse/hw_queues` is that of hardware queues from then on, and one that is written to
//! `rust_block_abuse/clones` is that of references to one request that are leaked.

use core::marker::PhantomData;
use kernel::{
    block::{
        mq::{
            Complete,
            CompletionBatch,
            GenDisk,
            GenDiskBuilder,
            Idle,
            InFlight,
            Operations,
            OwnedRequest,
            QueueResult,
            Request,
            RequestList,
            State,
            TagSet,
            TagSetBuilder, //
        },
        Op,
        Status,
        SECTOR_SIZE, //
    },
    debugfs,
    fmt,
    impl_has_hr_timer,
    prelude::*,
    str::CString,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        new_spinlock_irq,
        Arc,
        ArcBorrow,
        SpinLockIrq, //
    },
    time::{
        delay::{
            fsleep,
            udelay, //
        },
        hrtimer::{
            ArcHrTimerHandle,
            HrTimer,
            HrTimerCallback,
            HrTimerMode,
            HrTimerPointer,
            HrTimerRestart,
            RelativeMode,
            RelativeSoftMode,
            SharedHrTimerCallbackContext, //
        },
        Delta,
        Monotonic, //
    },
    uaccess::UserSliceReader, //
};

module! {
    type: AbuseModule,
    name: "rust_block_abuse",
    authors: ["Seed 422af444 maintainers"],
    description: "Block driver that does the worst that safe code can do",
    license: "GPL",
    params: {
        abuse: u32 {
            default: 1,
            description: "What to do to requests, a sum (see the source)",
        },
        disks: u32 {
            default: 1,
            description: "Number of disks, which share their tags",
        },
        mib: u32 {
            default: 8,
            description: "Size of a disk in MiB",
        },
        hw_queues: u32 {
            default: 2,
            description: "Number of hardware queues",
        },
        poll_queues: u32 {
            default: 0,
            description: "Number of further hardware queues, for polling",
        },
        queue_depth: u32 {
            default: 64,
            description: "Number of requests of a hardware queue",
        },
        timeout_ms: u32 {
            default: 30_000,
            description: "Time-out of requests, in milliseconds",
        },
        lookups: u32 {
            default: 8,
            description: "Number of tags that an interrupt looks up",
        },
        interval_us: u32 {
            default: 500,
            description: "Time between interrupts, and of requests' timers, in microseconds",
        },
        leaks: u32 {
            default: 4,
            description: "Number of references to leak, if that is asked for",
        },
    },
}

/// What to do to requests.
mod abuse {
    // Ways to end a request. The driver picks one of those asked for at random.

    /// In `queue_rq`.
    pub(crate) const INLINE: u32 = 1 << 0;
    /// Through `complete`.
    pub(crate) const SOFTIRQ: u32 = 1 << 1;
    /// Park it, under a key or without. Whatever looks up its tag ends it, or its timer does.
    pub(crate) const PARK: u32 = 1 << 2;
    /// Leave the owner to its timer, or to whatever takes it out of there.
    pub(crate) const TIMER: u32 = 1 << 3;
    /// With others in a batch.
    pub(crate) const BATCH: u32 = 1 << 4;
    pub(crate) const WAYS: u32 = (1 << 5) - 1;

    // What else to do to it.

    /// Keep a started request, now and then, and carry it out from an interrupt.
    pub(crate) const LATE: u32 = 1 << 5;
    /// Start its timer, with a reference, and forget about it. Not together with [`TIMER`].
    pub(crate) const WATCH: u32 = 1 << 6;
    /// Keep references to it.
    pub(crate) const CLONES: u32 = 1 << 7;
    /// Requeue it, now and then: from `queue_rq`, or instead of ending it.
    pub(crate) const REQUEUE: u32 = 1 << 8;
    /// Refuse it, now and then.
    pub(crate) const REFUSE: u32 = 1 << 9;
    /// End it with an error instead of starting it, now and then.
    pub(crate) const REFUSE_HARD: u32 = 1 << 10;
    /// Drop its owner, now and then.
    pub(crate) const DROP: u32 = 1 << 11;
    /// End every other flush with an error.
    pub(crate) const FAIL_FLUSH: u32 = 1 << 12;
    /// Leak references to it. The disk can never be removed after that.
    pub(crate) const LEAK: u32 = 1 << 13;
    /// Leak the disks. Works with [`INLINE`] and [`SOFTIRQ`]: whatever else would end requests is
    /// gone by the time that the disks are removed.
    pub(crate) const LEAK_DISK: u32 = 1 << 14;
    /// Hold a reference from a look-up for a while that is short, and long enough for the request
    /// to end on another CPU.
    pub(crate) const HOLD: u32 = 1 << 15;
    /// Fail to load, some seconds after the disks have been made.
    pub(crate) const FAIL_LOAD: u32 = 1 << 16;
    /// Take some of the requests that come in a list, and leave others. Otherwise all are left, and
    /// come one by one. Not together with [`REFUSE_HARD`].
    pub(crate) const LISTS: u32 = 1 << 17;
    /// Complete together, now and then, what waits to be ended in a batch. With [`TIMER`], leave it
    /// to one timer.
    pub(crate) const TOGETHER: u32 = 1 << 18;
}

/// Whether the module was asked for any of these.
fn has(what: u32) -> bool {
    module_parameters::abuse.value() & what != 0
}

/// Numbers that follow no pattern.
fn random() -> u32 {
    static STATE: Atomic<u64> = Atomic::new(0);

    let mut x = STATE.fetch_add(0x1234_5678_9abc_def1, Relaxed);
    for _ in 0..3 {
        x = (x ^ (x >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    }
    (x >> 32) as u32
}

fn one_in(n: u32) -> bool {
    random().checked_rem(n) == Some(0)
}

/// Some time around the interval between interrupts.
fn soon() -> Delta {
    let longest = module_parameters::interval_us.value().saturating_mul(2);
    Delta::from_micros(1 + i64::from(random().checked_rem(longest).unwrap_or(0)))
}

/// Declares counters, and a type that shows them.
macro_rules! counters {
    ($($(#[doc = $doc:literal])* $counter:ident: $name:literal,)*) => {
        $($(#[doc = $doc])* static $counter: Atomic<u64> = Atomic::new(0);)*

        /// All counters, a line each.
        struct Counts;

        impl fmt::Debug for Counts {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(writeln!(f, concat!($name, " {}"), $counter.load(Relaxed))?;)*
                Ok(())
            }
        }
    };
}

counters! {
    /// Requests that were taken, by `queue_rq` or out of a list. At rest this is the sum of the
    /// next six.
    HANDED: "handed",
    /// Requests with data that were carried out and ended.
    ENDED: "ended",
    /// Flushes that were ended.
    FLUSHED: "flushed",
    /// Requests of either kind that were ended with an error.
    FAILED: "failed",
    DROPPED: "dropped",
    REFUSED: "refused",
    REQUEUED: "requeued",
    /// Requests that were taken out of a list that came.
    LISTED: "listed",
    /// Requests that ended behind another one in a list: one of those that waited for a batch, one
    /// that was completed, and one that a timer owned.
    BATCHED: "batched",
    TOGETHER: "together",
    TIMED: "timed",
    /// Requests that were taken from a timer together with the one that was asked for.
    TIMED_OTHERS: "timed_others",
    /// Requests that were found in a list by a reference.
    REMOVED: "removed",
    /// Requests that were kept, to be carried out later.
    KEPT: "kept",
    /// Calls of `poll` that ended a request.
    POLLED: "polled",
    LOOKED_UP: "looked_up",
    FOUND: "found",
    /// References from look-ups that were held for a while.
    HELD: "held",
    /// Requests that were taken from where they waited, by tag.
    CLAIMED: "claimed",
    /// Requests that were claimed by the key that they were parked under.
    KEYED: "keyed",
    /// Timers with a reference that expired, and those of them that claimed nothing.
    WATCHED: "watched",
    WATCHED_IN_VAIN: "watched_in_vain",
    /// Timers with a reference that gave it back.
    UNWATCHED: "unwatched",
    TIMED_OUT: "timed_out",
    LEAKED: "leaked",
    MOVED: "moved",
    /// What the abstractions promise not to happen.
    BROKEN: "broken",
}

fn count(counter: &Atomic<u64>) {
    counter.add(1u64, Relaxed);
}

const SECTOR_WORDS: usize = SECTOR_SIZE as usize / size_of::<u64>();

/// The data of a disk. A reader of a sector that is being written gets some of both.
struct Store(KVVec<[Atomic<u64>; SECTOR_WORDS]>);

impl Store {
    fn new(sectors: usize) -> Result<Self> {
        let mut store = KVVec::with_capacity(sectors, GFP_KERNEL)?;
        for _ in 0..sectors {
            store.push([const { Atomic::new(0) }; SECTOR_WORDS], GFP_KERNEL)?;
        }
        Ok(Self(store))
    }

    /// Carries out a read or a write.
    fn transfer<K: Kind>(&self, rq: &Owner<K>) -> Result {
        // A flush has no place.
        if !rq.op().moves_data() {
            return Ok(());
        }
        let mut at = usize::try_from(rq.sector())?;
        for segment in rq.segments() {
            // Segments consist of whole sectors, as the disk does not set an alignment of its own.
            for offset in (0..segment.len()).step_by(SECTOR_SIZE as usize) {
                let words = self.0.get(at).ok_or(EIO)?;
                let mut sector = [0; SECTOR_SIZE as usize];
                if rq.op() == Op::WRITE {
                    segment.copy_to(offset, &mut sector)?;
                    for (word, bytes) in words.iter().zip(sector.chunks_exact(size_of::<u64>())) {
                        word.store(
                            u64::from_ne_bytes(bytes.try_into().map_err(|_| EIO)?),
                            Relaxed,
                        );
                    }
                } else {
                    for (word, bytes) in words.iter().zip(sector.chunks_exact_mut(size_of::<u64>()))
                    {
                        bytes.copy_from_slice(&word.load(Relaxed).to_ne_bytes());
                    }
                    segment.copy_from(offset, &sector)?;
                }
                at += 1;
            }
        }
        Ok(())
    }
}

/// The driver, for requests with the timer of `K`.
struct Abuse<K>(PhantomData<K>);

type Owner<K, S = InFlight> = OwnedRequest<Abuse<K>, S>;
type List<K, S = InFlight> = RequestList<Abuse<K>, S>;
type Reference<K> = ARef<Request<Abuse<K>>>;

/// What the timer of a request is for.
trait Kind: Send + Sync + Sized + 'static {
    fn new_timer() -> impl PinInit<HrTimer<Data<Self>>>;

    /// Starts a timer that has nothing to do with how the request ends.
    fn watch(_: &Request<Abuse<Self>>) {}

    /// Stops that timer.
    fn unwatch(_: &Request<Abuse<Self>>) {}

    /// Leaves requests to the timer of the first, or completes them.
    fn leave(requests: List<Self>) {
        requests.complete();
    }

    /// Takes requests from the timer of `rq`.
    fn take_back(_: &Request<Abuse<Self>>) -> Option<List<Self>> {
        None
    }
}

/// The driver's data of a request.
#[pin_data]
struct Data<K: Kind> {
    /// How often the request was taken.
    taken: Atomic<u32>,
    #[pin]
    timer: HrTimer<Self>,
    _kind: PhantomData<K>,
}

impl_has_hr_timer! {
    impl{K: Kind} HasHrTimer<Self> for Data<K> {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl<K: Kind> Data<K> {
    /// The key of this I/O, or of an earlier one.
    fn key(&self, ios_ago: u32) -> u32 {
        self.taken.load(Relaxed).wrapping_sub(ios_ago)
    }
}

/// The timer has a reference to the request.
struct Watching;

impl HrTimerCallback for Data<Watching> {
    type Pointer<'a> = Reference<Watching>;

    /// The request may have ended long ago.
    fn run(rq: Reference<Watching>, (): ()) -> HrTimerRestart {
        count(&WATCHED);
        match claim(&rq) {
            Some(owner) => finish(owner),
            None => count(&WATCHED_IN_VAIN),
        }
        if let Some(other) = rq.queue_data().device.find() {
            disturb(&other);
        }
        if one_in(4) {
            Watching::watch(&rq);
        }
        // Must have no effect.
        HrTimerRestart::Restart
    }
}

impl Kind for Watching {
    fn new_timer() -> impl PinInit<HrTimer<Data<Self>>> {
        HrTimer::new()
    }

    fn watch(rq: &Request<Abuse<Self>>) {
        rq.start_timer(soon());
    }

    fn unwatch(rq: &Request<Abuse<Self>>) {
        if rq.cancel_timer() {
            count(&UNWATCHED);
        }
    }
}

/// The timer of the first request of a list has the owners of all of them.
struct Owning;

impl HrTimerCallback for Data<Owning> {
    type Pointer<'a> = List<Owning>;

    fn run(mut requests: List<Owning>, (): ()) -> HrTimerRestart {
        stir(&mut requests);
        match random() % 8 {
            0 => requests.start_timer(soon()),
            1 => {
                // In two parts, each with the timer of its first.
                requests
                    .next()
                    .map(List::from)
                    .unwrap_or_default()
                    .start_timer(soon());
                requests.start_timer(soon());
            }
            2 | 3 => requests.for_each(finish),
            _ => end_all(requests, &TIMED),
        }
        // Must have no effect.
        HrTimerRestart::Restart
    }
}

impl Kind for Owning {
    fn new_timer() -> impl PinInit<HrTimer<Data<Self>>> {
        HrTimer::new()
    }

    fn leave(requests: List<Self>) {
        requests.start_timer(soon());
    }

    fn take_back(rq: &Request<Abuse<Self>>) -> Option<List<Self>> {
        RequestList::cancel_timer(rq)
    }
}

/// Starts or stops a timer, with no regard to whose it is.
fn disturb<K: Kind>(rq: &Request<Abuse<K>>) {
    if !has(abuse::WATCH) || one_in(2) {
        return;
    }
    if one_in(2) {
        K::watch(rq);
    } else {
        K::unwatch(rq);
    }
}

/// Claims a request by its key, by another one or without.
fn claim<K: Kind>(rq: &Request<Abuse<K>>) -> Option<Owner<K>> {
    match random() % 16 {
        0 => rq.claim_under(random()),
        1 => rq.claim_under(rq.data().key(1)).inspect(|_| count(&BROKEN)),
        2 | 3 => rq.claim_under(rq.data().key(0)).inspect(|_| count(&KEYED)),
        _ => rq.claim(),
    }
}

/// Takes a request from where it waits. Others may come with it.
fn take_away<K: Kind>(rq: &Request<Abuse<K>>) -> Option<Owner<K>> {
    if let Some(owner) = claim(rq) {
        return Some(owner);
    }
    let mut requests = K::take_back(rq)?;
    let first = requests.next();
    if !first
        .as_deref()
        .is_some_and(|first| core::ptr::eq(first, rq))
    {
        count(&BROKEN);
    }
    if one_in(4) {
        K::leave(requests);
    } else {
        requests.for_each(|other| {
            count(&TIMED_OTHERS);
            finish(other);
        });
    }
    first
}

/// Moves requests within a list, out of it and in again.
fn stir<K: Kind, S: State>(requests: &mut List<K, S>) {
    for _ in 0..1 + random() % 3 {
        if let Some(rq) = requests.pop_front() {
            requests.push_back(rq);
        }
    }
    if !one_in(8) {
        return;
    }
    let Some(first) = requests.pop_front() else {
        return;
    };
    let any = first.queue_data().device.references.take();
    requests.push_back(first);
    if let Some(owner) = any.and_then(|any| requests.remove(&any)) {
        count(&REMOVED);
        requests.push_back(owner);
    }
}

/// Ends a request, or whatever else was asked for.
fn finish<K: Kind>(rq: Owner<K>) {
    if has(abuse::REQUEUE) && one_in(8) {
        count(&REQUEUED);
        rq.requeue(true);
    } else if has(abuse::SOFTIRQ) && one_in(4) {
        rq.complete();
    } else {
        end(rq, Status::OK);
    }
}

fn end<K: Kind, S: State>(rq: Owner<K, S>, status: Status) {
    count_end(&rq, status);
    rq.end(status);
}

fn count_end<K: Kind, S: State>(rq: &Owner<K, S>, status: Status) {
    if !status.is_ok() {
        count(&FAILED);
    } else if rq.op() == Op::FLUSH {
        count(&FLUSHED);
    } else {
        count(&ENDED);
    }
}

/// Drops a request, now and then, if that was asked for.
fn maybe_drop<K: Kind, S: State>(rq: Owner<K, S>) -> Option<Owner<K, S>> {
    if has(abuse::DROP) && one_in(16) {
        count(&DROPPED);
        drop(rq);
        return None;
    }
    Some(rq)
}

/// Ends requests that have come together, and counts those behind the first.
fn end_all<K: Kind, S: State>(mut requests: List<K, S>, counter: &Atomic<u64>) {
    stir(&mut requests);
    if one_in(2) {
        let mut behind = false;
        return requests.end(|rq| {
            if core::mem::replace(&mut behind, true) {
                count(counter);
            }
            count_end(rq, Status::OK);
            Status::OK
        });
    }
    CompletionBatch::scope(|batch| {
        for rq in requests.filter_map(maybe_drop) {
            if one_in(4) {
                end(rq, Status::OK);
            } else {
                count_end(&rq, Status::OK);
                rq.end_batched(Status::OK, batch);
            }
        }
    });
}

/// Whether there is something left to leak, and counts it. A few more do not matter.
fn leak() -> bool {
    let more = LEAKED.load(Relaxed) < module_parameters::leaks.value().into();
    if more {
        count(&LEAKED);
    }
    more
}

/// References that are kept without need, and dropped at random. Used in all contexts.
#[pin_data]
struct References<K: Kind> {
    #[pin]
    kept: SpinLockIrq<KVec<Reference<K>>>,
}

impl<K: Kind> References<K> {
    fn new(capacity: usize) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            kept <- new_spinlock_irq!(KVec::with_capacity(capacity, GFP_KERNEL)?),
        })
    }

    /// Puts one in. If there is no room, one gets out in its place.
    fn put(&self, rq: Reference<K>) -> Option<Reference<K>> {
        let mut kept = self.kept.lock();
        if kept.len() < kept.capacity() {
            return kept.push_within_capacity(rq).err().map(|error| error.0);
        }
        match kept.len() {
            0 => Some(rq),
            len => Some(core::mem::replace(&mut kept[random() as usize % len], rq)),
        }
    }

    /// Takes one out.
    fn take(&self) -> Option<Reference<K>> {
        let mut kept = self.kept.lock();
        match kept.len() {
            0 => None,
            len => kept.remove(random() as usize % len).ok(),
        }
    }
}

/// What the disks share. A list is never ended while it is locked.
#[pin_data]
struct Device<K: Kind> {
    tag_set: Arc<TagSet<Abuse<K>>>,
    #[pin]
    references: References<K>,
    /// References from look-ups, until the next interrupt.
    #[pin]
    held: References<K>,
    /// Requests that are not carried out yet.
    #[pin]
    late: SpinLockIrq<List<K>>,
    #[pin]
    batch: SpinLockIrq<List<K>>,
    #[pin]
    polled: SpinLockIrq<List<K>>,
    flushes: Atomic<u32>,
}

impl<K: Kind> Device<K> {
    fn new() -> Result<Arc<Self>> {
        let depth = module_parameters::queue_depth.value();
        let tag_set = Arc::pin_init(
            TagSet::new(
                TagSetBuilder::new()
                    .submit_queues(module_parameters::hw_queues.value())
                    .poll_queues(module_parameters::poll_queues.value())
                    .queue_depth(depth)
                    .timeout_ms(module_parameters::timeout_ms.value()),
            ),
            GFP_KERNEL,
        )?;
        // Both together leave some requests to the block layer.
        let capacity = depth as usize / 5;
        Arc::pin_init(
            try_pin_init!(Self {
                tag_set,
                references <- References::new(capacity),
                held <- References::new(capacity),
                late <- new_spinlock_irq!(List::new()),
                batch <- new_spinlock_irq!(List::new()),
                polled <- new_spinlock_irq!(List::new()),
                flushes: Atomic::new(0),
            }),
            GFP_KERNEL,
        )
    }

    /// Looks up a hardware queue and a tag, as a broken device might report them.
    fn find(&self) -> Option<Reference<K>> {
        let odd = [0, 1, self.tag_set.queue_depth(), i32::MAX as u32, u32::MAX];
        let any = |below: u32| match random() % 16 {
            0 => odd[random() as usize % odd.len()],
            1 => random(),
            _ => random() % below.max(1),
        };
        let hw_queue = any(self.tag_set.nr_hw_queues());
        let rq = self
            .tag_set
            .tag_to_rq(hw_queue, any(self.tag_set.queue_depth()));
        count(&LOOKED_UP);
        if rq.is_some() {
            count(&FOUND);
        }
        rq
    }

    /// What the device does when it interrupts, in hardirq and in softirq context.
    fn interrupt(&self) {
        while let Some(rq) = self.held.take() {
            drop(rq);
        }
        for _ in 0..module_parameters::lookups.value() {
            self.report();
        }
        if one_in(4) {
            drop(self.references.take());
        }
        for _ in 0..2 {
            let late = self.late.lock().pop_front();
            if let Some(rq) = late {
                self.carry_out(rq);
            }
        }
        let requests = core::mem::take(&mut *self.batch.lock());
        if has(abuse::TOGETHER) && one_in(2) {
            Self::complete_together(requests);
        } else {
            end_all(requests, &BATCHED);
        }
    }

    /// Completes requests together, of whatever disk and hardware queue.
    fn complete_together(mut requests: List<K>) {
        stir(&mut requests);
        if has(abuse::DROP) && one_in(4) {
            let mut dropped = List::new();
            for rq in requests {
                count(&DROPPED);
                dropped.push_back(rq);
            }
            drop(dropped);
        } else if one_in(4) {
            requests.complete();
        } else {
            K::leave(requests);
        }
    }

    /// Ends requests that are polled for, and others. Returns how many, or something else.
    fn poll(&self, batch: &mut CompletionBatch<'_>) -> u32 {
        let mut ended = 0;
        let mut polled = core::mem::take(&mut *self.polled.lock());
        stir(&mut polled);
        while let Some(rq) = polled.pop_front() {
            ended += 1;
            if one_in(4) {
                finish(rq);
            } else {
                count_end(&rq, Status::OK);
                rq.end_batched(Status::OK, batch);
            }
            if one_in(8) {
                break;
            }
        }
        if ended > 0 {
            count(&POLLED);
        }
        for rq in polled {
            self.polled.lock().push_back(rq);
        }
        let other = self.batch.lock().pop_front();
        if let Some(rq) = other {
            count_end(&rq, Status::OK);
            rq.end_batched(Status::OK, batch);
        }
        if one_in(16) {
            random()
        } else {
            ended
        }
    }

    /// The device reports that it has completed a request, by whatever tag comes to its mind.
    fn report(&self) {
        let Some(rq) = self.find() else {
            return;
        };
        disturb(&rq);
        if has(abuse::HOLD) && one_in(2) {
            return self.hold(rq);
        }
        let owner = take_away(&rq);
        let rq = if has(abuse::CLONES) && one_in(4) {
            self.references.put(rq)
        } else {
            Some(rq)
        };
        // The reference is dropped before the request ends, or after.
        let rq = rq.filter(|_| one_in(2));
        if let Some(owner) = owner {
            count(&CLAIMED);
            finish(owner);
        }
        drop(rq);
    }

    /// Keeps a reference for a while, so that it may be the last one when it is dropped.
    fn hold(&self, rq: Reference<K>) {
        count(&HELD);
        if one_in(2) {
            udelay(Delta::from_micros((random() % 50).into()));
            drop(rq);
        } else {
            drop(self.held.put(rq));
        }
    }

    /// Does with a started request what was asked for. It ends sooner or later.
    fn carry_out(&self, rq: Owner<K>) {
        if one_in(16) && !self.is_found(&rq) {
            count(&BROKEN);
        }
        if rq.op() == Op::FLUSH
            && has(abuse::FAIL_FLUSH)
            && self.flushes.fetch_add(1u32, Relaxed) % 2 == 0
        {
            return end(rq, Status::IOERR);
        }
        let Some(rq) = maybe_drop(rq) else {
            return;
        };
        if let Err(error) = rq.queue_data().store.transfer(&rq) {
            return end(rq, error.into());
        }

        if rq.is_polled() {
            return self.polled.lock().push_back(rq);
        }
        match way() {
            abuse::SOFTIRQ => rq.complete(),
            abuse::PARK if one_in(2) => rq.park(),
            abuse::PARK => {
                let key = rq.data().key(0);
                rq.park_under(key);
            }
            abuse::TIMER => K::leave(rq.into()),
            abuse::BATCH => self.batch.lock().push_back(rq),
            _ => finish(rq),
        }
    }

    /// Whether a started request is found by its tag.
    fn is_found(&self, rq: &Owner<K>) -> bool {
        self.tag_set
            .tag_to_rq(rq.hw_queue(), rq.tag())
            .is_some_and(|found| core::ptr::eq(&*found, &**rq))
    }
}

/// One of the ways to end a request that were asked for.
fn way() -> u32 {
    let ways = module_parameters::abuse.value() & abuse::WAYS;
    if ways == 0 {
        return abuse::INLINE;
    }
    loop {
        let way = 1 << (random() % abuse::WAYS.count_ones());
        if ways & way != 0 {
            return way;
        }
    }
}

fn sectors() -> usize {
    module_parameters::mib.value() as usize * (1024 * 1024 / SECTOR_SIZE as usize)
}

/// What a disk has for itself.
struct DiskData<K: Kind> {
    store: Store,
    device: Arc<Device<K>>,
    interrupts: Arc<Interrupts<K>>,
}

impl<K: Kind> DiskData<K> {
    /// Does with a request that has come what was asked for.
    fn take<'call>(&self, rq: Owner<K, Idle<'call>>) -> QueueResult<'call, Abuse<K>> {
        let device = &self.device;
        count(&HANDED);
        rq.data().taken.fetch_add(1u32, Relaxed);
        // The one owner is here.
        if let Some(another) = take_away(&rq) {
            count(&BROKEN);
            core::mem::forget(another);
        }
        if one_in(256) {
            self.interrupts.move_here();
        }

        if has(abuse::LEAK) && one_in(2) && leak() {
            core::mem::forget(ARef::from(&*rq));
        }
        if has(abuse::CLONES) && one_in(2) {
            drop(device.references.put(ARef::from(&*rq)));
        }
        if has(abuse::WATCH) {
            K::watch(&rq);
        }
        if has(abuse::REFUSE) && one_in(8) {
            count(&REFUSED);
            return Err(rq.refuse(Status::RESOURCE));
        }
        if has(abuse::REFUSE_HARD) && one_in(16) {
            if one_in(2) {
                end(rq, Status::IOERR);
                return Ok(());
            }
            count(&FAILED);
            // fio goes on after this one.
            return Err(rq.refuse(Status::IOERR));
        }
        if has(abuse::REQUEUE) && one_in(8) {
            count(&REQUEUED);
            rq.requeue(true);
            return Ok(());
        }
        let Some(rq) = maybe_drop(rq) else {
            return Ok(());
        };
        let rq = rq.start();
        if has(abuse::LATE) && one_in(3) {
            count(&KEPT);
            device.late.lock().push_back(rq);
        } else {
            device.carry_out(rq);
        }
        Ok(())
    }
}

#[vtable]
impl<K: Kind> Operations for Abuse<K> {
    type QueueData = KBox<DiskData<K>>;
    type RequestData = Data<K>;

    fn new_request_data() -> impl PinInit<Data<K>> {
        pin_init!(Data {
            taken: Atomic::new(0),
            timer <- K::new_timer(),
            _kind: PhantomData,
        })
    }

    fn queue_rq<'call>(
        disk: &DiskData<K>,
        rq: Owner<K, Idle<'call>>,
        _is_last: bool,
    ) -> QueueResult<'call, Self> {
        disk.take(rq)
    }

    fn queue_rqs<'call>(
        disk: &DiskData<K>,
        mut requests: List<K, Idle<'call>>,
    ) -> List<K, Idle<'call>> {
        if !has(abuse::LISTS) {
            return requests;
        }
        stir(&mut requests);
        let mut left = List::new();
        while !one_in(16) {
            let Some(rq) = requests.pop_front() else {
                break;
            };
            if one_in(8) {
                left.push_back(rq);
                continue;
            }
            count(&LISTED);
            if let Err(refused) = disk.take(rq) {
                left.push_back(refused.into_request());
            }
        }
        // Those that were not looked at come first, or last.
        if one_in(2) {
            core::mem::swap(&mut requests, &mut left);
        }
        left.for_each(|rq| requests.push_back(rq));
        requests
    }

    fn complete(requests: List<K, Complete>) {
        end_all(requests, &TOGETHER);
    }

    fn poll(disk: &DiskData<K>, _hw_queue: u32, batch: &mut CompletionBatch<'_>) -> u32 {
        disk.device.poll(batch)
    }

    /// Another CPU may have what waits here, or take it now.
    fn timeout(disk: &DiskData<K>, rq: &Request<Self>) {
        count(&TIMED_OUT);
        // The device knows nothing about it.
        if let Some(tag) = rq.current_tag().filter(|_| one_in(2)) {
            drop(disk.device.tag_set.tag_to_rq(rq.hw_queue(), tag));
        }
        if let Some(rq) = take_away(rq).or_else(|| disk.device.batch.lock().remove(rq)) {
            finish(rq);
        }
    }
}

/// Where an interrupt comes from: the mode of its timer.
trait Context: HrTimerMode<Expires = Delta> + Send + Sync + 'static {}

impl Context for RelativeMode<Monotonic> {}
impl Context for RelativeSoftMode<Monotonic> {}

/// A timer that stands for the interrupts of the device.
#[pin_data]
struct Interrupt<K: Kind, C: Context> {
    device: Arc<Device<K>>,
    #[pin]
    timer: HrTimer<Self>,
    _p: PhantomData<C>,
}

impl_has_hr_timer! {
    impl{K: Kind, C: Context} HasHrTimer<Self> for Interrupt<K, C> {
        mode: C, field: self.timer
    }
}

impl<K: Kind, C: Context> HrTimerCallback for Interrupt<K, C> {
    type Pointer<'a> = Arc<Self>;

    fn run(
        this: ArcBorrow<'_, Self>,
        mut context: SharedHrTimerCallbackContext<'_, Self>,
    ) -> HrTimerRestart {
        this.device.interrupt();
        context.start(soon());
        HrTimerRestart::NoRestart
    }
}

/// An interrupt that can be moved to another CPU.
#[pin_data]
struct Line<K: Kind, C: Context> {
    interrupt: Arc<Interrupt<K, C>>,
    #[pin]
    handle: SpinLockIrq<Option<ArcHrTimerHandle<Interrupt<K, C>>>>,
}

impl<K: Kind, C: Context> Line<K, C> {
    fn new(device: Arc<Device<K>>) -> impl PinInit<Self, Error> {
        pin_init::pin_init_scope(|| {
            let interrupt = Arc::pin_init(
                try_pin_init!(Interrupt {
                    device,
                    timer <- HrTimer::new(),
                    _p: PhantomData,
                }),
                GFP_KERNEL,
            )?;
            let handle = interrupt.clone().start(soon());
            Ok(try_pin_init!(Self {
                interrupt,
                handle <- new_spinlock_irq!(Some(handle)),
            }))
        })
    }

    /// From now on the interrupt comes on this CPU.
    fn move_here(&self) {
        // Only one at a time gets here with the handle.
        if self.stop() {
            let handle = self.interrupt.clone().start(soon());
            *self.handle.lock() = Some(handle);
            count(&MOVED);
        }
    }

    /// Stops the interrupt, unless it is stopped.
    fn stop(&self) -> bool {
        let handle = self.handle.lock().take();
        handle.is_some()
    }
}

/// The interrupts of the device. They go on while disks are removed.
#[pin_data]
struct Interrupts<K: Kind> {
    #[pin]
    hard: Line<K, RelativeMode<Monotonic>>,
    #[pin]
    soft: Line<K, RelativeSoftMode<Monotonic>>,
}

impl<K: Kind> Interrupts<K> {
    fn move_here(&self) {
        if one_in(2) {
            self.hard.move_here();
        } else {
            self.soft.move_here();
        }
    }
}

/// All that runs.
struct Running<K: Kind> {
    disks: KVec<GenDisk<Abuse<K>>>,
    interrupts: Arc<Interrupts<K>>,
    device: Arc<Device<K>>,
}

/// What can be told to do something while it runs.
trait Control: Send + Sync {
    /// Changes the number of hardware queues.
    fn resize(&self, number: u32) -> Result;

    /// Leaks references to a request, of those that are kept.
    fn clone_and_forget(&self, number: u32) -> Result;
}

impl<K: Kind> Control for Device<K> {
    fn resize(&self, number: u32) -> Result {
        let polled = self.tag_set.poll_queues();
        self.tag_set.update_nr_hw_queues(number, polled)
    }

    fn clone_and_forget(&self, number: u32) -> Result {
        const BREAK: u32 = 1 << 22;

        // There is none in between, now and then.
        let mut tries = 0;
        let rq = loop {
            if let Some(rq) = self.references.take() {
                break rq;
            }
            tries += 1;
            if tries == 10_000 {
                return Err(EAGAIN);
            }
            fsleep(Delta::from_millis(1));
        };
        for clones in 0..number {
            core::mem::forget(rq.clone());
            if clones % BREAK == 0 {
                // Others want to run, too.
                fsleep(Delta::from_micros(100));
            }
        }
        Ok(())
    }
}

/// Reads a number that was written.
fn read_number(from: &mut UserSliceReader) -> Result<u32> {
    let mut text = [0; 11];
    let text = text.get_mut(..from.len()).ok_or(EINVAL)?;
    from.read_slice(text)?;
    let text = core::str::from_utf8(text).map_err(|_| EINVAL)?;
    text.trim().parse().map_err(|_| EINVAL)
}

fn write_hw_queues(device: &Arc<dyn Control>, from: &mut UserSliceReader) -> Result {
    device.resize(read_number(from)?)
}

fn write_clones(device: &Arc<dyn Control>, from: &mut UserSliceReader) -> Result {
    device.clone_and_forget(read_number(from)?)
}

impl<K: Kind> Running<K> {
    fn start() -> Result<(KBox<dyn Send + Sync>, Arc<dyn Control>)> {
        let device = Device::<K>::new()?;
        let (hard, soft) = (Line::new(device.clone()), Line::new(device.clone()));
        let interrupts = Arc::pin_init(
            try_pin_init!(Interrupts { hard <- hard, soft <- soft }),
            GFP_KERNEL,
        )?;
        let mut running = Self {
            disks: KVec::new(),
            interrupts,
            device,
        };
        for number in 0..module_parameters::disks.value() {
            let data = KBox::new(
                DiskData {
                    store: Store::new(sectors())?,
                    device: running.device.clone(),
                    interrupts: running.interrupts.clone(),
                },
                GFP_KERNEL,
            )?;
            let disk = GenDiskBuilder::new()
                .capacity_sectors(sectors() as u64)
                .write_cache(true)
                .build(
                    &CString::try_from_fmt(fmt!("rbabuse{number}"))?,
                    running.device.tag_set.clone(),
                    data,
                )?;
            running.disks.push(disk, GFP_KERNEL)?;
        }
        let device = running.device.clone();
        Ok((KBox::new(running, GFP_KERNEL)?, device))
    }
}

impl<K: Kind> Drop for Running<K> {
    fn drop(&mut self) {
        let disks = core::mem::take(&mut self.disks);
        if has(abuse::LEAK_DISK) {
            // What is kept would keep the disks from being removed.
            core::mem::forget(disks);
        } else {
            drop(disks);
        }
        // The device does not let go of anything after this.
        self.interrupts.hard.stop();
        self.interrupts.soft.stop();
        while self.device.references.take().is_some() {}
        while self.device.held.take().is_some() {}
    }
}

#[pin_data]
struct AbuseModule {
    // The code that shows the counts.
    #[pin]
    _counts: debugfs::File<Counts>,
    #[pin]
    _hw_queues: debugfs::File<Arc<dyn Control>>,
    #[pin]
    _clones: debugfs::File<Arc<dyn Control>>,
    _directory: debugfs::Dir,
    _running: KBox<dyn Send + Sync>,
}

impl kernel::InPlaceModule for AbuseModule {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        pin_init::pin_init_scope(|| {
            let (running, device) = match (has(abuse::TIMER), has(abuse::WATCH)) {
                (true, true) => return Err(EINVAL),
                (true, false) => Running::<Owning>::start()?,
                (false, _) => Running::<Watching>::start()?,
            };
            if has(abuse::FAIL_LOAD) {
                fsleep(Delta::from_millis(5000));
                return Err(EIO);
            }
            let directory = debugfs::Dir::new(c"rust_block_abuse");
            Ok(try_pin_init!(Self {
                _counts <- directory.read_only_file(c"counts", Counts),
                _hw_queues <-
                    directory.write_callback_file(c"hw_queues", device.clone(), &write_hw_queues),
                _clones <- directory.write_callback_file(c"clones", device, &write_clones),
                _directory: directory,
                _running: running,
            }))
        })
    }
}
