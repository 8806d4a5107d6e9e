// SPDX-License-Identifier: GPL-2.0

//! Requests. The code is in the modules below.
//!
//! The documentation of [`mq`](super) has the vocabulary and a diagram of the states.

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
