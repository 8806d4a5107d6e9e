// SPDX-License-Identifier: GPL-2.0

//! Safe code cannot drop a reference that it does not hold.
//@ error: E0133
//@ message: call to unsafe function `dec_ref` is unsafe

include!("../prelude.rs");

use core::ptr::NonNull;
use kernel::sync::aref::AlwaysRefCounted;

fn timeout<T: Operations>(rq: &Request<T>) {
    #[cfg(right)]
    drop(ARef::from(rq));
    #[cfg(wrong)]
    AlwaysRefCounted::dec_ref(NonNull::from(rq));
}
