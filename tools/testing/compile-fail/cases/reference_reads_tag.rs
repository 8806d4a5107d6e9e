// SPDX-License-Identifier: GPL-2.0

//! The tag of a request cannot be read through a reference, as it may be given to another I/O.
//@ error: E0599
//@ message: no method named `tag` found for reference `&Request<T>`

include!("../prelude.rs");

fn tag<T: Operations>(
    #[cfg(right)] rq: &OwnedRequest<T, InFlight>,
    #[cfg(wrong)] rq: &Request<T>,
) -> u32 {
    rq.tag()
}
