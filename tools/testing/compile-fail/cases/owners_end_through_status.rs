// SPDX-License-Identifier: GPL-2.0

//! What decides on the status of a request cannot end it.
//@ error: E0599
//@ message: no method named `end` found

include!("../prelude.rs");
include!("../drivers.rs");

fn end(requests: OwnedRequests<Null, Complete>) {
    requests.end(|rq| {
        #[cfg(wrong)]
        rq.end(Status::IOERR);
        let _ = rq.data();
        Status::OK
    });
}
