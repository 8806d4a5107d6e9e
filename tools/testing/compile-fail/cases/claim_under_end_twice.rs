// SPDX-License-Identifier: GPL-2.0

//! A request that was claimed by a key can be ended only once.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn completed<T: Operations>(rq: &Request<T>, key: u32, failed: bool) {
    let Some(rq) = rq.claim_under(key) else {
        return;
    };
    if failed {
        rq.end(Status::IOERR);
        #[cfg(right)]
        return;
    }
    rq.end_ok();
}
