// SPDX-License-Identifier: GPL-2.0

//! The memory of a request, which may end on another CPU, is not reached through a reference.
//@ error: E0599
//@ message: no method named `segments` found for struct `ARef<Request<T>>`

include!("../prelude.rs");

fn answer<T: Operations>(
    #[cfg(right)] rq: OwnedRequest<T, InFlight>,
    #[cfg(wrong)] rq: ARef<Request<T>>,
) -> Result {
    for segment in rq.segments() {
        segment.zero()?;
    }
    Ok(())
}
