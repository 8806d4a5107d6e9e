// SPDX-License-Identifier: GPL-2.0

//! What a callback restarts its timer by cannot be kept past the callback.
//@ error: E0521
//@ message: borrowed data escapes outside of function

include!("../prelude.rs");
include!("../drivers.rs");

#[cfg(right)]
type Kept<'a> = RequestHrTimerContext<'a, WatchingData>;
#[cfg(wrong)]
type Kept<'a> = RequestHrTimerContext<'static, WatchingData>;

fn keep(_: Kept<'_>) {}

fn run(_: ARef<Request<Watching>>, context: RequestHrTimerContext<'_, WatchingData>) {
    keep(context);
}
