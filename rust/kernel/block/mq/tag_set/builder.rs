// SPDX-License-Identifier: GPL-2.0

//! The builder of a tag set: numbers and flags.

use crate::bindings;

/// The numbers and flags of a [`TagSet`](super::TagSet) to build.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct TagSetBuilder {
    pub(super) submit_queues: u32,
    pub(super) poll_queues: u32,
    pub(super) queue_depth: u32,
    pub(super) timeout_ms: u32,
    pub(super) numa_node: i32,
    pub(super) flags: u32,
}

impl Default for TagSetBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl TagSetBuilder {
    /// The largest number of polled hardware queues of a tag set.
    pub const MAX_POLL_QUEUES: u32 = 1024;

    /// Describes a tag set with one hardware queue of 64 requests, the block layer's default
    /// timeout, and memory on any NUMA node.
    pub const fn new() -> Self {
        Self {
            submit_queues: 1,
            poll_queues: 0,
            queue_depth: 64,
            timeout_ms: 0,
            numa_node: bindings::NUMA_NO_NODE,
            flags: 0,
        }
    }

    /// Sets the number of hardware queues that are not polled. The number of CPUs limits it.
    pub const fn submit_queues(mut self, count: u32) -> Self {
        self.submit_queues = count;
        self
    }

    /// Sets the number of polled hardware queues, for I/O whose submitter polls for its end. They
    /// are numbered after the others. The driver must implement
    /// [`Operations::poll`](crate::block::mq::Operations::poll).
    ///
    /// [`MAX_POLL_QUEUES`](Self::MAX_POLL_QUEUES) limits their number. If there are more polled
    /// queues than CPUs, some are not used.
    pub const fn poll_queues(mut self, count: u32) -> Self {
        self.poll_queues = count;
        self
    }

    /// Sets the number of requests that each hardware queue can have in flight.
    ///
    /// The block layer limits it to 10240, and lowers it if memory does not suffice.
    pub const fn queue_depth(mut self, depth: u32) -> Self {
        self.queue_depth = depth;
        self
    }

    /// Sets the timeout of requests, in milliseconds. Zero means the block layer's default of 30
    /// seconds. See [`Operations::timeout`](crate::block::mq::Operations::timeout).
    pub const fn timeout_ms(mut self, timeout: u32) -> Self {
        self.timeout_ms = timeout;
        self
    }

    /// Makes disks start without an I/O scheduler, which user space can choose later. Without this,
    /// a disk with one hardware queue starts with a scheduler.
    pub const fn no_scheduler_by_default(mut self) -> Self {
        self.flags |= bindings::BLK_MQ_F_NO_SCHED_BY_DEFAULT;
        self
    }

    /// Lets `queue_rq`, `queue_rqs` and `commit_rqs` sleep (`BLK_MQ_F_BLOCKING`).
    ///
    /// Each call then runs in a read-side critical section of SRCU instead of RCU, and often in
    /// another thread than the submitter's.
    pub const fn blocking(mut self) -> Self {
        self.flags |= bindings::BLK_MQ_F_BLOCKING;
        self
    }

    /// Makes all hardware queues share one set of tags (`BLK_MQ_F_TAG_HCTX_SHARED`). The queue
    /// depth is then that of the device, and a tag is in flight on one hardware queue at a time.
    /// null_blk has a parameter of this name.
    pub const fn shared_tag_bitmap(mut self) -> Self {
        self.flags |= bindings::BLK_MQ_F_TAG_HCTX_SHARED;
        self
    }

    /// Sets the NUMA node on which requests are allocated. It must be online, or
    /// [`numa::NO_NODE`](crate::numa::NO_NODE).
    pub const fn numa_node(mut self, node: i32) -> Self {
        self.numa_node = node;
        self
    }
}
