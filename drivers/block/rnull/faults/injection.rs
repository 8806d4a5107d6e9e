// SPDX-License-Identifier: GPL-2.0

//! Failing on purpose.
//!
//! Without `CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION` nothing of this ever happens.

use crate::reports::Report;
use kernel::{
    block::{
        mq::{
            Idle,
            Operations,
            OwnedRequest,
            QueueResult, //
        },
        Status, //
    },
    configfs::DefaultGroup,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};
#[cfg(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION)]
use kernel::{
    fault_injection::FaultConfig,
    sync::Arc, //
};

/// What can be made to fail.
#[derive(Clone, Copy)]
enum Kind {
    /// Requests that are never answered (`timeout_inject`).
    Timeout,
    /// Requests that are not taken (`requeue_inject`).
    Requeue,
    /// Hardware queues that can't be set up (`init_hctx_fault_inject`).
    InitHctx,
    /// Completions that the device makes up (`tag_inject`).
    Tag,
}

/// What is made to fail, and how often.
pub(crate) struct Faults {
    /// By [`Kind`].
    #[cfg(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION)]
    configs: [Arc<FaultConfig>; 4],
    /// Requests that were not taken.
    requeued: Atomic<u32>,
    /// Completions that were made up.
    invented: Atomic<u32>,
}

impl Faults {
    /// Makes the faults of a device, and the directories in configfs to change them.
    #[cfg(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION)]
    pub(crate) fn new() -> Result<(Self, KVec<DefaultGroup>)> {
        use super::gate;
        use crate::settings::params;
        let mut groups = KVec::new();
        let mut config = |name, attr| -> Result<_> {
            let (config, group) = FaultConfig::new(name, attr, Some(gate::flag()))?;
            groups.push(group, GFP_KERNEL)?;
            Ok(config)
        };
        let this = Self {
            configs: [
                config(c"timeout_inject", params::timeout()?)?,
                config(c"requeue_inject", params::requeue()?)?,
                config(c"init_hctx_fault_inject", params::init_hctx()?)?,
                config(c"tag_inject", Default::default())?,
            ],
            requeued: Atomic::new(0),
            invented: Atomic::new(0),
        };
        Ok((this, groups))
    }

    /// Makes the faults of a device, which are none.
    #[cfg(not(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION))]
    pub(crate) fn new() -> Result<(Self, KVec<DefaultGroup>)> {
        let this = Self {
            requeued: Atomic::new(0),
            invented: Atomic::new(0),
        };
        Ok((this, KVec::new()))
    }

    #[cfg(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION)]
    #[inline]
    fn strikes(&self, kind: Kind) -> bool {
        self.configs[kind as usize].should_fail(1)
    }

    #[cfg(not(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION))]
    #[inline(always)]
    fn strikes(&self, _kind: Kind) -> bool {
        false
    }

    /// Whether a request is never to be answered.
    #[inline(always)]
    pub(crate) fn timeout(&self) -> bool {
        self.strikes(Kind::Timeout)
    }

    /// Whether a hardware queue is not to be set up.
    pub(crate) fn init_hctx(&self) -> bool {
        self.strikes(Kind::InitHctx)
    }

    /// Whether a request is not to be taken; if so, [`give_back`](Self::give_back) does that.
    #[inline(always)]
    pub(crate) fn requeue(&self) -> bool {
        self.strikes(Kind::Requeue)
    }

    /// Gives a request back, in the two ways that there are, by turns.
    #[cold]
    pub(crate) fn give_back<'call, T: Operations>(
        &self,
        rq: OwnedRequest<T, Idle<'call>>,
    ) -> QueueResult<'call, T> {
        if self.requeued.fetch_add(1, Relaxed) % 2 == 0 {
            return Err(rq.refuse(Status::RESOURCE));
        }
        rq.requeue(true);
        Ok(())
    }

    /// What a device that has just made `report` makes up after it, if anything.
    pub(crate) fn invent(&self, report: Report) -> Option<Report> {
        self.strikes(Kind::Tag)
            .then(|| invented(report, self.invented.fetch_add(1, Relaxed)))
    }
}

/// The wrong reports that there are, by turns.
#[cold]
fn invented(Report { hw_queue, tag }: Report, number: u32) -> Report {
    let (hw_queue, tag) = match number % 6 {
        // Out of range.
        0 => (hw_queue, u32::MAX - number),
        1 => (u32::MAX - number, tag),
        // Completed already, when its turn comes.
        2 => (hw_queue, tag),
        // Of another hardware queue.
        3 => (hw_queue + 1, tag),
        // Stale, or not to be completed yet.
        4 => (hw_queue, tag ^ 1),
        // Any.
        _ => (hw_queue, number.wrapping_mul(2_654_435_761) >> 24),
    };
    Report { hw_queue, tag }
}
