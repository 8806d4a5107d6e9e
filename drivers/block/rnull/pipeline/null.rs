// SPDX-License-Identifier: GPL-2.0

//! Devices that do nothing.

use super::{
    do_nothing,
    Checked,
    Pipeline, //
};
use kernel::block::{
    mq::{
        InFlight,
        Operations,
        OwnedRequest, //
    },
    Status, //
};

/// Does nothing, but fail where there are bad blocks.
pub(crate) struct Null {
    checked: Checked,
}

impl Null {
    pub(crate) fn new(checked: Checked) -> Self {
        Self { checked }
    }
}

impl Pipeline for Null {
    const SLOW: bool = false;

    #[inline(always)]
    fn carry_out<const TROUBLE: bool, T: Operations>(
        &self,
        rq: &mut OwnedRequest<T, InFlight>,
    ) -> Status {
        self.checked
            .carry_out::<TROUBLE>(rq.sector(), rq.sectors(), |_| do_nothing(rq))
    }
}
