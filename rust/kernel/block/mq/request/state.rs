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

/// The state of an [`OwnedRequest`](super::OwnedRequest), as a type.
pub trait State: private::Sealed {}

/// The driver got the request and has not started it (`MQ_RQ_IDLE`).
///
/// No timeout runs. `'call` is the call that passed the request to the driver. An idle request does
/// not outlive that call and can't be used in another one. The driver starts, refuses, requeues or
/// ends it.
pub struct Idle<'call>(Infallible, PhantomData<fn(&'call ()) -> &'call ()>);

/// The driver has started the request and not completed it (`MQ_RQ_IN_FLIGHT`).
///
/// The request's timeout is running.
pub enum InFlight {}

/// The request is being completed (`MQ_RQ_COMPLETE`), and can't time out any more.
pub enum Complete {}

impl private::Sealed for Idle<'_> {}
impl private::Sealed for InFlight {}
impl private::Sealed for Complete {}

impl State for Idle<'_> {}
impl State for InFlight {}
impl State for Complete {}
