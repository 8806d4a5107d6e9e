// SPDX-License-Identifier: GPL-2.0

//! A callback that gets the owner has nothing to restart the timer by but that owner.
//@ error: E0599
//@ message: no method named `restart_at` found for unit type `()`

include!("../prelude.rs");
include!("../drivers.rs");

use kernel::time::hrtimer::RawHrTimerCallback;

type Context<'a> = <OwnedRequest<Owning, InFlight> as RawHrTimerCallback>::Context<'a, OwningData>;

fn run(rq: OwnedRequest<Owning, InFlight>, mut context: Context<'_>) -> HrTimerRestart {
    #[cfg(right)]
    rq.start_timer(Delta::from_micros(10));
    #[cfg(wrong)]
    context.restart_at(Delta::from_micros(10));
    HrTimerRestart::Restart
}
