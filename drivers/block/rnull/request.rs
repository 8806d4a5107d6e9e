// SPDX-License-Identifier: GPL-2.0

//! The way of a request: `queue_rq` admits, starts, executes and completes it.
//!
//! * `throttle`: a limit of bandwidth, by which requests are admitted.
//! * `backend`: what a device does for a request, whatever its features. Compiled once.
//! * `path`: the fast paths, which are compiled for each completion mode.
//! * `poll`: requests that wait to be polled for.
//! * `ops`: the driver as a type, and what the block layer calls.

mod backend;
mod ops;
mod path;
mod poll;
mod throttle;

pub(crate) use self::{
    backend::Backend,
    ops::{
        NullBlk,
        Queue, //
    },
    path::{
        Full,
        Memory,
        Null,
        Path, //
    },
    poll::PollQueues, //
};
