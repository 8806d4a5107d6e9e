// SPDX-License-Identifier: GPL-2.0

//! Fault injection for requests, hardware queues and completions.
//!
//! Without `CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION`, no fault is injected.

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
    /// A request is lost, and ends by its timeout (`timeout_inject`).
    Timeout,
    /// A request is refused or requeued (`requeue_inject`).
    Requeue,
    /// The setup of a hardware queue fails (`init_hctx_fault_inject`).
    InitHctx,
    /// The device adds a wrong completion entry (`tag_inject`).
    Tag,
}

/// The fault injection of a device.
pub(crate) struct Faults {
    /// Indexed by [`Kind`].
    #[cfg(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION)]
    configs: [Arc<FaultConfig>; 4],
    /// Counts the requests that were refused or requeued.
    requeued: Atomic<u32>,
    /// Counts the wrong completion entries.
    injected: Atomic<u32>,
}

impl Faults {
    /// Creates the fault injection of a device, and the configfs groups that control it. May sleep.
    #[cfg(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION)]
    pub(crate) fn new() -> Result<(Self, KVec<DefaultGroup>)> {
        use crate::{
            gate,
            settings::params, //
        };
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

    /// Creates the fault injection of a device, which never injects a fault.
    #[cfg(not(CONFIG_BLK_DEV_RUST_NULL_FAULT_INJECTION))]
    pub(crate) fn new() -> Result<(Self, KVec<DefaultGroup>)> {
        let this = Self {
            requeued: Atomic::new(0),
            injected: Atomic::new(0),
        };
        Ok((this, KVec::new()))
    }

    /// Returns whether to inject a fault now.
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

    /// Returns whether to lose a request.
    #[inline(always)]
    pub(crate) fn should_time_out(&self) -> bool {
        self.should_fail(Kind::Timeout)
    }

    /// Returns whether to fail the setup of a hardware queue.
    pub(crate) fn should_fail_init_hctx(&self) -> bool {
        self.should_fail(Kind::InitHctx)
    }

    /// Returns whether to pass a request to [`refuse_or_requeue`](Self::refuse_or_requeue).
    #[inline(always)]
    pub(crate) fn should_requeue(&self) -> bool {
        self.should_fail(Kind::Requeue)
    }

    /// Refuses one request, and requeues the next. The block layer dispatches both again.
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

    /// Returns the hardware queue and the tag of a wrong completion entry, if the device adds one
    /// after its entry for `hw_queue` and `tag`.
    pub(crate) fn inject_tag(&self, hw_queue: u32, tag: u32) -> Option<(u32, u32)> {
        self.should_fail(Kind::Tag)
            .then(|| wrong_tag(hw_queue, tag, self.injected.fetch_add(1, Relaxed)))
    }
}

/// Returns the hardware queue and the tag of a wrong completion entry. `number` selects the kind of
/// error, each in turn.
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
        // Free, or of a request that is not due.
        4 => (hw_queue, tag ^ 1),
        // Arbitrary.
        _ => (hw_queue, number.wrapping_mul(2_654_435_761) >> 24),
    }
}
