// SPDX-License-Identifier: GPL-2.0

//! `queue_rqs` cannot return a request of another driver.
//@ error: E0308
//@ message: expected `RequestList<Disk, Idle<'_>>`, found `RequestList<Tape, Idle<'_>>`

include!("../prelude.rs");

fn submit<'call, Disk: Operations, Tape: Operations>(
    disk: RequestList<Disk, Idle<'call>>,
    tape: RequestList<Tape, Idle<'call>>,
) -> RequestList<Disk, Idle<'call>> {
    #[cfg(right)]
    let (left, others) = (disk, tape);
    #[cfg(wrong)]
    let (left, others) = (tape, disk);
    others.end(|_| Status::IOERR);
    left
}
