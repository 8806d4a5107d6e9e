// SPDX-License-Identifier: GPL-2.0

//! Common code of the KUnit tests: a driver that keeps its requests, and I/O to submit to it.

mod context;
mod data;
mod disk;
mod list;
mod owner;
mod park;
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
    QueueResult,
    Request,
    RequestList,
    State,
    TagSet,
    TagSetBuilder, //
};
use crate::{
    block::Status,
    new_spinlock, new_spinlock_irq,
    page::{
        Page,
        PAGE_SIZE, //
    },
    prelude::*,
    str::CString,
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc,
        ArcBorrow,
        SpinLock,
        SpinLockIrq, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
};
use core::marker::PhantomData;

/// The request data of a test's disk.
pub(super) trait Data: Send + Sync + 'static {
    fn new() -> impl PinInit<Self>
    where
        Self: Sized;
}

impl Data for () {
    fn new() -> impl PinInit<()> {}
}

/// A driver that starts requests and keeps them in a list, from which the test takes them.
pub(super) struct Keeper<D>(PhantomData<D>);

/// The owner of a request, as the test takes it.
pub(super) type Owner<D> = OwnedRequest<Keeper<D>, InFlight>;

/// A function that the driver calls with a request instead of keeping it. An idle request can't
/// leave [`Operations::queue_rq`], so a test that needs one runs there.
pub(super) type OnRequest<D> =
    for<'call> fn(&Kept<D>, OwnedRequest<Keeper<D>, Idle<'call>>) -> QueueResult<'call, Keeper<D>>;

/// The function that the driver calls with a list of requests instead of keeping them.
pub(super) type OnList<D> = for<'call> fn(
    &Kept<D>,
    RequestList<Keeper<D>, Idle<'call>>,
) -> RequestList<Keeper<D>, Idle<'call>>;

/// A function that the driver calls with completed requests instead of ending them. The first one
/// is passed separately.
pub(super) type OnComplete<D> =
    fn(OwnedRequest<Keeper<D>, Complete>, RequestList<Keeper<D>, Complete>);

/// The queue data of a disk.
#[pin_data]
pub(super) struct Kept<D: Data> {
    tag_set: Arc<TagSet<Keeper<D>>>,
    #[pin]
    requests: SpinLock<RequestList<Keeper<D>, InFlight>>,
    /// Polled requests.
    #[pin]
    polled: SpinLock<RequestList<Keeper<D>, InFlight>>,
    /// The function to call with the next requests, and their number.
    #[pin]
    on_request: SpinLock<Option<(u32, OnRequest<D>)>>,
    /// The function to call with the next list.
    #[pin]
    on_list: SpinLock<Option<OnList<D>>>,
    /// The function to call at the next completion.
    #[pin]
    on_complete: SpinLockIrq<Option<OnComplete<D>>>,
    /// The numbers of lists, of completions, of requests in them, and of timeouts.
    lists: Atomic<u32>,
    completions: Atomic<u32>,
    completed: Atomic<u32>,
    timeouts: Atomic<u32>,
    /// The hardware queue of the last call of `commit_rqs`, plus one.
    committed: Atomic<u32>,
    /// For functions of a test to store a result in.
    noted: Atomic<usize>,
    /// The disk to which [`Kept::forward`] submits a read, and that read.
    #[pin]
    forward: SpinLock<Option<Arc<TestDisk<D>>>>,
    #[pin]
    forwarded: SpinLock<Option<Io>>,
}

impl<D: Data> Kept<D> {
    fn keep(&self, rq: OwnedRequest<Keeper<D>, Idle<'_>>) {
        let list = if rq.is_polled() {
            &self.polled
        } else {
            &self.requests
        };
        let rq = rq.start();
        list.lock().push_back(rq);
    }

    /// Returns the function for a request, or `None` if the request is to be kept.
    fn on_request(&self) -> Option<OnRequest<D>> {
        let mut place = self.on_request.lock();
        let (times, then) = (*place)?;
        *place = (times > 1).then_some((times - 1, then));
        Some(then)
    }

    /// Submits a read to the disk that was passed to [`TestDisk::forward_to`]. May sleep.
    fn forward(&self) {
        let disk = self.forward.lock().take();
        let io = disk.and_then(|disk| disk.read().ok());
        *self.forwarded.lock() = io;
    }
}

