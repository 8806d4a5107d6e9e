// SPDX-License-Identifier: GPL-2.0

//! An idle request belongs to a call, and cannot be stored in a static.
//@ error: E0521
//@ message: borrowed data escapes outside of function

include!("../prelude.rs");
include!("../drivers.rs");

use kernel::sync::SetOnce;

#[cfg(right)]
type Stashed = InFlight;
#[cfg(wrong)]
type Stashed = Idle<'static>;

static STASH: SetOnce<OwnedRequest<Null, Stashed>> = SetOnce::new();

fn submit(rq: OwnedRequest<Null, Idle<'_>>) {
    #[cfg(right)]
    let rq = rq.start();
    STASH.populate(rq);
}
