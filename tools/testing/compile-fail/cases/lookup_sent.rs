// SPDX-License-Identifier: GPL-2.0

//! A lookup ends where it began.
//@ error: E0277
//@ message: cannot be sent between threads safely

include!("../prelude.rs");

fn send<T: Send>(_: T) {}

fn look<T: Operations>(tag_set: &TagSet<T>) {
    let lookup = tag_set.lookup();
    #[cfg(right)]
    let lookup = lookup.tag_to_rq(0, 0);
    send(lookup);
}
