// SPDX-License-Identifier: GPL-2.0

//! Devices that store data in memory.

use super::{
    Checked,
    Pipeline, //
};
use crate::{
    medium::Medium,
    store::{
        Cache,
        Data, //
    },
};
use kernel::{
    block::{
        mq::{
            InFlight,
            Operations,
            OwnedRequest, //
        },
        Op,
        Status, //
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
    #[inline(never)]
    pub(crate) fn flush(&self) -> Status {
        match &self.cache {
            None => Status::OK,
            Some(cache) => as_status(cache.flush(&self.medium.tree)),
        }
    }

    /// Carries out `op` on the first `sectors` sectors of a request, from `first` on. These are all
    /// of its sectors if it is not `LIMITED`.
    ///
    /// `readable` says how many of some bytes, given by their place and their number, have data.
    /// The others are read as ones.
    #[inline(always)]
    pub(crate) fn carry_out<const LIMITED: bool, T: Operations>(
        &self,
        rq: &OwnedRequest<T, InFlight>,
        op: Op,
        first: u64,
        sectors: u32,
        readable: impl Fn(u64, usize) -> usize,
    ) -> Status {
        as_status(match op {
            Op::DISCARD => {
                self.discard(first, sectors.into());
                Ok(())
            }
            // Code that knows the operation need not look at what it does.
            Op::READ => self.read::<LIMITED, T>(rq, first, sectors, readable),
            Op::WRITE => self.write::<LIMITED, T>(rq, first, sectors),
            op => self.carry_out_other::<LIMITED, T>(rq, op, first, sectors, readable),
        })
    }

    #[inline(never)]
    fn carry_out_other<const LIMITED: bool, T: Operations>(
        &self,
        rq: &OwnedRequest<T, InFlight>,
        op: Op,
        first: u64,
        sectors: u32,
        readable: impl Fn(u64, usize) -> usize,
    ) -> Result {
        if op.fills_memory() {
            self.read::<LIMITED, T>(rq, first, sectors, readable)
        } else {
            self.write::<LIMITED, T>(rq, first, sectors)
        }
    }

    #[inline(always)]
    fn read<const LIMITED: bool, T: Operations>(
        &self,
        rq: &OwnedRequest<T, InFlight>,
        first: u64,
        sectors: u32,
        readable: impl Fn(u64, usize) -> usize,
    ) -> Result {
        let data = || Data::<LIMITED>::new(rq.segments(), first, sectors);
        match &self.cache {
            None => self.medium.tree.read(data(), readable),
            Some(cache) => cache.access(&self.medium.tree).read(data(), readable),
        }
    }

    #[inline(always)]
    fn write<const LIMITED: bool, T: Operations>(
        &self,
        rq: &OwnedRequest<T, InFlight>,
        first: u64,
        sectors: u32,
    ) -> Result {
        let data = || Data::<LIMITED>::new(rq.segments(), first, sectors);
        match &self.cache {
            None => self.medium.tree.write(data()),
            Some(cache) => cache.access(&self.medium.tree).write(data(), rq.is_fua()),
        }
    }

    /// Forgets `sectors` sectors, from `first` on.
    #[inline(never)]
    pub(super) fn discard(&self, first: u64, sectors: u64) {
        match &self.cache {
            None => self.medium.tree.discard(first, sectors),
            Some(cache) => cache.discard(&self.medium.tree, first, sectors),
        }
    }
}

#[inline]
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
        let (first, sectors) = (rq.sector(), rq.sectors());
        let act = |sectors| {
            self.storage
                .carry_out::<TROUBLE, T>(rq, op, first, sectors, |_, len| len)
        };
        if TROUBLE {
            self.checked.carry_out::<TROUBLE>(first, sectors, act)
        } else {
            // The same, but inlined: 40 instructions less.
            act(sectors)
        }
    }
}
