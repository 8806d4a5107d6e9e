// SPDX-License-Identifier: GPL-2.0

//! A request that was not started cannot be put into a batch of completed ones.
//@ error: E0599
//@ message: `Idle: Started`

include!("../prelude.rs");

fn finish<T: Operations>(rq: OwnedRequest<T, Idle>, batch: &mut CompletionBatch<'_>) {
    #[cfg(right)]
    let rq = rq.start();
    rq.end_batched(Status::OK, batch);
}
