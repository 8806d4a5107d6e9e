// SPDX-License-Identifier: GPL-2.0

//! The owner and the references of a request share its data, so it cannot be written without
//! synchronisation.
//@ error: E0594
//@ message: cannot assign to `*data`, which is behind a `&` reference

include!("../prelude.rs");

use kernel::sync::atomic::{
    Atomic,
    Relaxed, //
};

#[cfg(right)]
type Count = Atomic<u32>;
#[cfg(wrong)]
type Count = u32;

fn reset<T: Operations<RequestData = Count>>(rq: &mut OwnedRequest<T, InFlight>) {
    let data = rq.data();
    #[cfg(right)]
    data.store(0, Relaxed);
    #[cfg(wrong)]
    {
        *data = 0;
    }
}