/// The number of disks that were made.
static DISKS: Atomic<u32> = Atomic::new(0);

/// The hardware queue for which `init_hctx` fails, and a flag that makes it sleep.
pub(super) static FAIL_HCTX: Atomic<u32> = Atomic::new(NO_HCTX);
pub(super) const NO_HCTX: u32 = u32::MAX;
pub(super) const ALL_HCTX: u32 = u32::MAX - 1;
pub(super) static SLEEP_HCTX: Atomic<bool> = Atomic::new(false);

#[vtable]
impl<D: Data> Operations for Keeper<D> {
    type QueueData = Arc<Kept<D>>;
    type RequestData = D;

    fn new_request_data() -> impl PinInit<D> {
        D::new()
    }

    fn init_hctx(_kept: ArcBorrow<'_, Kept<D>>, hw_queue: u32) -> Result {
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

    fn queue_rq<'call>(
        kept: ArcBorrow<'_, Kept<D>>,
        rq: OwnedRequest<Self, Idle<'call>>,
        _is_last: bool,
    ) -> QueueResult<'call, Self> {
        match kept.on_request() {
            Some(then) => return then(&kept, rq),
            None => kept.keep(rq),
        }
        Ok(())
    }

    fn queue_rqs<'call>(
        kept: ArcBorrow<'_, Kept<D>>,
        requests: RequestList<Self, Idle<'call>>,
    ) -> RequestList<Self, Idle<'call>> {
        kept.lists.add(1, Relaxed);
        let then = kept.on_list.lock().take();
        if let Some(then) = then {
            return then(&kept, requests);
        }
        for rq in requests {
            kept.keep(rq);
        }
        RequestList::new()
    }

    fn commit_rqs(kept: ArcBorrow<'_, Kept<D>>, hw_queue: u32) {
        kept.committed.store(hw_queue + 1, Relaxed);
    }

    /// Ends the kept requests of the hardware queue.
    fn poll(kept: ArcBorrow<'_, Kept<D>>, hw_queue: u32, batch: &mut CompletionBatch<'_>) -> u32 {
        let mut ended = 0;
        let polled = core::mem::take(&mut *kept.polled.lock());
        for rq in polled {
            if rq.hw_queue() == hw_queue {
                rq.end_batched(Status::OK, batch);
                ended += 1;
            } else {
                kept.polled.lock().push_back(rq);
            }
        }
        ended
    }

    fn complete(mut requests: RequestList<Self, Complete>) {
        let Some(first) = requests.pop_front() else {
            return;
        };
        let kept = first.queue_data();
        kept.completions.add(1, Relaxed);
        let then = kept.on_complete.lock().take();
        if let Some(then) = then {
            return then(first, requests);
        }
        requests.push_back(first);
        requests.end(|rq| {
            rq.queue_data().completed.add(1, Relaxed);
            Status::OK
        });
    }

    /// Ends the request if it is parked.
    fn timeout(kept: ArcBorrow<'_, Kept<D>>, rq: &Request<Self>) {
        kept.timeouts.add(1, Relaxed);
        if let Some(rq) = rq.claim() {
            rq.end(Status::TIMEOUT);
        }
    }
}

/// A disk of [`Keeper`].
pub(super) struct TestDisk<D: Data> {
    disk: GenDisk<Keeper<D>>,
    tag_set: Arc<TagSet<Keeper<D>>>,
    kept: Arc<Kept<D>>,
}

impl<D: Data> TestDisk<D> {
    /// Makes a disk with one hardware queue of `depth` requests.
    pub(super) fn new(depth: u32) -> Result<Self> {
        Self::with(
            TagSetBuilder::new().queue_depth(depth),
            GenDiskBuilder::new(),
        )
    }

    /// Makes a disk like [`TestDisk::new`], with a volatile write cache, so that it gets flushes.
    pub(super) fn caching(depth: u32) -> Result<Self> {
        Self::with(
            TagSetBuilder::new().queue_depth(depth),
            GenDiskBuilder::new().write_cache(true),
        )
    }

