// SPDX-License-Identifier: GPL-2.0

//! Bad blocks and fault injection.
//!
//! * `injection`: fault injection for requests, hardware queues and completions.
//! * `bad_blocks`: sectors that cannot be read or written.

pub(crate) mod bad_blocks;
mod injection;

pub(crate) use self::injection::Faults;
