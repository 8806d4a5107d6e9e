// SPDX-License-Identifier: GPL-2.0

//! The backend executes requests, with the features of the device: backing store, write cache,
//! zones, bandwidth limit, atomic writes and bad blocks.
//!
//! Most of this code does not depend on the driver type, because it sees a request as a
//! [`Command`]. So it is compiled once. Only reads and writes of devices that are memory-backed,
//! without other features, have a shorter path: see [`Backend::execute`].

use super::throttle::Throttle;
use crate::{
    completion::Done,
    faults::bad_blocks::Policy,
    retained::Retained,
    settings::Config,
    store::{
        Cache,
        Data, //
    },
    zoned::{
        Failure,
        Layout,
        Locking,
        ManageGuard,
        Zones, //
    },
};
use kernel::{
    block::{
        mq::{
            InFlight,
            Operations,
            OwnedRequest,
            Segments, //
        },
        Op,
        OpFlags,
        Status,
        ZoneReport,
        SECTOR_SHIFT, //
    },
    prelude::*,
    sync::{
        new_rw_semaphore,
        Arc,
        RwSemaphore, //
    },
};

/// A request, without its driver type.
struct Command<'a> {
    op: Op,
    sector: u64,
    sectors: u32,
    flags: OpFlags,
    segments: Segments<'a>,
}

impl<'a> Command<'a> {
    #[inline]
    fn of<T: Operations>(rq: &'a OwnedRequest<T, InFlight>) -> Self {
        Self {
            op: rq.op(),
            sector: rq.sector(),
            sectors: rq.sectors(),
            flags: rq.flags(),
            segments: rq.segments(),
        }
    }
}

/// The result of a command.
struct Outcome {
    status: Status,
    /// The first sector that a zone append has written.
    position: Option<u64>,
}

impl From<Status> for Outcome {
    fn from(status: Status) -> Self {
        Self {
            status,
            position: None,
        }
    }
}

/// The backing store.
enum Store {
    /// Writes are dropped, and reads leave the memory of the request as it is.
    Nowhere,
    Memory,
    /// Memory, with a write cache in front of it.
    Cached(Pin<KBox<Cache>>),
}

/// The features of a device that is on.
pub(crate) struct Backend {
    pub(super) retained: Arc<Retained>,
    bad_blocks: Policy,
    store: Store,
    zones: Option<Pin<KBox<Zones>>>,
    throttle: Option<Throttle>,
    /// Atomic writes lock this for writing, and all other transfers lock it for reading. So a read
    /// sees an atomic write as a whole or not at all.
    atomic_writes: Option<Pin<KBox<RwSemaphore<()>>>>,
    /// True if the device is memory-backed, and has no other feature.
    plain: bool,
}

impl Backend {
    /// Creates the backend of the disk named `disk`, with zones if there is a `layout` for them.
    /// May sleep.
    pub(crate) fn new(
        config: &Config,
        layout: Option<Layout>,
        retained: &Arc<Retained>,
        disk: &CStr,
    ) -> Result<Arc<Self>> {
        let zones = match layout {
            None => None,
            Some(layout) => {
                let locking = if config.memory_backed {
                    Locking::Sleeping
                } else {
                    Locking::Spinning
                };
                Some(KBox::pin_init(
                    Zones::new(layout, locking, disk),
                    GFP_KERNEL,
                )?)
            }
        };
        let store = match config.cache_size {
            _ if !config.memory_backed => Store::Nowhere,
            0 => Store::Memory,
            size => Store::Cached(KBox::pin_init(Cache::new(size), GFP_KERNEL)?),
        };
        let throttle = Throttle::new(config.mbps);
        let atomic_writes = if config.memory_backed && config.atomic_writes().is_some() {
            Some(KBox::pin_init(
                new_rw_semaphore!((), "rnull atomic writes"),
                GFP_KERNEL,
            )?)
        } else {
            None
        };
        let this = Self {
            retained: retained.clone(),
            bad_blocks: Policy::new(config),
            plain: matches!(store, Store::Memory)
                && zones.is_none()
                && throttle.is_none()
                && atomic_writes.is_none(),
            store,
            zones,
            throttle,
            atomic_writes,
        };
        Ok(Arc::new(this, GFP_KERNEL)?)
    }

