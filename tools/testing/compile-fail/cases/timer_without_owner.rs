// SPDX-License-Identifier: GPL-2.0

//! The timer of a request cannot be started without its owner.
//@ error: E0133
//@ message: call to unsafe function

include!("../prelude.rs");
include!("../drivers.rs");

fn submit(rq: OwnedRequest<Owning, InFlight>, delay: Delta) {
    #[cfg(right)]
    RequestList::from(rq).start_timer(delay);
    #[cfg(wrong)]
    <OwningData as HasHrTimer<_>>::start(rq.data(), delay);
}
