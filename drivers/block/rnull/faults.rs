// SPDX-License-Identifier: GPL-2.0

//! Failing on purpose.
//!
//! * `gate`: whether any device may fail, which is all that an I/O looks at.
//! * `injection`: fault injection: requests, hardware queues and completions that fail.
//! * `bad_blocks`: sectors that can't be read or written.

pub(crate) mod bad_blocks;
pub(crate) mod gate;
mod injection;

pub(crate) use self::injection::Faults;
