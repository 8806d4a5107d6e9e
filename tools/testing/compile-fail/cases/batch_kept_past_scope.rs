// SPDX-License-Identifier: GPL-2.0

//! A batch cannot be kept past its scope, where its requests end.
//@ error: E0521
//@ message: borrowed data escapes outside of closure

include!("../prelude.rs");

fn finish<T: Operations>(rq: OwnedRequest<T, InFlight>) {
    #[cfg(wrong)]
    let mut kept = None;
    CompletionBatch::scope(|batch| {
        rq.end_batched(Status::OK, batch);
        #[cfg(wrong)]
        {
            kept = Some(batch);
        }
    });
}
