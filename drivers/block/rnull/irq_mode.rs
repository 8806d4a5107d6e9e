// SPDX-License-Identifier: GPL-2.0

//! The table of completion modes.
//!
//! To add a mode, add a file in `completion` and a row here, and describe it: with the parameter in
//! `settings::table`, and in `Documentation/block/rnull.rst`. The data of a request is `()` or
//! `TimerData`, so that `Any` has room for it. The macros `make_irq_mode` here, `make_types` in
//! `completion` and `with_mode` in `device` match the rows.

/// Calls the macro `$use` with a row for each completion mode: its number, its name, its file, its
/// type, and the types of the data of a request and of a device with the driver `T`, as
/// `completion` names them.
macro_rules! completion_modes {
    ($use:ident) => {
        $use! {
            /// `queue_rq` ends requests.
            0 None => inline, Inline, (), ();
            /// A softirq ends requests, on a CPU near the submitter.
            1 Softirq => softirq, Softirq, (), ();
            /// A timer ends requests, after the latency of the device.
            2 Timer => timer, Timer, TimerData<T>, Delta;
            /// An interrupt handler ends requests, and finds them by tag, as with hardware.
            3 Tag => by_tag, ByTag, (), by_tag::Rings<T>;
        }
    };
}
pub(crate) use completion_modes;

macro_rules! make_irq_mode {
    ($(
        $(#[$doc:meta])*
        $number:literal $mode:ident => $file:ident, $type:ident, $data:ty, $device:ty;
    )*) => {
        /// A completion mode (`irqmode`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub(crate) enum IrqMode {
            $($(#[$doc])* $mode = $number,)*
        }

        impl IrqMode {
            /// The largest number.
            pub(crate) const MAX: u32 = {
                let numbers = [$($number),*];
                numbers[numbers.len() - 1]
            };

            /// Returns the mode with a number. Larger numbers stand for a timer, as in null_blk.
            pub(crate) fn numbered(number: u32) -> Self {
                match number {
                    $($number => Self::$mode,)*
                    _ => Self::Timer,
                }
            }
        }
    };
}

completion_modes!(make_irq_mode);
