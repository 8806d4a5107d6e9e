// SPDX-License-Identifier: GPL-2.0

//! A key of more than 32 bits is not truncated silently.
//@ error: E0308
//@ message: expected `u32`, found `u64`

include!("../prelude.rs");

fn completed<T: Operations>(rq: &Request<T>, key: u64) -> Option<OwnedRequest<T, InFlight>> {
    #[cfg(right)]
    let key = u32::try_from(key).ok()?;
    rq.claim_under(key)
}
