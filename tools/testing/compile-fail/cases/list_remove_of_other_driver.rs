// SPDX-License-Identifier: GPL-2.0

//! A request of another driver cannot be removed from a list.
//@ error: E0308
//@ message: expected `&Request<Disk>`, found `&Request<Tape>`

include!("../prelude.rs");

fn take_out<Disk: Operations, Tape: Operations>(
    requests: &mut RequestList<Disk, InFlight>,
    #[cfg(right)] rq: &Request<Disk>,
    #[cfg(wrong)] rq: &Request<Tape>,
) -> Option<OwnedRequest<Disk, InFlight>> {
    requests.remove(rq)
}
