// SPDX-License-Identifier: GPL-2.0

//! A request in a batch can only be ended by the batch.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn finish<T: Operations>(rq: OwnedRequest<T, InFlight>, batch: &mut CompletionBatch<'_>) {
    if rq.bytes() > 0 {
        rq.end_batched(Status::OK, batch);
        #[cfg(right)]
        return;
    }
    rq.end_ok();
}
