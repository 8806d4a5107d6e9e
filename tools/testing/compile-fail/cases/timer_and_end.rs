// SPDX-License-Identifier: GPL-2.0

//! A request that its timer owns cannot be ended directly.
//@ error: E0382
//@ message: use of moved value: `requests`

include!("../prelude.rs");
include!("../drivers.rs");

fn submit(rq: OwnedRequest<Owning, InFlight>, delay: Delta, done: bool) {
    #[cfg(right)]
    let reference = ARef::from(&*rq);
    let requests = RequestList::from(rq);
    requests.start_timer(delay);
    if done {
        #[cfg(right)]
        let Some(requests) = RequestList::cancel_timer(&reference) else {
            return;
        };
        requests.end(|_| Status::OK);
    }
}
