// SPDX-License-Identifier: GPL-2.0

//! A function for requests of any state cannot convert one state into another.
//@ error: E0308
//@ message: expected `OwnedRequest<T, To>`, found `OwnedRequest<T, From>`

include!("../prelude.rs");

#[cfg(right)]
type Target<From, To> = (From, core::marker::PhantomData<To>);

#[cfg(right)]
fn turn<T: Operations, From: State, To: State>(
    rq: OwnedRequest<T, From>,
) -> Target<OwnedRequest<T, From>, To> {
    (rq, core::marker::PhantomData)
}

#[cfg(wrong)]
fn turn<T: Operations, From: State, To: State>(rq: OwnedRequest<T, From>) -> OwnedRequest<T, To> {
    rq
}