    pub(super) fn with(tags: TagSetBuilder, disk: GenDiskBuilder) -> Result<Self> {
        Self::on(Arc::pin_init(TagSet::new(tags), GFP_KERNEL)?, disk)
    }

    /// Makes a disk on a tag set that may have other disks.
    pub(super) fn on(tag_set: Arc<TagSet<Keeper<D>>>, disk: GenDiskBuilder) -> Result<Self> {
        let tags = tag_set.clone();
        let kept = Arc::pin_init(
            pin_init!(Kept {
                tag_set: tags,
                requests <- new_spinlock!(RequestList::new()),
                polled <- new_spinlock!(RequestList::new()),
                on_request <- new_spinlock!(None),
                on_list <- new_spinlock!(None),
                on_complete <- new_spinlock_irq!(None),
                lists: Atomic::new(0),
                completions: Atomic::new(0),
                completed: Atomic::new(0),
                timeouts: Atomic::new(0),
                committed: Atomic::new(0),
                noted: Atomic::new(0),
                forward <- new_spinlock!(None),
                forwarded <- new_spinlock!(None),
            }),
            GFP_KERNEL,
        )?;
        // A failed test leaves its disk behind, so each disk has another name.
        let name = CString::try_from_fmt(fmt!("kunit_keeper{}", DISKS.fetch_add(1, Relaxed)))?;
        // Add the disk without sectors. Otherwise the block layer would read its partition table,
        // and wait for that.
        let disk = disk.build(&name, tag_set.clone(), kept.clone())?;
        // SAFETY: The disk is valid.
        unsafe { bindings::set_capacity(disk.as_raw(), 1 << 20) };
        Ok(Self {
            disk,
            tag_set,
            kept,
        })
    }

    /// Returns the tag set.
    pub(super) fn tag_set(&self) -> &Arc<TagSet<Keeper<D>>> {
        &self.tag_set
    }

    /// Submits a read of one page.
    pub(super) fn read(&self) -> Result<Io> {
        self.read_at(0)
    }

    /// Submits a read of one page from `sector`.
    pub(super) fn read_at(&self, sector: u64) -> Result<Io> {
        Io::submit(self, bindings::req_op_REQ_OP_READ, sector, Some(0xff))
    }

    /// Submits a polled read of one page, for [`Io::poll`].
    pub(super) fn read_polled(&self) -> Result<Io> {
        Io::submit(
            self,
            bindings::req_op_REQ_OP_READ | 1 << bindings::req_flag_bits___REQ_POLLED,
            0,
            Some(0xff),
        )
    }

    /// Submits a write of one page of `byte`.
    pub(super) fn write(&self, byte: u8) -> Result<Io> {
        Io::submit(self, bindings::req_op_REQ_OP_WRITE, 0, Some(byte))
    }

    /// Submits a write of one page of `byte` that must reach non-volatile storage.
    pub(super) fn write_fua(&self, byte: u8) -> Result<Io> {
        Io::submit(
            self,
            bindings::req_op_REQ_OP_WRITE | 1 << bindings::req_flag_bits___REQ_FUA,
            0,
            Some(byte),
        )
    }

    /// Submits a polled write that must reach non-volatile storage.
    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
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

    /// Submits a flush.
    pub(super) fn flush(&self) -> Result<Io> {
        Io::submit(
            self,
            bindings::req_op_REQ_OP_WRITE | 1 << bindings::req_flag_bits___REQ_PREFLUSH,
            0,
            None,
        )
    }

    /// Submits `count` reads of different sectors, and takes their requests.
    pub(super) fn several(&self, count: u64) -> Result<(KVec<Io>, KVec<Owner<D>>)> {
        let (mut ios, mut requests) = (KVec::new(), KVec::new());
        for i in 0..count {
            ios.push(self.read_at(i * 1024)?, GFP_KERNEL)?;
            requests.push(self.take()?, GFP_KERNEL)?;
        }
        Ok((ios, requests))
    }

    /// Waits for a request and takes it.
    pub(super) fn take(&self) -> Result<Owner<D>> {
        wait_for(|| self.try_take())
    }

    /// Returns true if there is a polled request.
    pub(super) fn has_polled(&self) -> bool {
        !self.kept.polled.lock().is_empty()
    }

