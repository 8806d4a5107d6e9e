// SPDX-License-Identifier: GPL-2.0

//! States of an owned request.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h), `enum mq_rq_state`.

use core::{
    convert::Infallible,
    marker::PhantomData, //
};

mod private {
    pub trait Sealed {}
}

/// The state of an [`OwnedRequest`](super::OwnedRequest), known to the compiler.
pub trait State: private::Sealed {}

/// The driver was handed the request and has not started it (`MQ_RQ_IDLE`).
///
/// No timeout runs. `'call` stands for the call that handed the request to the driver. An idle
/// request does not outlive that call, and is not taken for one of another call: it is started,
/// refused, requeued or ended.
pub struct Idle<'call>(Infallible, PhantomData<fn(&'call ()) -> &'call ()>);

/// The driver has started the request and not completed it (`MQ_RQ_IN_FLIGHT`).
///
/// The request's timeout is running.
pub enum InFlight {}

/// The request is being completed (`MQ_RQ_COMPLETE`), and can no longer time out.
pub enum Complete {}

impl private::Sealed for Idle<'_> {}
impl private::Sealed for InFlight {}
impl private::Sealed for Complete {}

impl State for Idle<'_> {}
impl State for InFlight {}
impl State for Complete {}
