// SPDX-License-Identifier: GPL-2.0

//! A request cannot be completed and ended, too.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn finish<T: Operations>(rq: OwnedRequest<T, InFlight>, remote: bool) {
    if remote {
        rq.complete();
        #[cfg(right)]
        return;
    }
    rq.end_ok();
}
