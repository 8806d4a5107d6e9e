// SPDX-License-Identifier: GPL-2.0

//! An idle request cannot be moved into a work item, which may run after the call.
//@ error: E0521
//@ message: borrowed data escapes outside of function

include!("../prelude.rs");

use kernel::workqueue;

fn submit<T: Operations>(rq: OwnedRequest<T, Idle<'_>>) -> Result {
    #[cfg(right)]
    let rq = rq.start();
    workqueue::system().try_spawn(GFP_ATOMIC, move || rq.end_ok())?;
    Ok(())
}
