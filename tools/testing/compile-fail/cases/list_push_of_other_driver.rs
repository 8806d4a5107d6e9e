// SPDX-License-Identifier: GPL-2.0

//! A list only takes requests of its own driver.
//@ error: E0308
//@ message: expected `OwnedRequest<Disk, InFlight>`, found `OwnedRequest<Tape, InFlight>`

include!("../prelude.rs");

fn keep<Disk: Operations, Tape: Operations>(
    requests: &mut RequestList<Disk, InFlight>,
    #[cfg(right)] rq: OwnedRequest<Disk, InFlight>,
    #[cfg(wrong)] rq: OwnedRequest<Tape, InFlight>,
) {
    requests.push_back(rq);
}
