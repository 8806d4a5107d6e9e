// SPDX-License-Identifier: GPL-2.0

//! The sector of a zone append cannot be set before the request is started.
//@ error: E0599
//@ message: no method named `set_sector` found for struct `OwnedRequest<T, Idle<'_>>`

include!("../prelude.rs");

fn append<T: Operations>(rq: OwnedRequest<T, Idle<'_>>, sector: u64) {
    #[cfg(right)]
    let mut rq = rq.start();
    #[cfg(wrong)]
    let mut rq = rq;
    let status = rq.set_sector(sector).map_or(Status::IOERR, |()| Status::OK);
    rq.end(status);
}
