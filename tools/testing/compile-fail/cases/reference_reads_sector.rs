// SPDX-License-Identifier: GPL-2.0

//! The sector of an I/O cannot be read through a reference: it may end on another CPU, and the next
//! begin.
//@ error: E0599
//@ message: no method named `sector` found for reference `&Request<T>`

include!("../prelude.rs");

fn position<T: Operations>(
    #[cfg(right)] rq: &OwnedRequest<T, InFlight>,
    #[cfg(wrong)] rq: &Request<T>,
) -> u64 {
    rq.sector()
}
