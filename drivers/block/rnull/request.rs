// SPDX-License-Identifier: GPL-2.0

//! The way of a request: `queue_rq` admits, starts, executes and completes it.
//!
//! * `throttle`: a limit of bandwidth, by which requests are admitted.
//! * `backend`: what a device does for a request, whatever its features.
//! * `poll`: requests that wait to be polled for.
//! * `ops`: the driver as a type, and what the block layer calls.

mod backend;
mod ops;
mod poll;
mod throttle;

pub(crate) use self::{
    backend::Backend,
    ops::{
        NullBlk,
        Queue, //
    },
    poll::PollQueues, //
};
