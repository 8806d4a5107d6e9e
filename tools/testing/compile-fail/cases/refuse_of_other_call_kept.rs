// SPDX-License-Identifier: GPL-2.0

//! A refusal of one call cannot be returned from another.
//@ error: none
//@ message: lifetime may not live long enough

include!("../prelude.rs");

fn submit<'call, #[cfg(wrong)] 'other, T: Operations>(
    rq: OwnedRequest<T, Idle<'call>>,
    #[cfg(right)] kept: Option<Refused<'call, T>>,
    #[cfg(wrong)] kept: Option<Refused<'other, T>>,
) -> QueueResult<'call, T> {
    rq.start().end_ok();
    kept.map_or(Ok(()), Err)
}
