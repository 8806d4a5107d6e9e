// SPDX-License-Identifier: GPL-2.0

//! A request that was converted into a list cannot be used directly.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn finish<T: Operations>(rq: OwnedRequest<T, InFlight>, failed: bool) {
    let requests = RequestList::from(rq);
    requests.end(|_| Status::OK);
    if failed {
        #[cfg(wrong)]
        rq.end(Status::IOERR);
    }
}
