// SPDX-License-Identifier: GPL-2.0

//! A reference cannot read the operation: the I/O may end on another CPU, and the next one
//! begin.
//@ error: E0599
//@ message: no method named `op` found for reference `&Request<T>`

include!("../prelude.rs");

use kernel::block::Op;

fn is_write<T: Operations>(
    #[cfg(right)] rq: &OwnedRequest<T, InFlight>,
    #[cfg(wrong)] rq: &Request<T>,
) -> bool {
    rq.op() == Op::WRITE
}
