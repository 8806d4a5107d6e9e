// SPDX-License-Identifier: GPL-2.0

//! A list cannot be sent to another thread; what was in it can.
//@ error: E0277
//@ message: cannot be sent between threads safely

include!("../prelude.rs");

fn send(_: impl Send) {}

fn submit<T: Operations>(requests: &mut RequestList<'_, T>) {
    #[cfg(right)]
    requests.for_each(send);
    #[cfg(wrong)]
    send(requests);
}
