// SPDX-License-Identifier: GPL-2.0

//! What the KUnit tests share: a driver that keeps the requests that it gets, and I/O to send to
//! it.

mod chain;
mod context;
mod data;
mod disk;
mod list;
mod owner;
mod poll;
mod reference;
mod resize;
mod tags;
mod timer;
#[cfg(CONFIG_BLK_DEV_ZONED)]
mod zoned;

use super::{
    Complete,
    CompletionBatch,
    GenDisk,
    GenDiskBuilder,
    Idle,
    InFlight,
    Operations,
    OwnedRequest,
    OwnedRequests,
    QueueResult,
    Request,
    RequestList,
    TagSet,
    TagSetBuilder,
    TimeoutAction, //
};
use crate::{
    block::Status,
    new_spinlock,
    page::{
        Page,
        PAGE_SIZE, //
    },
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc,
        SpinLock, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};
use core::marker::PhantomData;

/// Driver data for the requests of a test.
pub(super) trait Data: Send + Sync + 'static {
    fn new() -> impl PinInit<Self, Error>
    where
        Self: Sized;
}

impl Data for () {
    fn new() -> impl PinInit<(), Error> {
        Ok(())
    }
}

/// A driver that puts requests into a list, for the test to take them out.
pub(super) struct Keeper<D>(PhantomData<D>);

/// Which request the driver refuses when it is handed one.
pub(super) enum Which {
    Handed,
    Oldest,
}

/// What a test knows of a disk.
#[pin_data]
pub(super) struct Kept<D: Data> {
    #[pin]
    requests: SpinLock<KVec<OwnedRequest<Keeper<D>, Idle>>>,
    /// Those that are polled for. The block layer polls for no request that is not started.
    #[pin]
    polled: SpinLock<KVec<OwnedRequest<Keeper<D>, InFlight>>>,
    /// If not zero: refuse that many requests with [`Status::RESOURCE`].
    refuse: Atomic<u32>,
    /// How to refuse the next request, or the oldest of those that are kept in its place.
    #[pin]
    refuse_as: SpinLock<Option<(Which, Status)>>,
    /// Requests of another disk, to be given back with the next list.
    #[pin]
    foreign: SpinLock<KVec<OwnedRequest<Keeper<D>, Idle>>>,
    /// How many requests of a list are to be given back, and how many to be left in it.
    give_back: Atomic<u32>,
    leave: Atomic<u32>,
    /// Where to send a read when the next request comes in, and that read.
    #[pin]
    forward: SpinLock<Option<Arc<TestDisk<D>>>>,
    #[pin]
    forwarded: SpinLock<Option<Io>>,
}

impl<D: Data> Kept<D> {
    fn keep(&self, rq: OwnedRequest<Keeper<D>, Idle>) -> QueueResult<Keeper<D>> {
        if rq.is_polled() {
            let mut polled = self.polled.lock();
            if polled.reserve(1, GFP_ATOMIC).is_err() {
                return Err(rq.refuse(Status::RESOURCE));
            }
            let _ = polled.push_within_capacity(rq.start());
            return Ok(());
        }
        let mut requests = self.requests.lock();
        if requests.reserve(1, GFP_ATOMIC).is_err() {
            return Err(rq.refuse(Status::RESOURCE));
        }
        let _ = requests.push_within_capacity(rq);
        Ok(())
    }
}

/// How the calls without queue data are counted; tests run one after the other.
static COMPLETED: Atomic<u32> = Atomic::new(0);
static COMPLETED_TOGETHER: Atomic<u32> = Atomic::new(0);
/// If not zero: drop what is completed together next.
static DROP_COMPLETED: Atomic<u32> = Atomic::new(0);
static TIMEOUTS: Atomic<u32> = Atomic::new(0);
static LISTS: Atomic<u32> = Atomic::new(0);
/// What the next call of `complete` is to do, once.
static COMPLETE_BY: Atomic<u32> = Atomic::new(END);
const END: u32 = 0;
const REQUEUE: u32 = 1;
const DROP: u32 = 2;
/// Whether the next time-out is to be put off.
static RESET: Atomic<u32> = Atomic::new(0);
/// How many disks of the driver were made.
static DISKS: Atomic<u32> = Atomic::new(0);

