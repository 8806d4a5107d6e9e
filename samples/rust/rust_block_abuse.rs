// SPDX-License-Identifier: GPL-2.0

//! A block driver that does the worst that safe code can do.
//!
//! It keeps its data in memory, so that programs can verify what they read, and treats requests as
//! no driver should: keeps references to them that it has no use for, lets timers run that nobody
//! cancels, looks up tags that never were, ends requests from wherever it meets them, and leaks.
//! The promise of [`kernel::block::mq`] is that none of this does harm. The C drivers in
//! `samples/block/` show what two of these mistakes do without it.
//!
//! The parameter `abuse` is a sum of the constants in `abuse`. What happened is counted in
//! `rust_block_abuse/counts` of debugfs, each number once for all disks. A number that is written
//! to `rust_block_abuse/hw_queues` is that of hardware queues from then on, and one that is written
//! to `rust_block_abuse/clones` is that of references that are leaked of one request.

use core::{
    convert::Infallible,
    marker::PhantomData, //
};
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
            OwnedRequestHrTimerHandle,
            OwnedRequests,
            QueueResult,
            Request,
            RequestChain,
            RequestHrTimerContext,
            RequestHrTimerHandle,
            RequestList,
            Started,
            State,
            TagSet,
            TagSetBuilder,
            TimeoutAction, //
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
        delay::fsleep,
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
    // Ways to end a request. One of those asked for is picked at random.

    /// In `queue_rq`.
    pub(crate) const INLINE: u32 = 1 << 0;
    /// Through `complete`.
    pub(crate) const SOFTIRQ: u32 = 1 << 1;
    /// By who looks up its tag, or by its timer: it is parked, and they fight for it.
    pub(crate) const PARK: u32 = 1 << 2;
    /// By its timer, which has the owner, or by who takes it out of there.
    pub(crate) const TIMER: u32 = 1 << 3;
    /// With others in a batch.
    pub(crate) const BATCH: u32 = 1 << 4;
    pub(crate) const WAYS: u32 = (1 << 5) - 1;

    // What else to do to it.

    /// Return from `queue_rq` without having started it, and start it from an interrupt.
    pub(crate) const LATE: u32 = 1 << 5;
    /// Start its timer, with a reference, and forget about it. Not together with [`TIMER`].
    pub(crate) const WATCH: u32 = 1 << 6;
    /// Keep references to it.
    pub(crate) const CLONES: u32 = 1 << 7;
    /// Give it back, now and then: from `queue_rq`, or instead of ending it.
    pub(crate) const REQUEUE: u32 = 1 << 8;
    /// Refuse it, now and then, or another one in its place.
    pub(crate) const REFUSE: u32 = 1 << 9;
    /// Refuse with an error that ends it, now and then.
    pub(crate) const REFUSE_HARD: u32 = 1 << 10;
    /// Drop its owner, now and then.
    pub(crate) const DROP: u32 = 1 << 11;
    /// End every other flush with an error.
    pub(crate) const FAIL_FLUSH: u32 = 1 << 12;
    /// Leak references to it. The disk can never be removed after that.
    pub(crate) const LEAK: u32 = 1 << 13;
    /// Leak the disks. Works with [`INLINE`] and [`SOFTIRQ`]: what would end requests otherwise is
    /// gone by the time that the disks are removed.
    pub(crate) const LEAK_DISK: u32 = 1 << 14;
    /// Drop the handle of a timer in the timer's callback, which leaks a reference each time.
    pub(crate) const DROP_HANDLE: u32 = 1 << 15;
    /// Fail to load, some seconds after the disks have been made.
    pub(crate) const FAIL_LOAD: u32 = 1 << 16;
    /// Take requests that come together out of their list: some of them, and give back others.
    /// Otherwise all are left in it, and come one by one. Not together with [`REFUSE_HARD`].
    pub(crate) const LISTS: u32 = 1 << 17;
    /// Complete together, now and then, what waits to be ended in a batch. Together with [`TIMER`],
    /// requests are left to timers in chains.
    pub(crate) const CHAIN: u32 = 1 << 18;
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
    let interval = module_parameters::interval_us.value().max(1);
    Delta::from_micros(i64::from(1 + random() % (2 * interval)))
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
    /// Requests that were taken out of a list.
    LISTED: "listed",
    /// Requests that were completed together with another one before them.
    CHAINED: "chained",
    /// Requests that a timer has owned together with another one before them, and those of them
    /// that were taken from it.
    TIMED: "timed",
    TIMED_OTHERS: "timed_others",
    /// Calls of `poll` that ended a request.
    POLLED: "polled",
    LOOKED_UP: "looked_up",
    FOUND: "found",
    /// Requests that were taken from where they waited, by tag.
    CLAIMED: "claimed",
    /// Timers with a reference that expired, and those of them whose request was gone.
    WATCHED: "watched",
    WATCHED_LATE: "watched_late",
    TIMED_OUT: "timed_out",
    LEAKED: "leaked",
    /// Timers whose handle was dropped in their callback.
    HANDLE_DROPPED: "handle_dropped",
    MOVED: "moved",
}

