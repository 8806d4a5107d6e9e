// SPDX-License-Identifier: GPL-2.0

//! A block driver that abuses its requests as badly as safe code can.
//!
//! It keeps its data in memory, so that programs can verify what they read. It keeps references
//! without need, lets timers run that nothing cancels, looks up tags that do not exist, claims by
//! outdated keys, ends requests in any context, and leaks. [`kernel::block::mq`] promises that none
//! of this does harm. The C drivers in this folder show what two of these mistakes do without it.
//!
//! The parameter `abuse` is a sum of the constants in `abuse`. The file `rust_block_abuse/counts`
//! in debugfs shows the driver's counters, for all disks together. A number written to
//! `rust_block_abuse/hw_queues` sets the number of hardware queues. A number written to
//! `rust_block_abuse/clones` leaks that many references to one request.

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

/// The bits of the parameter `abuse`.
mod abuse {
    // Ways to end a request. The driver picks one of those that are set at random.

    /// End it in `queue_rq`.
    pub(crate) const INLINE: u32 = 1 << 0;
    /// Complete it, and end it in `complete`.
    pub(crate) const SOFTIRQ: u32 = 1 << 1;
    /// Park it, with or without a key. A look-up of its tag ends it, or its timer.
    pub(crate) const PARK: u32 = 1 << 2;
    /// Give the owner to its timer, unless it is taken away from there.
    pub(crate) const TIMER: u32 = 1 << 3;
    /// End it with others in a batch.
    pub(crate) const BATCH: u32 = 1 << 4;
    pub(crate) const WAYS: u32 = (1 << 5) - 1;

    // Other things to do with a request.

    /// Sometimes keep a started request, and execute it in an interrupt.
    pub(crate) const LATE: u32 = 1 << 5;
    /// Start its timer, with a reference, and leave it running. Not together with [`TIMER`].
    pub(crate) const WATCH: u32 = 1 << 6;
    /// Keep references to it.
    pub(crate) const CLONES: u32 = 1 << 7;
    /// Sometimes requeue it: in `queue_rq`, or instead of ending it.
    pub(crate) const REQUEUE: u32 = 1 << 8;
    /// Sometimes refuse it.
    pub(crate) const REFUSE: u32 = 1 << 9;
    /// Sometimes end it with an error instead of starting it.
    pub(crate) const REFUSE_HARD: u32 = 1 << 10;
    /// Sometimes drop its owner.
    pub(crate) const DROP: u32 = 1 << 11;
    /// End every other flush with an error.
    pub(crate) const FAIL_FLUSH: u32 = 1 << 12;
    /// Leak references to it. The disk can never be removed after that.
    pub(crate) const LEAK: u32 = 1 << 13;
    /// Leak the disks. Works with [`INLINE`] and [`SOFTIRQ`]: by the time that the disks are
    /// removed, nothing is left to end requests in other ways.
    pub(crate) const LEAK_DISK: u32 = 1 << 14;
    /// Hold a reference from a look-up for a short while, in which the request may end on another
    /// CPU.
    pub(crate) const HOLD: u32 = 1 << 15;
    /// Fail to load, some seconds after the disks were added.
    pub(crate) const FAIL_LOAD: u32 = 1 << 16;
    /// Take some of the requests of a list, and return others. Otherwise all are returned, and come
    /// one by one. Not together with [`REFUSE_HARD`].
    pub(crate) const LISTS: u32 = 1 << 17;
    /// Sometimes complete the requests that wait for a batch together. With [`TIMER`], give them to
    /// one timer.
    pub(crate) const TOGETHER: u32 = 1 << 18;
}

/// Returns true if one of the bits of `what` is set.
fn has(what: u32) -> bool {
    module_parameters::abuse.value() & what != 0
}

/// Returns a pseudo-random number.
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

/// Returns a random time of up to twice the interval between interrupts.
fn soon() -> Delta {
    let longest = module_parameters::interval_us.value().saturating_mul(2);
    Delta::from_micros(1 + i64::from(random().checked_rem(longest).unwrap_or(0)))
}

