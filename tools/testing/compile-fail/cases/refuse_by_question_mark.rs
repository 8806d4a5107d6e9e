// SPDX-License-Identifier: GPL-2.0

//! The `?` operator cannot return an error without the request.
//@ error: E0277
//@ message: `?` couldn't convert the error to `Refused<'_, T>`

include!("../prelude.rs");

fn allocate() -> Result<KBox<u32>> {
    Ok(KBox::new(0, GFP_ATOMIC)?)
}

fn submit<T: Operations>(rq: OwnedRequest<T, Idle<'_>>) -> QueueResult<'_, T> {
    #[cfg(right)]
    let Ok(buffer) = allocate() else {
        return Err(rq.refuse(Status::RESOURCE));
    };
    #[cfg(wrong)]
    let buffer = allocate()?;
    rq.start().end_ok();
    drop(buffer);
    Ok(())
}