/// For which hardware queue setting up is to fail, and whether it sleeps.
pub(super) static FAIL_HCTX: Atomic<u32> = Atomic::new(NO_HCTX);
pub(super) const NO_HCTX: u32 = u32::MAX;
pub(super) const ALL_HCTX: u32 = u32::MAX - 1;
pub(super) static SLEEP_HCTX: Atomic<bool> = Atomic::new(false);
/// Whether taking a request sleeps.
pub(super) static SLEEP: Atomic<bool> = Atomic::new(false);

#[vtable]
impl<D: Data> Operations for Keeper<D> {
    type QueueData = Arc<Kept<D>>;
    type RequestData = D;

    fn new_request_data() -> impl PinInit<D, Error> {
        D::new()
    }

    fn init_hctx(_kept: crate::sync::ArcBorrow<'_, Kept<D>>, hw_queue: u32) -> Result {
        if SLEEP_HCTX.load(Relaxed) {
            // Long enough for several grace periods.
            fsleep(Delta::from_millis(200));
        }
        match FAIL_HCTX.load(Relaxed) {
            ALL_HCTX => return Err(EIO),
            failing if failing == hw_queue => return Err(EIO),
            _ => {}
        }
        Ok(())
    }

    fn queue_rq(
        kept: crate::sync::ArcBorrow<'_, Kept<D>>,
        rq: OwnedRequest<Self, Idle>,
        _is_last: bool,
    ) -> QueueResult<Self> {
        if SLEEP.load(Relaxed) {
            fsleep(Delta::from_millis(1));
        }
        let forward = kept.forward.lock().take();
        if let Some(disk) = forward {
            *kept.forwarded.lock() = disk.read().ok();
        }
        let how = kept.refuse_as.lock().take();
        match how {
            Some((Which::Handed, status)) => return Err(rq.refuse(status)),
            Some((Which::Oldest, status)) => {
                let oldest = kept.requests.lock().remove(0);
                kept.keep(rq)?;
                return oldest.map_or(Ok(()), |oldest| Err(oldest.refuse(status)));
            }
            None => {}
        }
        let left = kept.refuse.load(Relaxed);
        if left > 0 {
            kept.refuse.store(left - 1, Relaxed);
            return Err(rq.refuse(Status::RESOURCE));
        }
        kept.keep(rq)
    }

    fn queue_rqs(kept: crate::sync::ArcBorrow<'_, Kept<D>>, requests: &mut RequestList<'_, Self>) {
        LISTS.add(1, Relaxed);
        let foreign = kept.foreign.lock().pop();
        if let Some(rq) = foreign {
            requests.give_back(rq);
        }
        for _ in 0..kept.give_back.xchg(0, Relaxed) {
            if let Some(rq) = requests.next() {
                requests.give_back(rq);
            }
        }
        let leave = kept.leave.xchg(0, Relaxed);
        let mut taken = 0;
        while let Some(rq) = requests.next() {
            if let Err(refused) = kept.keep(rq) {
                requests.give_back(refused.into_parts().0);
            }
            taken += 1;
            if leave > 0 && taken == 4 {
                break;
            }
        }
    }

    /// Ends what is kept of the hardware queue.
    fn poll(
        kept: crate::sync::ArcBorrow<'_, Kept<D>>,
        hw_queue: u32,
        batch: &mut CompletionBatch<'_>,
    ) -> u32 {
        let mut ended = 0;
        loop {
            let rq = {
                let mut polled = kept.polled.lock();
                match polled.iter().position(|rq| rq.hw_queue() == hw_queue) {
                    Some(at) => polled.remove(at),
                    None => return ended,
                }
            };
            if let Ok(rq) = rq {
                rq.end_batched(Status::OK, batch);
                ended += 1;
            }
        }
    }

    fn complete(rq: OwnedRequest<Self, Complete>) {
        COMPLETED.add(1, Relaxed);
        match COMPLETE_BY.xchg(END, Relaxed) {
            REQUEUE => rq.requeue(true),
            DROP => drop(rq),
            _ => rq.end_ok(),
        }
    }

    fn complete_all(requests: OwnedRequests<Self, Complete>) {
        COMPLETED_TOGETHER.add(1, Relaxed);
        if DROP_COMPLETED.xchg(0, Relaxed) == 0 {
            requests.end(|_| {
                COMPLETED.add(1, Relaxed);
                Status::OK
            });
        }
    }

