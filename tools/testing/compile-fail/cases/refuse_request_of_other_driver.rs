// SPDX-License-Identifier: GPL-2.0

//! A driver cannot refuse a request of another driver.
//@ error: E0308
//@ message: mismatched types; expected `Refused<'_, Disk>`, found `Refused<'_, Tape>`

include!("../prelude.rs");

fn submit<'call, Disk: Operations, Tape: Operations>(
    disk: OwnedRequest<Disk, Idle<'call>>,
    tape: OwnedRequest<Tape, Idle<'call>>,
) -> QueueResult<'call, Disk> {
    #[cfg(right)]
    let refused = disk.refuse(Status::RESOURCE);
    #[cfg(wrong)]
    let refused = tape.refuse(Status::RESOURCE);
    Err(refused)
}
