// SPDX-License-Identifier: GPL-2.0

//! A list cannot be kept past the call that it was passed to; what was in it can.
//@ error: E0521
//@ message: borrowed data escapes outside of function

include!("../prelude.rs");

#[cfg(right)]
type Kept<T> = OwnedRequest<T, Idle>;
#[cfg(wrong)]
type Kept<T> = &'static mut RequestList<'static, T>;

fn keep<T: Operations>(_: Kept<T>) {}

fn submit<T: Operations>(requests: &mut RequestList<'_, T>) {
    #[cfg(right)]
    requests.for_each(keep::<T>);
    #[cfg(wrong)]
    keep::<T>(requests);
}
