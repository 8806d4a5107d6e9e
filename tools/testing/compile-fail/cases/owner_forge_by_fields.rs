// SPDX-License-Identifier: GPL-2.0

//! An owner cannot be constructed from its fields.
//@ error: E0451
//@ message: field `rq` of struct `OwnedRequest` is private
//@ error: E0451
//@ message: field `_state` of struct `OwnedRequest` is private

include!("../prelude.rs");

use core::{
    marker::PhantomData,
    mem::ManuallyDrop, //
};

fn finish<T: Operations>(rq: &Request<T>) {
    #[cfg(right)]
    let owner = rq.claim();
    #[cfg(wrong)]
    let owner = Some(OwnedRequest::<T, InFlight> {
        rq: ManuallyDrop::new(ARef::from(rq)),
        _state: PhantomData,
    });
    if let Some(rq) = owner {
        rq.end_ok();
    }
}
