// SPDX-License-Identifier: GPL-2.0

//! A claim fails if another one was first, and the driver must handle that.
//@ error: E0599
//@ message: no method named `end_ok` found for enum `Option`

include!("../prelude.rs");

fn completed<T: Operations>(tag_set: &TagSet<T>, tag: u32) {
    if let Some(rq) = tag_set.tag_to_rq(0, tag) {
        #[cfg(right)]
        if let Some(rq) = rq.claim() {
            rq.end_ok();
        }
        #[cfg(wrong)]
        rq.claim().end_ok();
    }
}
