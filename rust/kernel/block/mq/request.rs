// SPDX-License-Identifier: GPL-2.0

//! Requests: the façade of what is in `request/`.
//!
//! The vocabulary and a diagram of the states are in the documentation of [`mq`](super).

mod accessors;
mod batch;
mod list;
mod owner;
mod park;
mod pdu;
mod reference;
mod segments;
mod state;
mod timer;

pub use self::{
    batch::CompletionBatch,
    list::RequestList,
    owner::{
        OwnedRequest,
        QueueResult,
        Refused, //
    },
    reference::Request,
    segments::Segments,
    state::{
        Complete,
        Idle,
        InFlight,
        State, //
    },
};

pub(super) use self::pdu::Pdu;