    /// Takes a request, if there is one.
    pub(super) fn try_take(&self) -> Option<Owner<D>> {
        self.kept.requests.lock().pop_front()
    }

    /// Waits for a polled request and takes it.
    pub(super) fn take_polled(&self) -> Result<Owner<D>> {
        wait_for(|| self.kept.polled.lock().pop_front())
    }

    /// Makes the driver call `then` with the next `times` requests instead of keeping them.
    pub(super) fn on_request(&self, times: u32, then: OnRequest<D>) {
        *self.kept.on_request.lock() = Some((times, then));
    }

    /// Makes the driver call `then` with the next list instead of keeping its requests.
    pub(super) fn on_list(&self, then: OnList<D>) {
        *self.kept.on_list.lock() = Some(then);
    }

    /// Makes the driver call `then` at the next completion instead of ending its requests.
    pub(super) fn on_complete(&self, then: OnComplete<D>) {
        *self.kept.on_complete.lock() = Some(then);
    }

    /// Sets the disk to which [`Kept::forward`] submits a read.
    pub(super) fn forward_to(&self, disk: Arc<TestDisk<D>>) {
        *self.kept.forward.lock() = Some(disk);
    }

    /// Returns the read that the driver has submitted.
    pub(super) fn forwarded(&self) -> Option<Io> {
        self.kept.forwarded.lock().take()
    }

    /// Returns true if this many tags are free.
    pub(super) fn has_tags(&self, count: u64) -> Result<bool> {
        let flags = 1 << bindings::req_flag_bits___REQ_NOWAIT;
        let mut ios = KVec::new();
        for i in 0..count {
            let op = bindings::req_op_REQ_OP_READ | flags;
            ios.push(Io::submit(self, op, i * 1024, Some(0))?, GFP_KERNEL)?;
        }
        for io in &ios {
            if io.status().is_none() {
                self.take()?.end_ok();
            }
        }
        Ok(ios.iter().all(|io| io.wait() == Ok(raw(Status::OK))))
    }
}

/// Makes a list of requests.
pub(super) fn list<D: Data, S: State>(
    requests: impl IntoIterator<Item = OwnedRequest<Keeper<D>, S>>,
) -> RequestList<Keeper<D>, S> {
    let mut list = RequestList::new();
    for rq in requests {
        list.push_back(rq);
    }
    list
}

/// Makes references to requests.
pub(super) fn references<D: Data>(requests: &[Owner<D>]) -> Result<KVec<ARef<Request<Keeper<D>>>>> {
    let mut references = KVec::new();
    for rq in requests {
        references.push(ARef::from(&**rq), GFP_KERNEL)?;
    }
    Ok(references)
}

/// Collects the I/Os that a task submits, to dispatch them together.
pub(super) struct Plug;

impl Plug {
    pub(super) fn scope<V>(submit: impl FnOnce() -> V) -> V {
        let mut plug = pin_init::zeroed();
        // SAFETY: The plug is not moved until the same task finishes it.
        unsafe { bindings::blk_start_plug(&mut plug) };
        let value = submit();
        // SAFETY: It was started above.
        unsafe { bindings::blk_finish_plug(&mut plug) };
        value
    }

    /// Collects I/Os like [`Plug::scope`], but flushes the plug before it is finished.
    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
    pub(super) fn scope_with_flush<V>(submit: impl FnOnce() -> V) -> V {
        let mut plug = pin_init::zeroed();
        // SAFETY: As in `scope`. The plug belongs to this task while it is flushed.
        unsafe {
            bindings::blk_start_plug(&mut plug);
            let value = submit();
            bindings::__blk_flush_plug(&mut plug, false);
            bindings::blk_finish_plug(&mut plug);
            value
        }
    }
}

/// Calls `ask` until it returns a value, for five seconds at most.
pub(super) fn wait_for<V>(mut ask: impl FnMut() -> Option<V>) -> Result<V> {
    for _ in 0..5000 {
        if let Some(value) = ask() {
            return Ok(value);
        }
        fsleep(Delta::from_millis(1));
    }
    Err(ETIMEDOUT)
}

