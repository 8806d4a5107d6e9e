// SPDX-License-Identifier: GPL-2.0

//! A request that was requeued cannot be started before the block layer dispatches it again.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn again<T: Operations>(rq: OwnedRequest<T, Idle<'_>>) {
    #[cfg(wrong)]
    rq.requeue(true);
    let rq = rq.start();
    #[cfg(right)]
    rq.requeue(true);
}
