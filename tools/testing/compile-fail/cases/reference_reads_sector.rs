// SPDX-License-Identifier: GPL-2.0

//! A reference cannot read the sector: the I/O may end on another CPU, and the next one begin.
//@ error: E0599
//@ message: no method named `sector` found for reference `&Request<T>`

include!("../prelude.rs");

fn position<T: Operations>(
    #[cfg(right)] rq: &OwnedRequest<T, InFlight>,
    #[cfg(wrong)] rq: &Request<T>,
) -> u64 {
    rq.sector()
}
