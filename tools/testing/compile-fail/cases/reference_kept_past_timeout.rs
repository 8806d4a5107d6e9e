// SPDX-License-Identifier: GPL-2.0

//! What `Operations::timeout` gets cannot be kept past the call; a reference of its own can.
//@ error: E0521
//@ message: borrowed data escapes outside of function

include!("../prelude.rs");

#[cfg(right)]
type Kept<T> = ARef<Request<T>>;
#[cfg(wrong)]
type Kept<T> = &'static Request<T>;

fn keep<T: Operations>(_: Kept<T>) {}

fn timeout<T: Operations>(rq: &Request<T>) -> TimeoutAction {
    keep::<T>(rq.into());
    TimeoutAction::Done
}
