// SPDX-License-Identifier: GPL-2.0

//! A claim by a key may fail, and the driver must handle that.
//@ error: E0599
//@ message: no method named `end_ok` found for enum `Option`

include!("../prelude.rs");

fn completed<T: Operations>(rq: &Request<T>, key: u32) {
    #[cfg(right)]
    if let Some(rq) = rq.claim_under(key) {
        rq.end_ok();
    }
    #[cfg(wrong)]
    rq.claim_under(key).end_ok();
}