    /// Ends what is parked, and leaves alone what is not.
    fn timeout(_: crate::sync::ArcBorrow<'_, Kept<D>>, rq: &Request<Self>) -> TimeoutAction {
        TIMEOUTS.add(1, Relaxed);
        if RESET.xchg(0, Relaxed) != 0 {
            return TimeoutAction::Reset;
        }
        if let Some(rq) = rq.claim() {
            rq.end(Status::TIMEOUT);
        }
        TimeoutAction::Done
    }
}

/// A disk of [`Keeper`].
pub(super) struct TestDisk<D: Data> {
    disk: GenDisk<Keeper<D>>,
    tag_set: Arc<TagSet<Keeper<D>>>,
    kept: Arc<Kept<D>>,
}

impl<D: Data> TestDisk<D> {
    /// A disk with one hardware queue of `depth` requests.
    pub(super) fn new(depth: u32) -> Result<Self> {
        Self::with(
            TagSetBuilder::new().queue_depth(depth),
            GenDiskBuilder::new(),
        )
    }

    /// The same, and with a volatile write cache, so that it gets flushes.
    pub(super) fn caching(depth: u32) -> Result<Self> {
        Self::with(
            TagSetBuilder::new().queue_depth(depth),
            GenDiskBuilder::new().write_cache(true),
        )
    }

    pub(super) fn with(tags: TagSetBuilder, disk: GenDiskBuilder) -> Result<Self> {
        Self::on(Arc::pin_init(TagSet::new(tags), GFP_KERNEL)?, disk)
    }

    /// A disk on a tag set that may have others.
    pub(super) fn on(tag_set: Arc<TagSet<Keeper<D>>>, disk: GenDiskBuilder) -> Result<Self> {
        let kept = Arc::pin_init(
            pin_init!(Kept {
                requests <- new_spinlock!(KVec::new()),
                polled <- new_spinlock!(KVec::new()),
                refuse: Atomic::new(0),
                refuse_as <- new_spinlock!(None),
                foreign <- new_spinlock!(KVec::new()),
                give_back: Atomic::new(0),
                leave: Atomic::new(0),
                forward <- new_spinlock!(None),
                forwarded <- new_spinlock!(None),
            }),
            GFP_KERNEL,
        )?;
        // It has no sectors while it is added, or the block layer would look for partitions and
        // wait for an answer.
        // A test that fails leaves its disk behind, so that each has another name.
        let name = CString::try_from_fmt(fmt!("kunit_keeper{}", DISKS.fetch_add(1, Relaxed)))?;
        let disk = disk.build(&name, tag_set.clone(), kept.clone())?;
        // SAFETY: The disk is valid.
        unsafe { bindings::set_capacity(disk.as_raw(), 1 << 20) };
        Ok(Self {
            disk,
            tag_set,
            kept,
        })
    }

    /// The tag set.
    pub(super) fn tag_set(&self) -> &Arc<TagSet<Keeper<D>>> {
        &self.tag_set
    }

    /// Sends a read of one page.
    pub(super) fn read(&self) -> Result<Io> {
        self.read_at(0)
    }

    /// Sends a read of one page from `sector`.
    pub(super) fn read_at(&self, sector: u64) -> Result<Io> {
        Io::submit(self, bindings::req_op_REQ_OP_READ, sector, Some(0xff))
    }

    /// Sends a read of one page that is to be polled for. [`Io::poll`] does that.
    pub(super) fn read_polled(&self) -> Result<Io> {
        Io::submit(
            self,
            bindings::req_op_REQ_OP_READ | 1 << bindings::req_flag_bits___REQ_POLLED,
            0,
            Some(0xff),
        )
    }

    /// Sends a write of one page of `byte`.
    pub(super) fn write(&self, byte: u8) -> Result<Io> {
        Io::submit(self, bindings::req_op_REQ_OP_WRITE, 0, Some(byte))
    }

    /// Sends a write of one page of `byte` that must not stay in the device's cache.
    pub(super) fn write_fua(&self, byte: u8) -> Result<Io> {
        Io::submit(
            self,
            bindings::req_op_REQ_OP_WRITE | 1 << bindings::req_flag_bits___REQ_FUA,
            0,
            Some(byte),
        )
    }

    /// Sends a write that must not stay in the device's cache and is to be polled for.
    pub(super) fn write_polled_fua(&self, byte: u8) -> Result<Io> {
        Io::submit(
            self,
            bindings::req_op_REQ_OP_WRITE
                | 1 << bindings::req_flag_bits___REQ_FUA
                | 1 << bindings::req_flag_bits___REQ_POLLED,
            0,
            Some(byte),
        )
    }

