// SPDX-License-Identifier: GPL-2.0

//! A list owns its requests, and cannot be cloned.
//@ error: E0599
//@ message: no method named `clone` found for struct `RequestList`

include!("../prelude.rs");

fn finish<T: Operations>(mut requests: RequestList<T, InFlight>) {
    #[cfg(right)]
    let others = core::mem::take(&mut requests);
    #[cfg(wrong)]
    let others = requests.clone();
    requests.end(|_| Status::OK);
    others.end(|_| Status::OK);
}
