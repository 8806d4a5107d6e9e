// SPDX-License-Identifier: GPL-2.0

//! A driver cannot complete a list of requests of another driver.
//@ error: E0308
//@ message: expected `RequestList<Disk, Complete>`, found `RequestList<Tape, Complete>`

include!("../prelude.rs");

fn finish<Disk: Operations, Tape: Operations>(
    #[cfg(right)] requests: RequestList<Disk, Complete>,
    #[cfg(wrong)] requests: RequestList<Tape, Complete>,
) {
    Disk::complete(requests);
}
