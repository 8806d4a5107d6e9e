// SPDX-License-Identifier: GPL-2.0

//! The fast paths.
//!
//! A request of a device with few features does not pay for the others: there is a type for each
//! set of features that is worth code of its own.

use super::backend::{
    as_status,
    do_nothing,
    Backend,
    Command,
    Outcome, //
};
use crate::{
    completion::Done,
    store::Data, //
};
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

    /// Executes a request, as long as faults are not possible. Returns it, and how that went.
    fn execute<T: Operations>(backend: &Backend, rq: OwnedRequest<T, InFlight>) -> Done<T>;

    /// The same in cold code, where it is not worth being large.
    #[inline(always)]
    fn execute_cold<T: Operations>(backend: &Backend, rq: OwnedRequest<T, InFlight>) -> Done<T> {
        execute_in_full(backend, rq)
    }
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
    fn execute<T: Operations>(_: &Backend, rq: OwnedRequest<T, InFlight>) -> Done<T> {
        let status = do_nothing(rq.op(), rq.segments());
        (rq, status)
    }

    #[inline(always)]
    fn execute_cold<T: Operations>(backend: &Backend, rq: OwnedRequest<T, InFlight>) -> Done<T> {
        Self::execute(backend, rq)
    }
}

impl Path for Memory {
    const SLOW: bool = true;
    const FULL: bool = false;

    #[inline(always)]
    fn execute<T: Operations>(backend: &Backend, rq: OwnedRequest<T, InFlight>) -> Done<T> {
        let tree = &backend.kept.tree;
        // Code that knows the operation need not look at what it does.
        let result = match rq.op() {
            Op::READ => tree.read(Data::all(rq.segments(), rq.sector())),
            Op::WRITE => tree.write(Data::all(rq.segments(), rq.sector())),
            _ => return execute_in_full(backend, rq),
        };
        (rq, as_status(result))
    }
}

impl Path for Full {
    const SLOW: bool = true;
    const FULL: bool = true;

    #[inline(always)]
    fn execute<T: Operations>(backend: &Backend, rq: OwnedRequest<T, InFlight>) -> Done<T> {
        execute_in_full(backend, rq)
    }
}

/// Executes a request with all that may be on its way.
#[inline(always)]
pub(super) fn execute_in_full<T: Operations>(
    backend: &Backend,
    mut rq: OwnedRequest<T, InFlight>,
) -> Done<T> {
    let Outcome { status, position } = backend.execute(Command::of(&rq));
    match position.map(|position| rq.set_sector(position)) {
        None | Some(Ok(())) => (rq, status),
        Some(Err(_)) => (rq, Status::IOERR),
    }
}
