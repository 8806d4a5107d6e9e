// SPDX-License-Identifier: GPL-2.0

//! A reference cannot be converted into an owner.
//@ error: E0277
//@ message: the trait bound `OwnedRequest<T, InFlight>: From<ARef<Request<T>>>` is not satisfied

include!("../prelude.rs");

fn finish<T: Operations>(rq: ARef<Request<T>>) {
    #[cfg(right)]
    let owner = rq.claim();
    #[cfg(wrong)]
    let owner: Option<OwnedRequest<T, InFlight>> = Some(rq.into());
    if let Some(owner) = owner {
        owner.end_ok();
    }
}
