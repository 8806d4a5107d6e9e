// SPDX-License-Identifier: GPL-2.0

//! Fault injection: requests, hardware queues and completions that fail.
//!
//! Without `CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION`, nothing fails.

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

/// A kind of fault.
#[derive(Clone, Copy)]
enum Kind {
    /// A request is lost: it ends by its timeout (`timeout_inject`).
    Timeout,
    /// A request is requeued (`requeue_inject`).
    Requeue,
    /// Creating a hardware queue fails (`init_hctx_fault_inject`).
    InitHctx,
    /// A completion with a wrong tag is injected (`tag_inject`).
    Tag,
}

/// The faults of a device.
pub(crate) struct Faults {
    /// By [`Kind`].
    #[cfg(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION)]
    configs: [Arc<FaultConfig>; 4],
    /// Requests that were requeued.
    requeued: Atomic<u32>,
    /// Completions that were injected.
    injected: Atomic<u32>,
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
            injected: Atomic::new(0),
        };
        Ok((this, groups))
    }

    /// Makes the faults of a device: none.
    #[cfg(not(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION))]
    pub(crate) fn new() -> Result<(Self, KVec<DefaultGroup>)> {
        let this = Self {
            requeued: Atomic::new(0),
            injected: Atomic::new(0),
        };
        Ok((this, KVec::new()))
    }

    #[cfg(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION)]
    #[inline]
    fn should_fail(&self, kind: Kind) -> bool {
        self.configs[kind as usize].should_fail(1)
    }

    #[cfg(not(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION))]
    #[inline(always)]
    fn should_fail(&self, _kind: Kind) -> bool {
        false
    }

    /// Whether to lose a request.
    #[inline(always)]
    pub(crate) fn should_time_out(&self) -> bool {
        self.should_fail(Kind::Timeout)
    }

    /// Whether creating a hardware queue is to fail.
    pub(crate) fn should_fail_init_hctx(&self) -> bool {
        self.should_fail(Kind::InitHctx)
    }

    /// Whether to give a request back, by [`refuse_or_requeue`](Self::refuse_or_requeue).
    #[inline(always)]
    pub(crate) fn should_requeue(&self) -> bool {
        self.should_fail(Kind::Requeue)
    }

    /// Gives a request back to the block layer: refuses or requeues it, in turn.
    #[cold]
    pub(crate) fn refuse_or_requeue<'call, T: Operations>(
        &self,
        rq: OwnedRequest<T, Idle<'call>>,
    ) -> QueueResult<'call, T> {
        if self.requeued.fetch_add(1, Relaxed) % 2 == 0 {
            return Err(rq.refuse(Status::RESOURCE));
        }
        rq.requeue(true);
        Ok(())
    }

    /// The wrong hardware queue and tag that the device completes after a right pair, if it is to.
    pub(crate) fn inject_tag(&self, hw_queue: u32, tag: u32) -> Option<(u32, u32)> {
        self.should_fail(Kind::Tag)
            .then(|| wrong_tag(hw_queue, tag, self.injected.fetch_add(1, Relaxed)))
    }
}

/// The kinds of wrong completions, in turn.
#[cold]
fn wrong_tag(hw_queue: u32, tag: u32, number: u32) -> (u32, u32) {
    match number % 6 {
        // Out of range.
        0 => (hw_queue, u32::MAX - number),
        1 => (u32::MAX - number, tag),
        // Completed twice.
        2 => (hw_queue, tag),
        // Of another hardware queue.
        3 => (hw_queue + 1, tag),
        // Free, or still executed.
        4 => (hw_queue, tag ^ 1),
        // Any.
        _ => (hw_queue, number.wrapping_mul(2_654_435_761) >> 24),
    }
}
