// SPDX-License-Identifier: GPL-2.0

//! A reference cannot access the memory of the I/O, which may end on another CPU.
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
