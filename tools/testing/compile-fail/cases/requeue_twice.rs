// SPDX-License-Identifier: GPL-2.0

//! A request cannot be requeued twice.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn again<T: Operations>(rq: OwnedRequest<T, InFlight>) {
    rq.requeue(false);
    #[cfg(wrong)]
    rq.requeue(true);
}
