// SPDX-License-Identifier: GPL-2.0

//! The path of a request through the driver: `queue_rq` admits, starts, executes and completes it.
//!
//! * `throttle`: the bandwidth limit.
//! * `backend`: executes requests, with the features of the device.
//! * `poll`: the queues of requests that wait to be polled for.
//! * `ops`: the driver type, and its callbacks for the block layer.

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
