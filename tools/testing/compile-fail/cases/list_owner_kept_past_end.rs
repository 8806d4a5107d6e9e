// SPDX-License-Identifier: GPL-2.0

//! The function that chooses the status of a request in a list cannot keep the owner.
//@ error: E0521
//@ message: borrowed data escapes outside of closure

include!("../prelude.rs");

fn end<T: Operations>(requests: RequestList<T, Complete>) {
    let mut kept = None;
    requests.end(|rq| {
        #[cfg(right)]
        {
            kept = Some(ARef::from(&**rq));
        }
        #[cfg(wrong)]
        {
            kept = Some(rq);
        }
        Status::OK
    });
    drop(kept);
}
