// SPDX-License-Identifier: GPL-2.0

//! An error cannot be returned for a request that was parked for the device.
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