/// Declares counters, and a type that shows them.
macro_rules! counters {
    ($($(#[doc = $doc:literal])* $counter:ident: $name:literal,)*) => {
        $($(#[doc = $doc])* static $counter: Atomic<u64> = Atomic::new(0);)*

        /// All counters, shown on a line each.
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
    /// Requests that `queue_rq` took, or that were taken out of a list. At rest this is the sum of
    /// the next six.
    HANDED: "handed",
    /// Requests with data that ended with success.
    ENDED: "ended",
    /// Flushes that ended with success.
    FLUSHED: "flushed",
    /// Requests of either kind that ended with an error.
    FAILED: "failed",
    DROPPED: "dropped",
    REFUSED: "refused",
    REQUEUED: "requeued",
    /// Requests that were taken out of a list in `queue_rqs`.
    LISTED: "listed",
    /// Requests that ended after the first of a list, whose requests waited for a batch, were
    /// completed, or belonged to a timer.
    BATCHED: "batched",
    TOGETHER: "together",
    TIMED: "timed",
    /// Requests that were taken from a timer together with the one that was meant.
    TIMED_OTHERS: "timed_others",
    /// Requests that were found in a list by a reference.
    REMOVED: "removed",
    /// Requests that were kept to be executed later.
    KEPT: "kept",
    /// Calls of `poll` that ended a request.
    POLLED: "polled",
    LOOKED_UP: "looked_up",
    FOUND: "found",
    /// References from look-ups that were held for a while.
    HELD: "held",
    /// Requests that a look-up by tag found and took away.
    CLAIMED: "claimed",
    /// Requests that were claimed by their key.
    KEYED: "keyed",
    /// Timers with a reference that expired, and those of them that claimed nothing.
    WATCHED: "watched",
    WATCHED_IN_VAIN: "watched_in_vain",
    /// Timers with a reference that were cancelled.
    UNWATCHED: "unwatched",
    TIMED_OUT: "timed_out",
    LEAKED: "leaked",
    MOVED: "moved",
    /// Broken promises of the abstractions.
    BROKEN: "broken",
}

fn count(counter: &Atomic<u64>) {
    counter.add(1u64, Relaxed);
}

const SECTOR_WORDS: usize = SECTOR_SIZE as usize / size_of::<u64>();

/// The data of a disk. Reading a sector during a write returns a mixture of old and new data.
struct Store(KVVec<[Atomic<u64>; SECTOR_WORDS]>);

impl Store {
    fn new(sectors: usize) -> Result<Self> {
        let mut store = KVVec::with_capacity(sectors, GFP_KERNEL)?;
        for _ in 0..sectors {
            store.push([const { Atomic::new(0) }; SECTOR_WORDS], GFP_KERNEL)?;
        }
        Ok(Self(store))
    }

    /// Executes a read or a write.
    fn transfer<K: Kind>(&self, rq: &Owner<K>) -> Result {
        // A flush has no data.
        if !rq.op().moves_data() {
            return Ok(());
        }
        let mut at = usize::try_from(rq.sector())?;
        for segment in rq.segments() {
            // Segments consist of whole sectors, as the disk has the default alignment.
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

/// The use of a request's timer.
trait Kind: Send + Sync + Sized + 'static {
    fn new_timer() -> impl PinInit<HrTimer<Data<Self>>>;

    /// Starts a timer that has a reference, independently of how the request ends.
    fn watch(_: &Request<Abuse<Self>>) {}

    /// Stops that timer.
    fn unwatch(_: &Request<Abuse<Self>>) {}

    /// Gives requests to the timer of the first, or completes them.
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
    /// The number of times that the request was taken.
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
    /// Returns the key of this I/O, or of an earlier one.
    fn key(&self, ios_ago: u32) -> u32 {
        self.taken.load(Relaxed).wrapping_sub(ios_ago)
    }
}

/// Requests whose timers have references.
struct Watching;

impl HrTimerCallback for Data<Watching> {
    type Pointer<'a> = Reference<Watching>;

    /// By now, the request may have ended.
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

/// Requests whose timers own them, and those that follow in the list.
struct Owning;

impl HrTimerCallback for Data<Owning> {
    type Pointer<'a> = List<Owning>;

    fn run(mut requests: List<Owning>, (): ()) -> HrTimerRestart {
        stir(&mut requests);
        match random() % 8 {
            0 => requests.start_timer(soon()),
            1 => {
                // In two parts, each with the timer of its first request.
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

/// Sometimes starts or cancels a timer, whatever it is used for.
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

/// Claims a request by its key, by another key or without.
fn claim<K: Kind>(rq: &Request<Abuse<K>>) -> Option<Owner<K>> {
    match random() % 16 {
        0 => rq.claim_under(random()),
        1 => rq.claim_under(rq.data().key(1)).inspect(|_| count(&BROKEN)),
        2 | 3 => rq.claim_under(rq.data().key(0)).inspect(|_| count(&KEYED)),
        _ => rq.claim(),
    }
}

/// Takes a request from where it waits, and others that come with it.
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

/// Rotates a list, and sometimes takes out a random request and adds it again.
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

/// Ends a request, or requeues or completes it if `abuse` says so.
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

/// Sometimes drops a request, if `abuse` says so.
fn maybe_drop<K: Kind, S: State>(rq: Owner<K, S>) -> Option<Owner<K, S>> {
    if has(abuse::DROP) && one_in(16) {
        count(&DROPPED);
        drop(rq);
        return None;
    }
    Some(rq)
}

/// Ends the requests of a list, and counts those behind the first.
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

/// Counts a leak and returns true, unless enough was leaked. A few more do no harm.
fn leak() -> bool {
    let more = LEAKED.load(Relaxed) < module_parameters::leaks.value().into();
    if more {
        count(&LEAKED);
    }
    more
}

/// References that are kept without need and dropped at random, in all contexts.
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

    /// Adds a reference. If there is no room, returns it or another one.
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

    /// Takes a random reference out.
    fn take(&self) -> Option<Reference<K>> {
        let mut kept = self.kept.lock();
        match kept.len() {
            0 => None,
            len => kept.remove(random() as usize % len).ok(),
        }
    }
}

/// The data that the disks share. No list is ended while its lock is held.
#[pin_data]
struct Device<K: Kind> {
    tag_set: Arc<TagSet<Abuse<K>>>,
    #[pin]
    references: References<K>,
    /// References from look-ups, held until the next interrupt.
    #[pin]
    held: References<K>,
    /// Requests to execute later.
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

    /// The interrupt handler of the device, in hardirq and in softirq context.
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

    /// Completes a list of requests of any disks and hardware queues together.
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

    /// Ends polled requests, and others. Returns their number, or sometimes any number.
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

    /// A spurious completion: the device reports any tag.
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
        // Drop the reference before the request ends, or after.
        let rq = rq.filter(|_| one_in(2));
        if let Some(owner) = owner {
            count(&CLAIMED);
            finish(owner);
        }
        drop(rq);
    }

    /// Holds a reference for a while, so that it may be the last one when it is dropped.
    fn hold(&self, rq: Reference<K>) {
        count(&HELD);
        if one_in(2) {
            udelay(Delta::from_micros((random() % 50).into()));
            drop(rq);
        } else {
            drop(self.held.put(rq));
        }
    }

    /// Executes a started request, and ends it in one of the ways of `abuse`, now or later.
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

    /// Returns true if a started request is found by its tag.
    fn is_found(&self, rq: &Owner<K>) -> bool {
        self.tag_set
            .tag_to_rq(rq.hw_queue(), rq.tag())
            .is_some_and(|found| core::ptr::eq(&*found, &**rq))
    }
}

/// Picks one of the ways to end a request that are set in `abuse`.
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

/// The data of one disk.
struct DiskData<K: Kind> {
    store: Store,
    device: Arc<Device<K>>,
    interrupts: Arc<Interrupts<K>>,
}

impl<K: Kind> DiskData<K> {
    /// Takes a request, and does with it what `abuse` says.
    fn take<'call>(&self, rq: Owner<K, Idle<'call>>) -> QueueResult<'call, Abuse<K>> {
        let device = &self.device;
        count(&HANDED);
        rq.data().taken.fetch_add(1u32, Relaxed);
        // This call has the one owner.
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
            // fio continues after this error.
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
        // The remaining requests come first, or last.
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

    /// Another CPU may be taking the request away at the same time.
    fn timeout(disk: &DiskData<K>, rq: &Request<Self>) {
        count(&TIMED_OUT);
        // The device does not know the request.
        if let Some(tag) = rq.current_tag().filter(|_| one_in(2)) {
            drop(disk.device.tag_set.tag_to_rq(rq.hw_queue(), tag));
        }
        if let Some(rq) = take_away(rq).or_else(|| disk.device.batch.lock().remove(rq)) {
            finish(rq);
        }
    }
}

/// The context of an interrupt, which is the mode of its timer.
trait Context: HrTimerMode<Expires = Delta> + Send + Sync + 'static {}

impl Context for RelativeMode<Monotonic> {}
impl Context for RelativeSoftMode<Monotonic> {}

/// A timer that simulates an interrupt of the device.
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

    /// Moves the interrupt to this CPU.
    fn move_here(&self) {
        // Only one caller at a time gets the handle.
        if self.stop() {
            let handle = self.interrupt.clone().start(soon());
            *self.handle.lock() = Some(handle);
            count(&MOVED);
        }
    }

    /// Stops the interrupt. Returns false if it is stopped already.
    fn stop(&self) -> bool {
        let handle = self.handle.lock().take();
        handle.is_some()
    }
}

/// The interrupts of the device. They continue while disks are removed.
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

/// The disks, the interrupts and the device.
struct Running<K: Kind> {
    disks: KVec<GenDisk<Abuse<K>>>,
    interrupts: Arc<Interrupts<K>>,
    device: Arc<Device<K>>,
}

/// Operations that files in debugfs start.
trait Control: Send + Sync {
    /// Changes the number of hardware queues.
    fn resize(&self, number: u32) -> Result;

    /// Leaks `number` references to one of the kept requests.
    fn clone_and_forget(&self, number: u32) -> Result;
}

impl<K: Kind> Control for Device<K> {
    fn resize(&self, number: u32) -> Result {
        let polled = self.tag_set.poll_queues();
        self.tag_set.update_nr_hw_queues(number, polled)
    }

    fn clone_and_forget(&self, number: u32) -> Result {
        const BREAK: u32 = 1 << 22;

        // Sometimes no reference is kept for a moment.
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
                // Let other tasks run.
                fsleep(Delta::from_micros(100));
            }
        }
        Ok(())
    }
}

/// Reads a number that user space has written.
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
            // The kept references would block the removal of the disks.
            core::mem::forget(disks);
        } else {
            drop(disks);
        }
        // The device drops nothing by itself after this.
        self.interrupts.hard.stop();
        self.interrupts.soft.stop();
        while self.device.references.take().is_some() {}
        while self.device.held.take().is_some() {}
    }
}

#[pin_data]
struct AbuseModule {
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
