// SPDX-License-Identifier: GPL-2.0

//! An owner cannot be put together by hand.
//@ error: E0451
//@ message: field `rq` of struct `OwnedRequest` is private
//@ error: E0451
//@ message: field `_p` of struct `OwnedRequest` is private

include!("../prelude.rs");

use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

fn finish<T: Operations>(rq: &Request<T>) {
    #[cfg(right)]
    let owner = rq.claim();
    #[cfg(wrong)]
    let owner = Some(OwnedRequest::<T, InFlight> {
        rq: NonNull::from(rq),
        _p: PhantomData,
    });
    if let Some(rq) = owner {
        rq.end_ok();
    }
}