    /// Returns whether the device is memory-backed, and has no other feature.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    /// Returns whether the bandwidth limit admits a request of `bytes` bytes now. If so, the
    /// request counts towards the limit.
    pub(super) fn admit(&self, bytes: u32) -> bool {
        match &self.throttle {
            None => true,
            Some(throttle) => throttle.admit(bytes),
        }
    }

    /// Returns whether the device stores data, is zoned or has a bandwidth limit.
    pub(crate) fn has_features(&self) -> bool {
        self.zones.is_some() || self.throttle.is_some() || !matches!(self.store, Store::Nowhere)
    }

    /// Executes a request while the gate is closed. Returns the request and its status. May sleep
    /// if the device is memory-backed.
    #[inline(always)]
    pub(super) fn execute<T: Operations>(&self, rq: OwnedRequest<T, InFlight>) -> Done<T> {
        let tree = &self.retained.tree;
        let data = || Data::all(rq.segments(), rq.sector(), rq.bytes());
        // The first two arms know the operation, so the compiler drops later tests of it.
        let result = match rq.op() {
            Op::READ if self.plain => tree.read(data()),
            Op::WRITE if self.plain => tree.write(data()),
            _ => return self.execute_command(rq),
        };
        (rq, as_status(result))
    }

    /// Executes a request, also while the gate is open. Returns the request and its status. May
    /// sleep if the device is memory-backed.
    #[inline(always)]
    pub(super) fn execute_command<T: Operations>(
        &self,
        mut rq: OwnedRequest<T, InFlight>,
    ) -> Done<T> {
        let Outcome { status, position } = self.run(Command::of(&rq));
        if rq.op() == Op::FLUSH {
            // A flush that reached the backing store has succeeded, even after its timeout. An
            // error would make file systems shut down.
            rq.status().store(Status::OK);
        }
        match position.map(|position| rq.set_sector(position)) {
            None | Some(Ok(())) => (rq, status),
            Some(Err(_)) => (rq, Status::IOERR),
        }
    }

    /// Executes a command, with all features of the device.
    #[inline(never)]
    fn run(&self, command: Command<'_>) -> Outcome {
        if command.op == Op::FLUSH {
            return self.flush().into();
        }
        match &self.zones {
            None => self.transfer(command, u64::MAX).0.into(),
            Some(zones) => self.run_zoned(zones, command).unwrap_or_else(Outcome::from),
        }
    }

    /// Executes a command other than a flush on a zoned device. All its sectors are in one zone,
    /// except those of a reset of all zones.
    fn run_zoned(&self, zones: &Zones, mut command: Command<'_>) -> Result<Outcome, Status> {
        let op = command.op;
        match op {
            Op::WRITE | Op::ZONE_APPEND => {
                let write = zones.begin_write(op, command.sector, command.sectors)?;
                let position = write.sector();
                command.sector = position;
                let (status, written) = self.transfer(command, u64::MAX);
                Ok(Outcome {
                    status: write.commit(status, written),
                    position: (op == Op::ZONE_APPEND).then_some(position),
                })
            }
            Op::ZONE_OPEN | Op::ZONE_CLOSE | Op::ZONE_FINISH | Op::ZONE_RESET => {
                self.discard_zone(zones.manage(op, command.sector)?);
                Ok(Status::OK.into())
            }
            Op::ZONE_RESET_ALL => {
                zones.reset_all().for_each(|zone| self.discard_zone(zone));
                Ok(Status::OK.into())
            }
            _ => {
                let read = zones.begin_read(command.sector)?;
                Ok(self.transfer(command, read.end()).0.into())
            }
        }
    }

    /// Transfers the data of a command, which may end early at bad blocks. Reads of stored data
    /// return 0xff from the byte `end` of the device on. Returns the status, and the number of
    /// sectors that were transferred.
    #[inline(never)]
    fn transfer(&self, command: Command<'_>, end: u64) -> (Status, u32) {
        let (sector, sectors) = (command.sector, command.sectors);
        let bad = self
            .bad_blocks
            .check(&self.retained.bad_blocks, sector, sectors);
        if bad == Some(0) {
            return (Status::IOERR, 0);
        }
        let atomic = command.op == Op::WRITE && command.flags.is_atomic();
        let good = match bad {
            None => sectors,
            Some(_) if atomic => return (Status::IOERR, 0),
            Some(good) => good,
        };
        let status = match &self.atomic_writes {
            None => self.access(command, good, end),
            Some(lock) if atomic => {
                let _alone = lock.write();
                // With all its memory allocated, the write cannot fail half-way.
                match self.retained.tree.reserve(sector, sectors.into()) {
                    Ok(()) => self.access(command, sectors, end),
                    Err(error) => error.into(),
                }
            }
            Some(lock) => {
                let _shared = lock.read();
                self.access(command, good, end)
            }
        };
        match status {
            Status::OK if bad.is_some() => (Status::IOERR, good),
            Status::OK => (Status::OK, good),
            error => (error, 0),
        }
    }

