// SPDX-License-Identifier: GPL-2.0

//! A request that was looked up by its tag must be claimed before it can be ended.
//@ error: E0599
//@ message: no method named `end_ok` found for struct `ARef<Request<T>>`

include!("../prelude.rs");

fn completed<T: Operations>(tag_set: &TagSet<T>, tag: u32) {
    let rq = tag_set.tag_to_rq(0, tag);
    #[cfg(right)]
    let rq = rq.and_then(|rq| rq.claim());
    if let Some(rq) = rq {
        rq.end_ok();
    }
}
