// SPDX-License-Identifier: GPL-2.0

//! The request of a reference may have no tag, and the driver must handle that.
//@ error: E0599
//@ message: no method named `tag` found for reference `&Request<T>`

include!("../prelude.rs");

fn tag<T: Operations>(rq: &Request<T>) -> u32 {
    #[cfg(right)]
    let tag = rq.current_tag().unwrap_or(u32::MAX);
    #[cfg(wrong)]
    let tag = rq.tag();
    tag
}
