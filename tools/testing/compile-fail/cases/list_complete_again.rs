// SPDX-License-Identifier: GPL-2.0

//! A list of requests that are being completed cannot be completed again.
//@ error: E0599
//@ message: no method named `complete` found for struct `RequestList<T, Complete>`

include!("../prelude.rs");

fn finish<T: Operations>(
    #[cfg(right)] requests: RequestList<T, InFlight>,
    #[cfg(wrong)] requests: RequestList<T, Complete>,
) {
    requests.complete();
}
