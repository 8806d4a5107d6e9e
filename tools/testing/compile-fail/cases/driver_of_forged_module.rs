// SPDX-License-Identifier: GPL-2.0

//! A driver cannot forge the module that stays loaded while its disks are open.
//@ error: E0133
//@ message: call to unsafe function `ThisModule::from_ptr` is unsafe

include!("../prelude.rs");

struct Driver;
struct Forged;

impl kernel::ModuleMetadata for Forged {
    const NAME: &'static CStr = c"forged";
    #[cfg(right)]
    const THIS_MODULE: ThisModule = LocalModule::THIS_MODULE;
    #[cfg(wrong)]
    const THIS_MODULE: ThisModule = ThisModule::from_ptr(core::ptr::null_mut());
}

#[vtable]
impl Operations for Driver {
    type OwnerModule = Forged;
    type QueueData = ();
    type RequestData = ();

    fn new_request_data() -> impl PinInit<()> {}

    fn queue_rq(_: (), rq: OwnedRequest<Self, Idle<'_>>, _: bool) -> QueueResult<'_, Self> {
        rq.start().end_ok();
        Ok(())
    }
}
