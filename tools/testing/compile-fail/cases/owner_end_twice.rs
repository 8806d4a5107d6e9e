// SPDX-License-Identifier: GPL-2.0

//! A request that has ended cannot be ended again.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn finish<T: Operations>(rq: OwnedRequest<T, InFlight>, failed: bool) {
    if failed {
        rq.end(Status::IOERR);
        #[cfg(right)]
        return;
    }
    rq.end_ok();
}
