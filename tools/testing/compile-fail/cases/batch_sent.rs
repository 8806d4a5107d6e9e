// SPDX-License-Identifier: GPL-2.0

//! A batch cannot be sent to another thread; a request outside of it can.
//@ error: E0277
//@ message: cannot be sent between threads safely

include!("../prelude.rs");

fn send(_: impl Send) {}

fn finish<T: Operations>(rq: OwnedRequest<T, InFlight>) {
    CompletionBatch::scope(|batch| {
        #[cfg(right)]
        send(rq);
        #[cfg(wrong)]
        send(batch);
    });
}
