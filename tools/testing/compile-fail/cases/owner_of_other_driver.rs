// SPDX-License-Identifier: GPL-2.0

//! A driver cannot end a request of another driver, whose data has another type.
//@ error: E0308
//@ message: mismatched types; expected `OwnedRequest<Disk, InFlight>`, found `OwnedRequest<Tape, InFlight>`

include!("../prelude.rs");

fn finish<Disk: Operations>(rq: OwnedRequest<Disk, InFlight>) {
    rq.end_ok();
}

fn completed<Disk: Operations, Tape: Operations>(
    disk: OwnedRequest<Disk, InFlight>,
    tape: OwnedRequest<Tape, InFlight>,
) {
    finish::<Disk>(disk);
    #[cfg(right)]
    finish::<Tape>(tape);
    #[cfg(wrong)]
    finish::<Disk>(tape);
}