/// Returns the reference count of a request.
pub(super) fn count<D: Data>(rq: &Request<Keeper<D>>) -> i32 {
    // SAFETY: The request is valid, and its count is atomic.
    unsafe { Atomic::from_ptr(&raw mut (*rq.as_raw()).ref_.counter) }.load(Relaxed)
}

/// An I/O, from the submitter's side.
pub(super) struct Io {
    done: Arc<Atomic<u32>>,
    page: Page,
    bio: *mut bindings::bio,
}

// SAFETY: The bio is only used to poll for its end, which any task may do until it has ended.
unsafe impl Send for Io {}

/// The I/O has not ended. Otherwise [`Io::done`] is its status.
const PENDING: u32 = u32::MAX;

impl Io {
    /// Submits an I/O, with one page full of a byte, or without data.
    fn submit<D: Data>(disk: &TestDisk<D>, op: u32, sector: u64, fill: Option<u8>) -> Result<Self> {
        let page = Page::alloc_page(GFP_KERNEL)?;
        let bytes = [fill.unwrap_or(0); 64];
        for offset in (0..PAGE_SIZE).step_by(bytes.len()) {
            // SAFETY: Nothing else uses the page.
            unsafe { page.write_raw(bytes.as_ptr(), offset, bytes.len()) }?;
        }
        let done = Arc::new(Atomic::new(PENDING), GFP_KERNEL)?;

        // SAFETY: The disk exists, and so does its block device. With GFP_KERNEL this does not
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
            // SAFETY: The bio has room for one page, and the page lives until the I/O has ended:
            // see `drop`.
            unsafe { bindings::__bio_add_page(bio, page.as_ptr(), PAGE_SIZE as u32, 0) };
        }
        // SAFETY: We own the bio until it is submitted.
        unsafe {
            (*bio).bi_iter.bi_sector = sector;
            (*bio).bi_private = done.clone().into_raw().cast_mut().cast();
            (*bio).bi_end_io = Some(end_io);
            bindings::submit_bio(bio);
        }
        Ok(Self { done, page, bio })
    }

    /// Copies the bytes of the page from `offset` on.
    pub(super) fn data(&self, offset: usize, to: &mut [u8]) -> Result {
        // SAFETY: The I/O has ended, so nothing writes to the page.
        unsafe { self.page.read_raw(to.as_mut_ptr(), offset, to.len()) }
    }

    /// Polls once, and returns the number of I/Os that have ended. This I/O must not have ended
    /// before.
    pub(super) fn poll(&self) -> i32 {
        assert!(self.status().is_none());
        // SAFETY: The bio is not put before the I/O ends, and only polling ends it.
        unsafe { bindings::bio_poll(self.bio, core::ptr::null_mut(), bindings::BLK_POLL_ONESHOT) }
    }

    /// Returns the status, if the I/O has ended.
    pub(super) fn status(&self) -> Option<u32> {
        match self.done.load(Acquire) {
            PENDING => None,
            status => Some(status),
        }
    }

    /// Waits for the end of the I/O and returns its status.
    pub(super) fn wait(&self) -> Result<u32> {
        wait_for(|| self.status())
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        // Keep the page until the I/O has ended. A faulty test that leaves its request behind hangs
        // here.
        while self.status().is_none() {
            fsleep(Delta::from_millis(1));
        }
    }
}

/// # Safety
///
/// Only to be called by the block layer for a bio that [`Io::submit`] has set up.
unsafe extern "C" fn end_io(bio: *mut bindings::bio) {
    // SAFETY: `submit` has stored this with `into_raw`, and the bio ends once.
    let done: Arc<Atomic<u32>> = unsafe { Arc::from_raw((*bio).bi_private.cast()) };
    // SAFETY: The bio is valid until the call below puts it.
    let status = unsafe {
        let status = (*bio).bi_status;
        bindings::bio_put(bio);
        status
    };
    done.store(status.into(), Release);
}

/// Returns the value that [`Io::status`] returns for `status`.
pub(super) fn raw(status: Status) -> u32 {
    status.into_raw().into()
}

/// Waits for all I/Os, and checks that they end with `status`.
pub(super) fn all_end_with(ios: &[Io], status: Status) {
    for io in ios {
        assert_eq!(io.wait(), Ok(raw(status)));
    }
}
