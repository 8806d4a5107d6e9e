// SPDX-License-Identifier: GPL-2.0

// The start of every case. It is included at the root of each crate, because `#[vtable]` looks
// there for the module of a driver.

use kernel::{
    block::{
        mq::*,
        Segment,
        Status, //
    },
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
};

struct LocalModule;

impl kernel::ModuleMetadata for LocalModule {
    const NAME: &'static CStr = c"compile_fail";
    const THIS_MODULE: ThisModule = {
        // SAFETY: A null pointer stands for built-in code.
        unsafe { ThisModule::from_ptr(core::ptr::null_mut()) }
    };
}
