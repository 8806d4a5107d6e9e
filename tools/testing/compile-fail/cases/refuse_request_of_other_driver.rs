// SPDX-License-Identifier: GPL-2.0

//! A driver cannot refuse the request of another one.
//@ error: E0308
//@ message: mismatched types; expected `Refused<Disk>`, found `Refused<Tape>`

include!("../prelude.rs");

fn submit<Disk: Operations, Tape: Operations>(
    disk: OwnedRequest<Disk, Idle>,
    tape: OwnedRequest<Tape, Idle>,
) -> QueueResult<Disk> {
    #[cfg(right)]
    let refused = disk.refuse(Status::RESOURCE);
    #[cfg(wrong)]
    let refused = tape.refuse(Status::RESOURCE);
    Err(refused)
}
