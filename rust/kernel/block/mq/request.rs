// SPDX-License-Identifier: GPL-2.0

//! Requests.
//!
//! # Vocabulary
//!
//! Two rights to a request are kept apart:
//!
//! * A **reference**, [`ARef<Request<T>>`](Request), keeps the request from being freed and its tag
//!   from being given to another I/O. References are counted, cloned and dropped at will, and say
//!   nothing about whose turn it is: the I/O may have ended long ago.
//! * The **owner**, [`OwnedRequest`], is the right to start, end, complete or requeue the I/O and
//!   to touch its data. There is at most one for each request. It is moved, never cloned, and using
//!   it up cannot fail, whoever holds references.
//!
//! The count is the C field `struct request::ref`. The block layer sets it to one when it allocates
//! the request, and gives that first count up when the I/O is ended. The owner *stands for* it, so
//! an I/O that is passed from hand to hand and ended costs no counting at all.
//!
//! # States
//!
//! What the owner may do depends on the state of the request, which is a type parameter of
//! [`OwnedRequest`]. The states are those of `enum mq_rq_state`:
//!
//! ```text
//!              block layer
//!      ^            |                ^                    ^
//!      |            | queue_rq()     | requeue()          | end()
//!      | Refused    v                |                    | drop: ends with IOERR
//!      |  +------------------+       |                    |
//!      +--|  Idle            |-------+--------------------+
//!         +------------------+       |                    |
//!                   | start()        |                    |
//!                   v                |                    |
//!         +------------------+       |                    |
//!     +-->|  InFlight        |-------+--------------------+
//!     |   +------------------+       |                    |
//!     |      |    |      | complete()|                    |
//!     |      |    |      v           |                    |
//!     |      |    |   +----------+   |                    |
//!     |      |    |   | Complete |---+--------------------+
//!     |      |    |   +----------+
//!     |      |    +--> in the timer --+ timer expires, or cancel_timer()
//!     |      +-------> parked --------+ claim()
//!     |                               |
//!     +-------------------------------+
//! ```
//!
//! After `end()` the submitter has its answer at once. The memory, the tag and the share in the
//! queue stay taken until the last reference is dropped:
//!
//! ```text
//!     ended, references left  --- last reference dropped --->  free, tag may be used again
//! ```
//!
//! # What is leaked
//!
//! `mem::forget` is safe, so leaks must be harmless to memory. A leaked owner is an I/O that never
//! ends (its submitter waits, unless [`Operations::timeout`] ends it); a leaked reference is a tag
//! that is never used again. Both make the removal of the disk wait for ever. Nothing is freed
//! early and nothing is used twice.
//!
//! [`Operations::timeout`]: super::Operations::timeout

mod batch;
mod chain;
mod data;
mod list;
mod owned;
mod park;
mod pdu;
mod shared;
mod state;
mod timer;

pub use self::{
    batch::CompletionBatch,
    chain::{
        CompletedRequests,
        RequestChain, //
    },
    data::Segments,
    list::RequestList,
    owned::{
        OwnedRequest,
        QueueResult,
        Refused, //
    },
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
        RequestHrTimerHandle, //
    },
};

pub(super) use self::{
    park::claim_at,
    pdu::Pdu, //
};
