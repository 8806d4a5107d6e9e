// SPDX-License-Identifier: GPL-2.0

//! Devices that store data in memory.

use super::{
    Checked,
    Pipeline, //
};
use crate::{
    medium::Medium,
    store::Cache, //
};
use kernel::{
    block::{
        mq::{
            InFlight,
            Operations,
            OwnedRequest, //
        },
        Op,
        Segment,
        Status,
        SECTOR_SHIFT, //
    },
    prelude::*,
    sync::Arc, //
};

/// Storage in memory, with a cache in front of it or without.
pub(crate) struct Storage {
    medium: Arc<Medium>,
    cache: Option<Pin<KBox<Cache>>>,
}

impl Storage {
    /// The storage of `medium`, with a cache of `cache_size` MiB if that is not zero.
    pub(crate) fn new(medium: Arc<Medium>, cache_size: u64) -> Result<Arc<Self>> {
        let cache = match cache_size {
            0 => None,
            size => Some(KBox::pin_init(Cache::new(size), GFP_KERNEL)?),
        };
        Ok(Arc::new(Self { medium, cache }, GFP_KERNEL)?)
    }

    /// Writes what is cached out.
    pub(crate) fn flush(&self) -> Status {
        match &self.cache {
            None => Status::OK,
            Some(cache) => as_status(cache.flush(&self.medium.tree)),
        }
    }

    /// Carries out `op` on the first `sectors` sectors of a request, from `first` on.
    ///
    /// `readable` says how many of some bytes, given by their place and their number, have data.
    /// The others are read as ones.
    #[inline(always)]
    pub(crate) fn carry_out<T: Operations>(
        &self,
        rq: &OwnedRequest<T, InFlight>,
        op: Op,
        first: u64,
        sectors: u32,
        readable: impl Fn(u64, usize) -> usize,
    ) -> Status {
        if op == Op::DISCARD {
            self.discard(first, sectors.into());
            return Status::OK;
        }
        let mut transfer = Transfer {
            position: first << SECTOR_SHIFT,
            left: (sectors as usize) << SECTOR_SHIFT,
        };
        as_status(match (&self.cache, op.fills_memory()) {
            (None, true) => {
                let mut stored = self.medium.tree.access();
                transfer.run(rq, |segment, position, len| {
                    let good = readable(position, len);
                    stored.read(segment, position, good)?;
                    no_data(segment, good, len)
                })
            }
            (None, false) => {
                let mut stored = self.medium.tree.access();
                transfer.run(rq, |segment, position, len| {
                    stored.write(segment, position, len)
                })
            }
            (Some(cache), true) => {
                let mut cached = cache.access(&self.medium.tree);
                transfer.run(rq, |segment, position, len| {
                    let good = readable(position, len);
                    cached.read(segment, position, good)?;
                    no_data(segment, good, len)
                })
            }
            (Some(cache), false) => {
                let mut cached = cache.access(&self.medium.tree);
                let around = rq.is_fua();
                transfer.run(rq, |segment, position, len| {
                    if around {
                        cached.write_through(segment, position, len)
                    } else {
                        cached.write(segment, position, len)
                    }
                })
            }
        })
    }

    /// Forgets `sectors` sectors, from `first` on.
    pub(super) fn discard(&self, first: u64, sectors: u64) {
        match &self.cache {
            None => self.medium.tree.discard(first, sectors),
            Some(cache) => cache.discard(&self.medium.tree, first, sectors),
        }
    }
}

/// Fills what there is no data for, from `good` on, with ones.
#[inline(always)]
fn no_data(segment: &Segment<'_>, good: usize, len: usize) -> Result {
    if good < len {
        segment.fill(good, len - good, 0xff)?;
    }
    Ok(())
}

/// Data on its way.
struct Transfer {
    /// The next byte of the device.
    position: u64,
    /// Bytes to go.
    left: usize,
}

impl Transfer {
    /// Calls `act` for each segment, with the byte of the device that it begins at and the number
    /// of its bytes to move.
    #[inline(always)]
    fn run<T: Operations>(
        &mut self,
        rq: &OwnedRequest<T, InFlight>,
        mut act: impl FnMut(&Segment<'_>, u64, usize) -> Result,
    ) -> Result {
        for segment in rq.segments() {
            let len = segment.len().min(self.left);
            act(&segment, self.position, len)?;
            self.position += len as u64;
            self.left -= len;
            if self.left == 0 {
                break;
            }
        }
        Ok(())
    }
}

fn as_status(result: Result) -> Status {
    match result {
        Ok(()) => Status::OK,
        Err(error) => error.into(),
    }
}

/// Stores data, but where there are bad blocks.
pub(crate) struct Memory {
    checked: Checked,
    storage: Arc<Storage>,
}

impl Memory {
    pub(crate) fn new(checked: Checked, storage: Arc<Storage>) -> Self {
        Self { checked, storage }
    }
}

impl Pipeline for Memory {
    const SLOW: bool = true;

    #[inline(always)]
    fn carry_out<const TROUBLE: bool, T: Operations>(
        &self,
        rq: &mut OwnedRequest<T, InFlight>,
    ) -> Status {
        let op = rq.op();
        if op == Op::FLUSH {
            return self.storage.flush();
        }
        let first = rq.sector();
        let (checked, sectors) = (&self.checked, rq.sectors());
        checked.carry_out::<TROUBLE>(first, sectors, |sectors| {
            self.storage.carry_out(rq, op, first, sectors, |_, len| len)
        })
    }
}
