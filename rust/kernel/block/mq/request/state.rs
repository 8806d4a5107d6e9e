// SPDX-License-Identifier: GPL-2.0

//! States of an owned request.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h), `enum mq_rq_state`.

mod private {
    pub trait Sealed {}
}

/// The state of an [`OwnedRequest`](super::OwnedRequest), known to the compiler.
///
/// # Examples
///
/// What can be asked of a request does not depend on its state:
///
/// ```
/// use kernel::block::{mq::{Operations, OwnedRequest, State}, Op};
///
/// fn is_bulk_read<T: Operations, S: State>(rq: &OwnedRequest<T, S>) -> bool {
///     rq.op() == Op::READ && rq.sectors() >= 256
/// }
/// ```
pub trait State: private::Sealed + 'static {}

/// The request was handed to the driver and not started (`MQ_RQ_IDLE`).
///
/// The block layer runs no time-out for it, and takes it back if the driver refuses it. It is left
/// by [`start`](super::OwnedRequest::start), [`refuse`](super::OwnedRequest::refuse) and
/// [`requeue`](super::OwnedRequest::requeue), which have the examples.
#[derive(Debug)]
pub enum Idle {}

/// The request was started and not completed (`MQ_RQ_IN_FLIGHT`).
///
/// The time-out of the request is running. It is left by [`end`](super::OwnedRequest::end),
/// [`end_batched`](super::OwnedRequest::end_batched), [`complete`](super::OwnedRequest::complete)
/// and [`requeue`](super::OwnedRequest::requeue), which have the examples.
#[derive(Debug)]
pub enum InFlight {}

/// The request is being completed (`MQ_RQ_COMPLETE`) and can no longer time out.
///
/// It is what [`Operations::complete`](crate::block::mq::Operations::complete) gets, which has an
/// example.
#[derive(Debug)]
pub enum Complete {}

impl private::Sealed for Idle {}
impl private::Sealed for InFlight {}
impl private::Sealed for Complete {}

/// The states of a request that was started.
///
/// # Examples
///
/// ```
/// use kernel::block::{mq::{Operations, OwnedRequest, Started}, Status};
///
/// /// Ends a request that is on its way, or that is being completed.
/// fn fail<T: Operations, S: Started>(rq: OwnedRequest<T, S>) {
///     rq.end(Status::IOERR);
/// }
/// ```
pub trait Started: State {}

impl Started for InFlight {}
impl Started for Complete {}

impl State for Idle {}
impl State for InFlight {}
impl State for Complete {}
