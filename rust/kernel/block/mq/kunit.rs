// SPDX-License-Identifier: GPL-2.0

//! What the KUnit tests share: a driver that keeps the requests that it gets, and I/O to send to
//! it.

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

/// Driver data for the requests of a test.
pub(super) trait Data: Send + Sync + 'static {
    fn new() -> impl PinInit<Self>
    where
        Self: Sized;
}

impl Data for () {
    fn new() -> impl PinInit<()> {}
}

/// A driver that starts requests and puts them into a list, for the test to take them out.
pub(super) struct Keeper<D>(PhantomData<D>);

/// A request as the test gets it.
pub(super) type Owner<D> = OwnedRequest<Keeper<D>, InFlight>;

/// What the driver does with a request in place of keeping it. An idle request can't leave
/// [`Operations::queue_rq`], so a test that needs one sends its code there.
pub(super) type OnRequest<D> =
    for<'call> fn(&Kept<D>, OwnedRequest<Keeper<D>, Idle<'call>>) -> QueueResult<'call, Keeper<D>>;

/// The same, for requests that come in a list.
pub(super) type OnList<D> = for<'call> fn(
    &Kept<D>,
    RequestList<Keeper<D>, Idle<'call>>,
) -> RequestList<Keeper<D>, Idle<'call>>;

/// What the driver does with completed requests, of which the first was taken out, in place of
/// ending them.
pub(super) type OnComplete<D> =
    fn(OwnedRequest<Keeper<D>, Complete>, RequestList<Keeper<D>, Complete>);

/// What a test knows of a disk.
#[pin_data]
pub(super) struct Kept<D: Data> {
    tag_set: Arc<TagSet<Keeper<D>>>,
    #[pin]
    requests: SpinLock<RequestList<Keeper<D>, InFlight>>,
    /// Those that are polled for.
    #[pin]
    polled: SpinLock<RequestList<Keeper<D>, InFlight>>,
    /// What to do with that many requests.
    #[pin]
    on_request: SpinLock<Option<(u32, OnRequest<D>)>>,
    /// What to do with the next list.
    #[pin]
    on_list: SpinLock<Option<OnList<D>>>,
    /// What to do with the next completion.
    #[pin]
    on_complete: SpinLockIrq<Option<OnComplete<D>>>,
    /// How many lists came in, how many completions there were, and of how many requests, and how
    /// many timeouts.
    lists: Atomic<u32>,
    completions: Atomic<u32>,
    completed: Atomic<u32>,
    timeouts: Atomic<u32>,
    /// The hardware queue that the driver was told to commit last, and one.
    committed: Atomic<u32>,
    /// What the code of a test finds out.
    noted: Atomic<usize>,
    /// Where [`Kept::forward`] sends a read, and that read.
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

    /// What to do with a request that comes in, if it is not to be kept.
    fn on_request(&self) -> Option<OnRequest<D>> {
        let mut place = self.on_request.lock();
        let (times, then) = (*place)?;
        *place = (times > 1).then_some((times - 1, then));
        Some(then)
    }

    /// Sends a read to the disk that [`TestDisk::forward_to`] was told. May sleep.
    fn forward(&self) {
        let disk = self.forward.lock().take();
        let io = disk.and_then(|disk| disk.read().ok());
        *self.forwarded.lock() = io;
    }
}

/// How many disks of the driver were made.
static DISKS: Atomic<u32> = Atomic::new(0);

/// For which hardware queue setting up fails, and whether it sleeps.
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

    /// Ends what is kept of the hardware queue.
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

    /// Ends what is parked, and leaves alone what is not.
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
        // A test that fails leaves its disk behind, so each has another name.
        let name = CString::try_from_fmt(fmt!("kunit_keeper{}", DISKS.fetch_add(1, Relaxed)))?;
        // It has no sectors while it is added, or the block layer would look for partitions and
        // wait for an answer.
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

    /// Sends a flush.
    pub(super) fn flush(&self) -> Result<Io> {
        Io::submit(
            self,
            bindings::req_op_REQ_OP_WRITE | 1 << bindings::req_flag_bits___REQ_PREFLUSH,
            0,
            None,
        )
    }

    /// Sends `count` reads of different places, and takes their requests.
    pub(super) fn several(&self, count: u64) -> Result<(KVec<Io>, KVec<Owner<D>>)> {
        let (mut ios, mut requests) = (KVec::new(), KVec::new());
        for i in 0..count {
            ios.push(self.read_at(i * 1024)?, GFP_KERNEL)?;
            requests.push(self.take()?, GFP_KERNEL)?;
        }
        Ok((ios, requests))
    }

    /// Waits for a request to come in and takes it.
    pub(super) fn take(&self) -> Result<Owner<D>> {
        wait_for(|| self.try_take())
    }

    /// Whether there is a request to be polled for.
    pub(super) fn has_polled(&self) -> bool {
        !self.kept.polled.lock().is_empty()
    }

    /// Takes a request if there is one.
    pub(super) fn try_take(&self) -> Option<Owner<D>> {
        self.kept.requests.lock().pop_front()
    }

    /// Waits for a request that is polled for to come in and takes it.
    pub(super) fn take_polled(&self) -> Result<Owner<D>> {
        wait_for(|| self.kept.polled.lock().pop_front())
    }

    /// Says what the driver does with the next `times` requests in place of keeping them.
    pub(super) fn on_request(&self, times: u32, then: OnRequest<D>) {
        *self.kept.on_request.lock() = Some((times, then));
    }

    /// Says what the driver does with the next list in place of keeping its requests.
    pub(super) fn on_list(&self, then: OnList<D>) {
        *self.kept.on_list.lock() = Some(then);
    }

    /// Says what the driver does with what is completed next in place of ending it.
    pub(super) fn on_complete(&self, then: OnComplete<D>) {
        *self.kept.on_complete.lock() = Some(then);
    }

    /// Says where [`Kept::forward`] sends a read.
    pub(super) fn forward_to(&self, disk: Arc<TestDisk<D>>) {
        *self.kept.forward.lock() = Some(disk);
    }

    /// The read that the driver has sent.
    pub(super) fn forwarded(&self) -> Option<Io> {
        self.kept.forwarded.lock().take()
    }

    /// Whether this many tags are free.
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

/// Puts requests into a list.
pub(super) fn list<D: Data, S: State>(
    requests: impl IntoIterator<Item = OwnedRequest<Keeper<D>, S>>,
) -> RequestList<Keeper<D>, S> {
    let mut list = RequestList::new();
    for rq in requests {
        list.push_back(rq);
    }
    list
}

/// References to requests.
pub(super) fn references<D: Data>(requests: &[Owner<D>]) -> Result<KVec<ARef<Request<Keeper<D>>>>> {
    let mut references = KVec::new();
    for rq in requests {
        references.push(ARef::from(&**rq), GFP_KERNEL)?;
    }
    Ok(references)
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
    #[cfg(CONFIG_TEST_BLOCK_FIXES)]
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
            // SAFETY: Nothing else uses the page.
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
        // SAFETY: The I/O is done, so nothing writes to the page.
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
