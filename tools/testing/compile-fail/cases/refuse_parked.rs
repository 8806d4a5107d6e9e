// SPDX-License-Identifier: GPL-2.0

//! A parked request cannot be refused.
//@ error: E0382
//@ message: use of moved value: `rq`

include!("../prelude.rs");

fn submit<T: Operations>(rq: OwnedRequest<T, Idle<'_>>, full: bool) -> QueueResult<'_, T> {
    #[cfg(wrong)]
    rq.start().park();
    if full {
        return Err(rq.refuse(Status::DEV_RESOURCE));
    }
    #[cfg(right)]
    rq.start().park();
    Ok(())
}
