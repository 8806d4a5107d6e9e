// SPDX-License-Identifier: GPL-2.0

//! Bad blocks and fault injection.
//!
//! * `gate`: the flag that an I/O tests to find whether any device uses these.
//! * `injection`: fault injection for requests, hardware queues and completions.
//! * `bad_blocks`: sectors that cannot be read or written.

pub(crate) mod bad_blocks;
pub(crate) mod gate;
mod injection;

pub(crate) use self::injection::Faults;
