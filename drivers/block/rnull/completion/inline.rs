// SPDX-License-Identifier: GPL-2.0

//! Completion in `queue_rq` (`irqmode=0`).

use super::{
    end_all,
    Done,
    Setup, //
};
use kernel::{
    block::mq::{
        InFlight,
        Operations,
        RequestList,
        TagSet, //
    },
    prelude::*,
    sync::Arc, //
};

pub(super) use super::no_data as data;

pub(super) const DEFERRED: bool = false;

pub(super) fn device<T: Operations>(_: &Setup<'_>, _: &Arc<TagSet<T>>) -> Result {
    Ok(())
}

#[inline(always)]
pub(super) fn complete<T: Operations>((): &(), (rq, status): Done<T>) {
    rq.end(status);
}

#[inline(always)]
pub(super) fn complete_list<T: Operations>((): &(), list: RequestList<T, InFlight>) {
    end_all(list);
}
