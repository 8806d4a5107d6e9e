// SPDX-License-Identifier: GPL-2.0

//! A callback that gets a reference cannot end the request, which may have ended before.
//@ error: E0599
//@ message: no method named `end` found for struct `ARef<Request<Watching>>`

include!("../prelude.rs");
include!("../drivers.rs");

fn run(rq: ARef<Request<Watching>>) {
    #[cfg(right)]
    let Some(rq) = rq.claim() else {
        return;
    };
    rq.end(Status::TIMEOUT);
}
