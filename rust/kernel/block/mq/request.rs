// SPDX-License-Identifier: GPL-2.0

//! Requests.
//!
//! The vocabulary and a diagram of the states are in the documentation of [`mq`](super).

mod batch;
mod chain;
mod data;
mod list;
mod owned;
mod owned_requests;
mod park;
mod pdu;
mod shared;
mod state;
mod timer;

pub use self::{
    batch::CompletionBatch,
    chain::RequestChain,
    data::Segments,
    list::RequestList,
    owned::{
        OwnedRequest,
        QueueResult,
        Refused, //
    },
    owned_requests::OwnedRequests,
    shared::Request,
    state::{
        Complete,
        Idle,
        InFlight,
        Started,
        State, //
    },
    timer::{
        OwnedRequestHrTimerHandle,
        RequestHrTimerContext,
        RequestHrTimerHandle,
        TimerOwner, //
    },
};

pub(super) use self::{
    park::claim_at,
    pdu::Pdu, //
};