    /// Sends a flush.
    pub(super) fn flush(&self) -> Result<Io> {
        Io::submit(
            self,
            bindings::req_op_REQ_OP_WRITE | 1 << bindings::req_flag_bits___REQ_PREFLUSH,
            0,
            None,
        )
    }

    /// Waits for a request to come in and takes it.
    pub(super) fn take(&self) -> Result<OwnedRequest<Keeper<D>, Idle>> {
        wait_for(|| self.try_take())
    }

    /// Whether there is a request to be taken.
    pub(super) fn has_one(&self) -> bool {
        !self.kept.requests.lock().is_empty()
    }

    /// Whether there is a request to be polled for.
    pub(super) fn has_polled(&self) -> bool {
        !self.kept.polled.lock().is_empty()
    }

    /// Takes a request if there is one.
    pub(super) fn try_take(&self) -> Option<OwnedRequest<Keeper<D>, Idle>> {
        let mut requests = self.kept.requests.lock();
        if requests.is_empty() {
            return None;
        }
        requests.remove(0).ok()
    }

    /// Waits for a request that is polled for to come in and takes it.
    pub(super) fn take_polled(&self) -> Result<OwnedRequest<Keeper<D>, InFlight>> {
        wait_for(|| self.kept.polled.lock().pop())
    }

    /// Makes the driver refuse the next `count` requests.
    pub(super) fn refuse(&self, count: u32) {
        self.kept.refuse.store(count, Relaxed);
    }

    /// Makes the driver refuse a request with `status` when it is handed the next one.
    pub(super) fn refuse_as(&self, which: Which, status: Status) {
        *self.kept.refuse_as.lock() = Some((which, status));
    }

    /// Makes the driver give back `rq`, which is not one of this disk's, with the next list.
    pub(super) fn give_back_foreign(&self, rq: OwnedRequest<Keeper<D>, Idle>) -> Result {
        self.kept.foreign.lock().push(rq, GFP_ATOMIC)?;
        Ok(())
    }

    /// Makes the driver give back the first requests of the next list.
    pub(super) fn give_back(&self, count: u32) {
        self.kept.give_back.store(count, Relaxed);
    }

    /// Makes the driver send a read to `disk` when the next request comes in, before it keeps that.
    /// It may sleep then.
    pub(super) fn forward_to(&self, disk: Arc<TestDisk<D>>) {
        *self.kept.forward.lock() = Some(disk);
    }

    /// The read that the driver has sent.
    pub(super) fn forwarded(&self) -> Option<Io> {
        self.kept.forwarded.lock().take()
    }

    /// Makes the driver take four requests out of the next list and leave the rest, `count`, in it.
    pub(super) fn leave(&self, count: u32) {
        self.kept.leave.store(count, Relaxed);
    }
}

/// Holds back what a task submits, to hand it over together.
pub(super) struct Plug;

impl Plug {
    pub(super) fn scope<V>(submit: impl FnOnce() -> V) -> V {
        let mut plug = pin_init::zeroed();
        // SAFETY: The plug stays in its place until it is finished, by the same task.
        unsafe { bindings::blk_start_plug(&mut plug) };
        let value = submit();
        // SAFETY: It was started above.
        unsafe { bindings::blk_finish_plug(&mut plug) };
        value
    }

    /// The same, but hands over what is there before it ends.
    pub(super) fn scope_with_flush<V>(submit: impl FnOnce() -> V) -> V {
        let mut plug = pin_init::zeroed();
        // SAFETY: As in `scope`; the plug is this task's while it is flushed.
        unsafe {
            bindings::blk_start_plug(&mut plug);
            let value = submit();
            bindings::__blk_flush_plug(&mut plug, false);
            bindings::blk_finish_plug(&mut plug);
            value
        }
    }
}

/// Asks for something until it is there, for five seconds at most.
pub(super) fn wait_for<V>(mut ask: impl FnMut() -> Option<V>) -> Result<V> {
    for _ in 0..5000 {
        if let Some(value) = ask() {
            return Ok(value);
        }
        fsleep(Delta::from_millis(1));
    }
    Err(ETIMEDOUT)
}

