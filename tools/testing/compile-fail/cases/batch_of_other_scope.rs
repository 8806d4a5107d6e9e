// SPDX-License-Identifier: GPL-2.0

//! A batch cannot change places with the one of a scope around it.
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
