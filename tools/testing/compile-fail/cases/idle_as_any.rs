// SPDX-License-Identifier: GPL-2.0

//! An idle request cannot be converted into a `dyn Any`, which has no lifetime.
//@ error: none
//@ message: coercion requires that `'1` must outlive `'static`

include!("../prelude.rs");

use core::any::Any;

fn submit<T: Operations>(rq: OwnedRequest<T, Idle<'_>>) -> Result<KBox<dyn Any>> {
    #[cfg(right)]
    let rq = rq.start();
    let any: KBox<dyn Any> = KBox::new(rq, GFP_ATOMIC)?;
    Ok(any)
}
