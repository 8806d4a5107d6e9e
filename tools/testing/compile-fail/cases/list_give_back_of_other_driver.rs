// SPDX-License-Identifier: GPL-2.0

//! A list takes requests of its driver only.
//@ error: E0308
//@ message: expected `OwnedRequest<Disk, Idle>`, found `OwnedRequest<Tape, Idle>`

include!("../prelude.rs");

fn submit<Disk: Operations, Tape: Operations>(
    requests: &mut RequestList<'_, Disk>,
    #[cfg(right)] rq: OwnedRequest<Disk, Idle>,
    #[cfg(wrong)] rq: OwnedRequest<Tape, Idle>,
) {
    requests.give_back(rq);
}
