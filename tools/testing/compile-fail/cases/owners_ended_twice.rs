// SPDX-License-Identifier: GPL-2.0

//! Owners that come together are used up together.
//@ error: E0382
//@ message: borrow of moved value: `requests`

include!("../prelude.rs");
include!("../drivers.rs");

fn end(mut requests: OwnedRequests<Null, Complete>) {
    #[cfg(right)]
    let first = requests.next();
    requests.end(|_| Status::OK);
    #[cfg(wrong)]
    let first = requests.next();
    drop(first);
}