    /// Transfers the first `sectors` sectors of a command to or from the backing store, or discards
    /// them or writes zeroes to them.
    #[inline(never)]
    fn access(&self, command: Command<'_>, sectors: u32, end: u64) -> Status {
        let Command {
            op,
            sector,
            flags,
            segments,
            ..
        } = command;
        let tree = &self.retained.tree;
        let cache = match &self.store {
            Store::Nowhere => return do_nothing(op, segments),
            Store::Memory => None,
            Store::Cached(cache) => Some(cache),
        };
        if op == Op::DISCARD {
            self.discard(sector, sectors.into());
            return Status::OK;
        }
        if op == Op::WRITE_ZEROES {
            return as_status(self.write_zeroes(sector, sectors.into(), flags));
        }
        // The cache could evict a part of an atomic write, or have no memory for it.
        let through = flags.is_fua() || flags.is_atomic();
        as_status(if op.fills_memory() {
            let data = Data::part(segments, sector, sectors, end);
            match cache {
                None => tree.read(data),
                Some(cache) => cache.access(tree).read(data),
            }
        } else {
            let data = Data::all(segments, sector, sectors << SECTOR_SHIFT);
            match cache {
                None => tree.write(data),
                Some(cache) => cache.access(tree).write(data, through),
            }
        })
    }

    /// Writes zeroes to `sectors` sectors from `first` on: forgets their data, unless they must
    /// keep their memory.
    fn write_zeroes(&self, first: u64, sectors: u64, flags: OpFlags) -> Result {
        if !flags.is_nounmap() {
            self.discard(first, sectors);
            return Ok(());
        }
        let tree = &self.retained.tree;
        match &self.store {
            Store::Cached(cache) => cache.access(tree).write_zeroes(first, sectors),
            _ => tree.write_zeroes(first, sectors),
        }
    }

    /// Writes all cached data back to memory.
    fn flush(&self) -> Status {
        match &self.store {
            Store::Cached(cache) => as_status(cache.flush(&self.retained.tree)),
            _ => Status::OK,
        }
    }

    /// Discards the data of `sectors` sectors from `first` on.
    fn discard(&self, first: u64, sectors: u64) {
        match &self.store {
            Store::Nowhere => {}
            Store::Memory => self.retained.tree.discard(first, sectors),
            Store::Cached(cache) => cache.discard(&self.retained.tree, first, sectors),
        }
    }

    /// Discards the data of a zone that became empty.
    fn discard_zone(&self, zone: ManageGuard<'_>) {
        if let Some((first, sectors)) = zone.to_discard() {
            self.discard(first, sectors);
        }
    }

    /// Reports zones. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOTSUPP` if the device is not zoned.
    pub(super) fn report_zones(&self, report: &mut ZoneReport) -> Result {
        let zones = self.zones.as_ref().ok_or(ENOTSUPP)?;
        zones.report(report)
    }

    /// Makes the zone that `sector` is in fail; see [`Zones::fail`]. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the device is not zoned, has no such zone, or if the zone is conventional.
    pub(crate) fn fail_zone(&self, sector: u64, how: Failure) -> Result {
        let zones = self.zones.as_ref().ok_or(EINVAL)?;
        self.discard_zone(zones.fail(sector, how)?);
        Ok(())
    }
}

/// Executes a request without a backing store.
#[inline(always)]
pub(super) fn do_nothing(op: Op, segments: Segments<'_>) -> Status {
    // A read leaves the memory as it is. KMSAN would report that memory as uninitialized.
    if cfg!(CONFIG_KMSAN) && op.fills_memory() {
        for segment in segments {
            if segment.zero().is_err() {
                return Status::IOERR;
            }
        }
    }
    Status::OK
}

#[inline]
fn as_status(result: Result) -> Status {
    match result {
        Ok(()) => Status::OK,
        Err(error) => error.into(),
    }
}