fn count(counter: &Atomic<u64>) {
    counter.add(1u64, Relaxed);
}

const SECTOR_WORDS: usize = SECTOR_SIZE as usize / size_of::<u64>();

/// The data of a disk. Who reads a sector that is being written gets some of both.
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
    fn transfer<T: Operations, S: State>(&self, rq: &OwnedRequest<T, S>) -> Result {
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

/// Things that are kept without need, and let go of at random. Used in all contexts.
#[pin_data]
struct Hoard<V> {
    #[pin]
    kept: SpinLockIrq<KVec<V>>,
}

impl<V> Hoard<V> {
    fn new(capacity: usize) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            kept <- new_spinlock_irq!(KVec::with_capacity(capacity, GFP_KERNEL)?),
        })
    }

    /// Puts something in. If there is no room, something gets out in its place.
    fn put(&self, value: V) -> Option<V> {
        let mut kept = self.kept.lock();
        if kept.len() < kept.capacity() {
            return kept.push_within_capacity(value).err().map(|error| error.0);
        }
        match kept.len() {
            0 => Some(value),
            len => Some(core::mem::replace(
                &mut kept[random() as usize % len],
                value,
            )),
        }
    }

    /// Takes something out.
    fn take(&self) -> Option<V> {
        let mut kept = self.kept.lock();
        match kept.len() {
            0 => None,
            len => kept.remove(random() as usize % len).ok(),
        }
    }

    /// Puts something in, and takes something out.
    fn exchange(&self, value: V) -> V {
        let mut kept = self.kept.lock();
        match kept.len() {
            0 => value,
            len => core::mem::replace(&mut kept[random() as usize % len], value),
        }
    }
}

/// The driver, for requests with the timer of `K`.
struct Abuse<K>(PhantomData<K>);

type Owner<K, S = InFlight> = OwnedRequest<Abuse<K>, S>;

/// What the timer of a request is for.
trait Kind: Send + Sync + Sized + 'static {
    type Data: Send + Sync + 'static;
    /// What comes out when a timer is started.
    type Handle: Send + 'static;

    fn new_data() -> impl PinInit<Self::Data, Error>;

    /// The number of the disk that the request is for.
    fn disk(data: &Self::Data) -> &Atomic<u32>;

    /// Starts a timer that has nothing to do with how the request ends.
    fn watch(rq: &Owner<Self>) -> Option<Self::Handle>;

    /// Leaves the request to its timer.
    fn leave(rq: Owner<Self>) -> Option<Self::Handle>;

    /// Completes requests together, or leaves them to one timer.
    fn leave_all(chain: RequestChain<Abuse<Self>>) {
        chain.complete();
    }

    /// Takes the request away from where it waits.
    fn take_away(rq: &Request<Abuse<Self>>) -> Option<Owner<Self>>;

    /// Gets rid of a handle.
    fn release(handle: Self::Handle);
}

/// The timer has a reference to the request.
struct Watching;

