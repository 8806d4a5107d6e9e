// SPDX-License-Identifier: GPL-2.0

//! Requests that were completed are no longer in the list.
//@ error: E0382
//@ message: use of moved value: `requests`

include!("../prelude.rs");

fn finish<T: Operations>(requests: RequestList<T, InFlight>) {
    requests.complete();
    #[cfg(wrong)]
    requests.complete();
}