/// The count of a request.
pub(super) fn count<D: Data>(rq: &Request<Keeper<D>>) -> i32 {
    // SAFETY: The request is valid, and its count is atomic.
    unsafe { Atomic::from_ptr(&raw mut (*rq.as_raw()).ref_.counter) }.load(Relaxed)
}

/// An I/O as its submitter sees it.
pub(super) struct Io {
    done: Arc<Atomic<u32>>,
    page: Page,
    bio: *mut bindings::bio,
}

// SAFETY: The bio is only used to poll for it, which any task may do, as long as it is not done.
unsafe impl Send for Io {}

/// While the I/O is on its way. Otherwise [`Io::done`] holds the status.
const PENDING: u32 = u32::MAX;

impl Io {
    /// Sends an I/O: of one page full of a byte, or without data.
    fn submit<D: Data>(disk: &TestDisk<D>, op: u32, sector: u64, fill: Option<u8>) -> Result<Self> {
        let page = Page::alloc_page(GFP_KERNEL)?;
        let bytes = [fill.unwrap_or(0); 64];
        for offset in (0..PAGE_SIZE).step_by(bytes.len()) {
            // SAFETY: Nobody else knows the page.
            unsafe { page.write_raw(bytes.as_ptr(), offset, bytes.len()) }?;
        }
        let done = Arc::new(Atomic::new(PENDING), GFP_KERNEL)?;

        // SAFETY: The disk is alive, and so is its block device. With GFP_KERNEL this does not
        // fail.
        let bio = unsafe {
            bindings::bio_alloc_bioset(
                (*disk.disk.as_raw()).part0,
                1,
                op,
                bindings::GFP_KERNEL,
                &raw mut bindings::fs_bio_set,
            )
        };
        if fill.is_some() {
            // SAFETY: The bio has room for one page, and the page lives until the I/O is done, see
            // `drop`.
            unsafe { bindings::__bio_add_page(bio, page.as_ptr(), PAGE_SIZE as u32, 0) };
        }
        // SAFETY: The bio is ours until it is submitted.
        unsafe {
            (*bio).bi_iter.bi_sector = sector;
            (*bio).bi_private = done.clone().into_raw().cast_mut().cast();
            (*bio).bi_end_io = Some(end_io);
            bindings::submit_bio(bio);
        }
        Ok(Self { done, page, bio })
    }

    /// Copies what is in the page from `offset` on.
    pub(super) fn data(&self, offset: usize, to: &mut [u8]) -> Result {
        // SAFETY: The I/O is done, so that nobody writes to the page.
        unsafe { self.page.read_raw(to.as_mut_ptr(), offset, to.len()) }
    }

    /// Polls once, and returns how many I/Os have ended. The I/O must not be done.
    pub(super) fn poll(&self) -> i32 {
        assert!(self.status().is_none());
        // SAFETY: The bio is not put before the I/O is done, which only polling makes it.
        unsafe { bindings::bio_poll(self.bio, core::ptr::null_mut(), bindings::BLK_POLL_ONESHOT) }
    }

    /// The status, if the I/O is done.
    pub(super) fn status(&self) -> Option<u32> {
        match self.done.load(Acquire) {
            PENDING => None,
            status => Some(status),
        }
    }

    /// Waits for the I/O to be done and returns its status.
    pub(super) fn wait(&self) -> Result<u32> {
        wait_for(|| self.status())
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        // The page must not go away under the I/O. A test that has left a request behind is at
        // fault, and hangs here.
        while self.status().is_none() {
            fsleep(Delta::from_millis(1));
        }
    }
}

/// # Safety
///
/// Only to be called by the block layer for a bio that [`Io::submit`] has set up.
unsafe extern "C" fn end_io(bio: *mut bindings::bio) {
    // SAFETY: `submit` has put this there with `into_raw`, and the bio ends once.
    let done: Arc<Atomic<u32>> = unsafe { Arc::from_raw((*bio).bi_private.cast()) };
    // SAFETY: The bio is valid until it is put, which is done here.
    let status = unsafe {
        let status = (*bio).bi_status;
        bindings::bio_put(bio);
        status
    };
    done.store(status.into(), Release);
}

/// The status as [`Io::status`] has it.
pub(super) fn raw(status: Status) -> u32 {
    status.into_raw().into()
}

/// Waits for all I/Os, which have to end with `status`.
pub(super) fn all_end_with(ios: &[Io], status: Status) {
    for io in ios {
        assert_eq!(io.wait(), Ok(raw(status)));
    }
}
