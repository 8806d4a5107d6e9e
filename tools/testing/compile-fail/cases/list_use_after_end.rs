// SPDX-License-Identifier: GPL-2.0

//! Requests that have ended are no longer in the list.
//@ error: E0382
//@ message: borrow of moved value: `requests`

include!("../prelude.rs");

fn end<T: Operations>(mut requests: RequestList<T, Complete>) {
    #[cfg(right)]
    let first = requests.pop_front();
    requests.end(|_| Status::OK);
    #[cfg(wrong)]
    let first = requests.pop_front();
    if let Some(first) = first {
        first.end_ok();
    }
}
