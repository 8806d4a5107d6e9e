// SPDX-License-Identifier: GPL-2.0

//! A batch cannot be returned from its scope.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

fn finish<T: Operations>(rq: OwnedRequest<T, InFlight>) {
    CompletionBatch::scope(|batch| {
        rq.end_batched(Status::OK, batch);
        #[cfg(wrong)]
        batch
    });
}
