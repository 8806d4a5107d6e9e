// SPDX-License-Identifier: GPL-2.0

//! States of an owned request.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h), `enum mq_rq_state`.

mod private {
    pub trait Sealed {}
}

/// The state of an [`OwnedRequest`](super::OwnedRequest), known to the compiler.
pub trait State: private::Sealed + 'static {}

/// The request was handed to the driver and not started (`MQ_RQ_IDLE`).
///
/// The block layer runs no time-out for it, and takes it back if the driver refuses it.
#[derive(Debug)]
pub enum Idle {}

/// The request was started and not completed (`MQ_RQ_IN_FLIGHT`).
///
/// The time-out of the request is running.
#[derive(Debug)]
pub enum InFlight {}

/// The request is being completed (`MQ_RQ_COMPLETE`) and can no longer time out.
#[derive(Debug)]
pub enum Complete {}

impl private::Sealed for Idle {}
impl private::Sealed for InFlight {}
impl private::Sealed for Complete {}

impl State for Idle {}
impl State for InFlight {}
impl State for Complete {}
