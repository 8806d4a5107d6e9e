// SPDX-License-Identifier: GPL-2.0

//! The table of completion modes.

/// Calls the macro `$use` with a row for each completion mode: its number and its name, the file
/// and the type for it, and what is kept with each request and with each device of a driver `T`.
macro_rules! completion_modes {
    ($use:ident) => {
        $use! {
            /// At once, in the context of the submitter.
            0 None => inline Inline, AtomicStatus, ();
            /// In a softirq, on a CPU that suits the submitter.
            1 Softirq => softirq Softirq, AtomicStatus, ();
            /// By a timer, as if the device took its time.
            2 Timer => timer Timer, TimerData<T>, Delta;
            /// By tag, as hardware does.
            3 Tag => by_tag ByTag, AtomicStatus, Rings<T>;
        }
    };
}
pub(crate) use completion_modes;

macro_rules! make_irq_mode {
    ($(
        $(#[$doc:meta])*
        $number:literal $mode:ident => $file:ident $type:ident, $data:ty, $device:ty;
    )*) => {
        /// How requests are completed (`irqmode`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub(crate) enum IrqMode {
            $($(#[$doc])* $mode = $number,)*
        }

        impl IrqMode {
            /// The mode with a number. Others stand for a timer, as in null_blk.
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