#[pin_data]
struct WatchingData {
    disk: Atomic<u32>,
    /// The timer's own handle, to be dropped in its callback.
    #[pin]
    own: SpinLockIrq<Option<RequestHrTimerHandle<Abuse<Watching>>>>,
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for WatchingData {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl HrTimerCallback for WatchingData {
    type Pointer<'a> = ARef<Request<Abuse<Watching>>>;

    /// The request may have ended long ago, and this does not know.
    fn run(
        rq: ARef<Request<Abuse<Watching>>>,
        mut context: RequestHrTimerContext<'_, Self>,
    ) -> HrTimerRestart {
        count(&WATCHED);
        match rq.claim() {
            Some(rq) => finish(rq),
            None => count(&WATCHED_LATE),
        }
        let own = rq.data().own.lock().take();
        if own.is_some() {
            count(&HANDLE_DROPPED);
        }
        drop(own);
        if one_in(4) {
            context.restart_at(soon());
        }
        HrTimerRestart::Restart
    }
}

impl Kind for Watching {
    type Data = WatchingData;
    type Handle = RequestHrTimerHandle<Abuse<Self>>;

    fn new_data() -> impl PinInit<Self::Data, Error> {
        try_pin_init!(WatchingData {
            disk: Atomic::new(0),
            own <- new_spinlock_irq!(None),
            timer <- HrTimer::new(),
        })
    }

    fn disk(data: &Self::Data) -> &Atomic<u32> {
        &data.disk
    }

    fn watch(rq: &Owner<Self>) -> Option<Self::Handle> {
        let handle = ARef::from(&**rq).start(soon());
        if has(abuse::DROP_HANDLE) && leak() {
            return rq.data().own.lock().replace(handle);
        }
        Some(handle)
    }

    fn leave(rq: Owner<Self>) -> Option<Self::Handle> {
        // Not asked for with this kind.
        rq.park();
        None
    }

    fn take_away(rq: &Request<Abuse<Self>>) -> Option<Owner<Self>> {
        rq.claim()
    }

    fn release(handle: Self::Handle) {
        drop(handle);
    }
}

/// The timer has the owner of the request.
struct Owning;

#[pin_data]
struct OwningData {
    disk: Atomic<u32>,
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for OwningData {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl HrTimerCallback for OwningData {
    type Pointer<'a> = Owner<Owning>;

    fn run(rq: Owner<Owning>, (): ()) -> HrTimerRestart {
        if one_in(8) {
            rq.start_timer(soon());
        } else {
            finish(rq);
        }
        // Must have no effect.
        HrTimerRestart::Restart
    }
}

impl Kind for Owning {
    type Data = OwningData;
    type Handle = OwnedRequestHrTimerHandle<Abuse<Self>>;

    fn new_data() -> impl PinInit<Self::Data, Error> {
        try_pin_init!(OwningData {
            disk: Atomic::new(0),
            timer <- HrTimer::new(),
        })
    }

    fn disk(data: &Self::Data) -> &Atomic<u32> {
        &data.disk
    }

    fn watch(_: &Owner<Self>) -> Option<Self::Handle> {
        None
    }

    fn leave(rq: Owner<Self>) -> Option<Self::Handle> {
        if one_in(2) {
            return Some(rq.start(soon()));
        }
        rq.start_timer(soon());
        None
    }

    fn take_away(rq: &Request<Abuse<Self>>) -> Option<Owner<Self>> {
        rq.claim().or_else(|| rq.cancel_timer())
    }

    fn release(handle: Self::Handle) {
        if one_in(2) {
            handle.dismiss();
        } else if let Some(rq) = handle.into_owner() {
            finish(rq);
        }
    }
}

/// The timer has the owners of several requests.
struct Gathering;

#[pin_data]
struct GatheringData {
    disk: Atomic<u32>,
    #[pin]
    timer: HrTimer<Self>,
}

impl_has_hr_timer! {
    impl HasHrTimer<Self> for GatheringData {
        mode: RelativeMode<Monotonic>, field: self.timer
    }
}

impl HrTimerCallback for GatheringData {
    type Pointer<'a> = OwnedRequests<Abuse<Gathering>, InFlight>;

    fn run(requests: OwnedRequests<Abuse<Gathering>, InFlight>, (): ()) -> HrTimerRestart {
        if one_in(8) {
            // In two parts, each with the timer of its first.
            let (mut one, mut other) = (RequestChain::new(), RequestChain::new());
            for rq in requests {
                let to = if one_in(2) { &mut one } else { &mut other };
                to.push_back(rq);
            }
            one.start_timer(soon());
            other.start_timer(soon());
        } else if one_in(8) {
            requests.start_timer(soon());
        } else {
            end_all(requests, &TIMED);
        }
        // Must have no effect.
        HrTimerRestart::Restart
    }
}

impl Kind for Gathering {
    type Data = GatheringData;
    /// There are none.
    type Handle = Infallible;

    fn new_data() -> impl PinInit<Self::Data, Error> {
        try_pin_init!(GatheringData {
            disk: Atomic::new(0),
            timer <- HrTimer::new(),
        })
    }

    fn disk(data: &Self::Data) -> &Atomic<u32> {
        &data.disk
    }

    fn watch(_: &Owner<Self>) -> Option<Self::Handle> {
        None
    }

    fn leave(rq: Owner<Self>) -> Option<Self::Handle> {
        OwnedRequests::from(rq).start_timer(soon());
        None
    }

    fn leave_all(chain: RequestChain<Abuse<Self>>) {
        if one_in(4) {
            chain.complete();
        } else {
            chain.start_timer(soon());
        }
    }

    /// Others may come with the one that was asked for.
    fn take_away(rq: &Request<Abuse<Self>>) -> Option<Owner<Self>> {
        if let Some(owner) = rq.claim() {
            return Some(owner);
        }
        let mut requests = rq.cancel_timer()?;
        let first = requests.next();
        for other in requests {
            count(&TIMED_OTHERS);
            finish(other);
        }
        first
    }

    fn release(handle: Self::Handle) {
        match handle {}
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

/// Ends requests that have come together, or whatever else was asked for, and counts them.
fn end_all<K: Kind, S: Started>(requests: OwnedRequests<Abuse<K>, S>, counter: &Atomic<u64>) {
    CompletionBatch::scope(|batch| {
        for (before, rq) in requests.enumerate() {
            if before > 0 {
                count(counter);
            }
            if has(abuse::DROP) && one_in(16) {
                count(&DROPPED);
                drop(rq);
            } else if one_in(4) {
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

/// What the disks share.
#[pin_data]
struct Device<K: Kind> {
    tag_set: Arc<TagSet<Abuse<K>>>,
    stores: KVec<Store>,
    #[pin]
    references: Hoard<ARef<Request<Abuse<K>>>>,
    #[pin]
    not_started: Hoard<Owner<K, Idle>>,
    #[pin]
    batch: Hoard<Owner<K>>,
    #[pin]
    polled: Hoard<Owner<K>>,
    #[pin]
    handles: Hoard<K::Handle>,
    flushes: Atomic<u32>,
}

impl<K: Kind> Device<K> {
    fn new() -> Result<Arc<Self>> {
        let depth = module_parameters::queue_depth.value();
        let tag_set = Arc::pin_init(
            TagSet::new(
                TagSetBuilder::new()
                    .hw_queues(module_parameters::hw_queues.value())
                    .poll_queues(module_parameters::poll_queues.value())
                    .queue_depth(depth)
                    .timeout_ms(module_parameters::timeout_ms.value()),
            ),
            GFP_KERNEL,
        )?;
        let mut stores = KVec::new();
        for _ in 0..module_parameters::disks.value() {
            stores.push(Store::new(sectors())?, GFP_KERNEL)?;
        }
        // All together leave some requests to the block layer.
        let capacity = depth as usize / 5;
        Arc::pin_init(
            try_pin_init!(Self {
                tag_set,
                stores,
                references <- Hoard::new(capacity),
                not_started <- Hoard::new(capacity),
                batch <- Hoard::new(capacity),
                polled <- Hoard::new(capacity),
                handles <- Hoard::new(capacity),
                flushes: Atomic::new(0),
            }),
            GFP_KERNEL,
        )
    }

    /// A hardware queue and a tag, as a broken device might report them.
    fn invent(&self) -> (u32, u32) {
        let odd = [0, 1, self.tag_set.queue_depth(), i32::MAX as u32, u32::MAX];
        let any = |below: u32| match random() % 16 {
            0 => odd[random() as usize % odd.len()],
            1 => random(),
            _ => random() % below.max(1),
        };
        (
            any(self.tag_set.hw_queues()),
            any(self.tag_set.queue_depth()),
        )
    }

    /// What the device does when it interrupts, in hardirq and in softirq context.
    fn interrupt(&self) {
        for _ in 0..module_parameters::lookups.value() {
            self.report();
        }
        if one_in(4) {
            drop(self.references.take());
        }
        if let Some(handle) = self.handles.take() {
            K::release(handle);
        }
        for _ in 0..2 {
            if let Some(rq) = self.not_started.take() {
                self.carry_out(rq.start());
            }
        }
        if has(abuse::CHAIN) && one_in(2) {
            return self.complete_chain();
        }
        CompletionBatch::scope(|batch| {
            for _ in 0..8 {
                let Some(rq) = self.batch.take() else { break };
                count_end(&rq, Status::OK);
                rq.end_batched(Status::OK, batch);
            }
        });
    }

    /// Completes requests together, of whatever disk and hardware queue.
    fn complete_chain(&self) {
        let mut chain = RequestChain::new();
        for _ in 0..1 + random() % 8 {
            let Some(rq) = self.batch.take() else { break };
            chain.push_back(rq);
        }
        if one_in(4) {
            // Not what it is for.
            if let Some(rq) = self.references.take() {
                if let Some(owner) = chain.remove(&rq) {
                    finish(owner);
                }
            }
        }
        if has(abuse::DROP) && one_in(4) {
            let mut dropped = RequestChain::new();
            while let Some(rq) = chain.pop_front() {
                count(&DROPPED);
                dropped.push_back(rq);
            }
            return drop(dropped);
        }
        K::leave_all(chain);
    }

    /// Ends requests that are polled for, and others. Returns how many, or something else.
    fn poll(&self, batch: &mut CompletionBatch<'_>) -> u32 {
        let mut ended = 0;
        while let Some(rq) = self.polled.take() {
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
        if let Some(rq) = self.batch.take() {
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
        let (hw_queue, tag) = self.invent();
        count(&LOOKED_UP);
        // What the timer owns is not there to be claimed.
        if one_in(2) {
            if let Some(owner) = self.tag_set.claim(hw_queue, tag) {
                count(&FOUND);
                count(&CLAIMED);
                finish(owner);
                return;
            }
        }
        let Some(rq) = self.tag_set.tag_to_rq(hw_queue, tag) else {
            return;
        };
        count(&FOUND);
        if let Some(owner) = K::take_away(&rq) {
            count(&CLAIMED);
            finish(owner);
        }
        if has(abuse::CLONES) && one_in(4) {
            drop(self.references.put(rq));
        }
    }

    /// Does with a request what was asked for. It ends sooner or later.
    fn carry_out(&self, rq: Owner<K>) {
        if has(abuse::LEAK) && one_in(2) && leak() {
            core::mem::forget(ARef::from(&*rq));
        }
        if has(abuse::CLONES) && one_in(2) {
            drop(self.references.put(ARef::from(&*rq)));
        }
        if has(abuse::WATCH) {
            let handle = K::watch(&rq).and_then(|handle| self.handles.put(handle));
            if let Some(handle) = handle {
                K::release(handle);
            }
        }
        if rq.op() == Op::FLUSH
            && has(abuse::FAIL_FLUSH)
            && self.flushes.fetch_add(1u32, Relaxed) % 2 == 0
        {
            return end(rq, Status::IOERR);
        }
        if has(abuse::DROP) && one_in(16) {
            count(&DROPPED);
            return drop(rq);
        }

        let disk = K::disk(rq.data()).load(Relaxed) as usize;
        let result = match self.stores.get(disk) {
            Some(store) => store.transfer(&rq),
            None => Err(EIO),
        };
        if let Err(error) = result {
            return end(rq, error.into());
        }

        if rq.is_polled() {
            // Who polls is not to wait for ever for what could not be kept.
            if let Some(rq) = self.polled.put(rq) {
                finish(rq);
            }
            return;
        }
        match way() {
            abuse::SOFTIRQ => rq.complete(),
            abuse::PARK => rq.park(),
            abuse::TIMER => {
                if let Some(handle) = K::leave(rq).and_then(|handle| self.handles.put(handle)) {
                    K::release(handle);
                }
            }
            abuse::BATCH => {
                if let Some(rq) = self.batch.put(rq) {
                    finish(rq);
                }
            }
            _ => finish(rq),
        }
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
    device: Arc<Device<K>>,
    interrupts: Arc<Interrupts<K>>,
    number: u32,
}

impl<K: Kind> DiskData<K> {
    /// Notes that a request has come.
    fn receive(&self, rq: &Owner<K, Idle>) {
        count(&HANDED);
        K::disk(rq.data()).store(self.number, Relaxed);
    }

    /// Does with a request that has come what was asked for.
    fn take(&self, rq: Owner<K, Idle>) -> QueueResult<Abuse<K>> {
        let device = &self.device;
        self.receive(&rq);
        if one_in(256) {
            self.interrupts.move_here();
        }

        if has(abuse::REFUSE) && one_in(8) {
            let other = device.not_started.exchange(rq);
            count(&REFUSED);
            return Err(other.refuse(Status::RESOURCE));
        }
        if has(abuse::REFUSE_HARD) && one_in(16) {
            let other = device.not_started.exchange(rq);
            count(&FAILED);
            // fio goes on after this one.
            return Err(other.refuse(Status::IOERR));
        }
        if has(abuse::REQUEUE) && one_in(8) {
            count(&REQUEUED);
            rq.requeue(true);
            return Ok(());
        }
        let mut rq = rq;
        if has(abuse::LATE) && one_in(3) {
            match device.not_started.put(rq) {
                Some(other) => rq = other,
                None => return Ok(()),
            }
        }
        device.carry_out(rq.start());
        Ok(())
    }
}

#[vtable]
impl<K: Kind> Operations for Abuse<K> {
    type QueueData = KBox<DiskData<K>>;
    type RequestData = K::Data;

    fn new_request_data() -> impl PinInit<K::Data, Error> {
        K::new_data()
    }

    fn queue_rq(disk: &DiskData<K>, rq: Owner<K, Idle>, _is_last: bool) -> QueueResult<Self> {
        disk.take(rq)
    }

    fn queue_rqs(disk: &DiskData<K>, requests: &mut RequestList<'_, Self>) {
        while has(abuse::LISTS) && !one_in(16) {
            let Some(rq) = requests.next() else { break };
            if one_in(8) {
                requests.give_back(rq);
                continue;
            }
            count(&LISTED);
            if one_in(8) {
                disk.receive(&rq);
                // It may be another one, from long ago, and of another disk.
                count(&REQUEUED);
                requests.give_back(disk.device.not_started.exchange(rq));
            } else if let Err(refused) = disk.take(rq) {
                requests.give_back(refused.into_request());
            }
        }
    }

    fn complete(rq: Owner<K, Complete>) {
        end(rq, Status::OK);
    }

    fn complete_all(requests: OwnedRequests<Self, Complete>) {
        end_all(requests, &CHAINED);
    }

    fn poll(disk: &DiskData<K>, _hw_queue: u32, batch: &mut CompletionBatch<'_>) -> u32 {
        disk.device.poll(batch)
    }

    fn timeout(_: &DiskData<K>, rq: &Request<Self>) -> TimeoutAction {
        count(&TIMED_OUT);
        match K::take_away(rq) {
            Some(rq) => {
                finish(rq);
                TimeoutAction::Done
            }
            None if one_in(2) => TimeoutAction::Done,
            None => TimeoutAction::Reset,
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
        self.tag_set.resize(number, self.tag_set.poll_queues())
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
                    device: running.device.clone(),
                    interrupts: running.interrupts.clone(),
                    number,
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
        while let Some(handle) = self.device.handles.take() {
            K::release(handle);
        }
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
                (true, false) if has(abuse::CHAIN) => Running::<Gathering>::start()?,
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
