// SPDX-License-Identifier: GPL-2.0

//! Completion in a softirq, on a CPU near the submitter (`irqmode=1`).

use super::{
    keep_status,
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

pub(super) const DEFERRED: bool = true;

pub(super) fn device<T: Operations>(_: &Setup<'_>, _: &Arc<TagSet<T>>) -> Result {
    Ok(())
}

#[inline(always)]
pub(super) fn complete<T: Operations>((): &(), done: Done<T>) {
    keep_status(done).complete();
}

/// Completes a batch in one softirq.
#[inline(always)]
pub(super) fn complete_list<T: Operations>((): &(), list: RequestList<T, InFlight>) {
    list.complete();
}
