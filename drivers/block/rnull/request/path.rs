// SPDX-License-Identifier: GPL-2.0

//! The fast paths.
//!
//! A request of a device with few features does not pay for the others: there is a type for each
//! set of features that is worth code of its own.

use super::backend::{
    as_status,
    do_nothing,
    Backend,
    Command, //
};
use crate::store::Data;
use kernel::block::{
    mq::{
        InFlight,
        Operations,
        OwnedRequest, //
    },
    Op,
    Status, //
};

/// What the code of a device is made for.
pub(crate) trait Path: 'static {
    /// Whether a request may take so long that its timeout expires meanwhile.
    const SLOW: bool;

    /// Whether the device may have any feature: a limit of bandwidth, a cache, zones.
    const FULL: bool;

    /// Executes a request, as long as faults are not possible.
    fn execute<T: Operations>(backend: &Backend, rq: &mut OwnedRequest<T, InFlight>) -> Status;
}

/// Devices that do nothing.
pub(crate) enum Null {}

/// Devices that store data in memory, without a cache.
pub(crate) enum Memory {}

/// Devices with any features.
pub(crate) enum Full {}

impl Path for Null {
    const SLOW: bool = false;
    const FULL: bool = false;

    #[inline(always)]
    fn execute<T: Operations>(_: &Backend, rq: &mut OwnedRequest<T, InFlight>) -> Status {
        do_nothing(rq.op(), rq.segments())
    }
}

impl Path for Memory {
    const SLOW: bool = true;
    const FULL: bool = false;

    #[inline(always)]
    fn execute<T: Operations>(backend: &Backend, rq: &mut OwnedRequest<T, InFlight>) -> Status {
        let tree = &backend.kept.tree;
        // Code that knows the operation need not look at what it does.
        match rq.op() {
            Op::READ => as_status(tree.read(Data::all(rq.segments(), rq.sector()))),
            Op::WRITE => as_status(tree.write(Data::all(rq.segments(), rq.sector()))),
            _ => execute_in_full(backend, rq),
        }
    }
}

impl Path for Full {
    const SLOW: bool = true;
    const FULL: bool = true;

    #[inline(always)]
    fn execute<T: Operations>(backend: &Backend, rq: &mut OwnedRequest<T, InFlight>) -> Status {
        execute_in_full(backend, rq)
    }
}

/// Executes a request with all that may be on its way.
#[inline(always)]
pub(super) fn execute_in_full<T: Operations>(
    backend: &Backend,
    rq: &mut OwnedRequest<T, InFlight>,
) -> Status {
    let outcome = backend.execute(Command::of(rq));
    match outcome.position.map(|position| rq.set_sector(position)) {
        None | Some(Ok(())) => outcome.status,
        Some(Err(_)) => Status::IOERR,
    }
}
