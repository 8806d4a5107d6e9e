// SPDX-License-Identifier: GPL-2.0

//! The function that chooses the status of a request in a list cannot end the request.
//@ error: E0507
//@ message: cannot move out of `*rq` which is behind a shared reference

include!("../prelude.rs");

fn end<T: Operations>(requests: RequestList<T, Complete>) {
    requests.end(|rq| {
        #[cfg(wrong)]
        rq.end(Status::IOERR);
        if rq.bytes() > 0 {
            Status::OK
        } else {
            Status::IOERR
        }
    });
}
