// SPDX-License-Identifier: GPL-2.0

//! The batches of two nested scopes cannot be swapped.
//@ error: E0521
//@ message: borrowed data escapes outside of closure

include!("../prelude.rs");

fn finish() {
    CompletionBatch::scope(|outer| {
        CompletionBatch::scope(|inner| {
            #[cfg(right)]
            let _ = (outer, inner);
            #[cfg(wrong)]
            core::mem::swap(outer, inner);
        });
    });
}
