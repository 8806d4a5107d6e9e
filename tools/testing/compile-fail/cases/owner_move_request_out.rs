// SPDX-License-Identifier: GPL-2.0

//! A request cannot be moved out of its place in memory.
//@ error: E0507
//@ message: cannot move out of dereference of `OwnedRequest<T, InFlight>`

include!("../prelude.rs");

fn request<T: Operations>(rq: &OwnedRequest<T, InFlight>) {
    #[cfg(right)]
    let _request = &**rq;
    #[cfg(wrong)]
    let _request = **rq;
}
