// SPDX-License-Identifier: GPL-2.0

//! A reference cannot end the request.
//@ error: E0599
//@ message: no method named `end_ok` found for struct `ARef<Request<T>>`

include!("../prelude.rs");

fn finish<T: Operations>(rq: OwnedRequest<T, InFlight>) {
    let reference = ARef::from(&*rq);
    #[cfg(right)]
    rq.end_ok();
    #[cfg(wrong)]
    reference.end_ok();
    drop(reference);
}
