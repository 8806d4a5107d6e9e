// SPDX-License-Identifier: GPL-2.0

//! Completion at once, in the context of the submitter (`irqmode=0`).

use super::{
    Done,
    Setup, //
};
use kernel::{
    block::mq::{
        CompletionBatch,
        Operations,
        TagSet, //
    },
    prelude::*,
    sync::Arc, //
};

pub(super) use super::only_status as data;

pub(super) const LATER: bool = false;

pub(super) fn device<T: Operations>(_: &Setup<'_>, _: &Arc<TagSet<T>>) -> Result {
    Ok(())
}

#[inline(always)]
pub(super) fn complete<T: Operations>((): &(), (rq, status): Done<T>) {
    rq.end(status);
}

/// Ends together what came together. For one that came alone, a batch does not pay: it waits until
/// the next one has come, or there is none.
#[inline(always)]
pub(super) fn complete_all<T: Operations>((): &(), requests: impl Iterator<Item = Done<T>>) {
    CompletionBatch::scope(|batch| {
        let mut last = None;
        for done in requests {
            if let Some((rq, status)) = last.replace(done) {
                rq.end_batched(status, batch);
            }
        }
        match last {
            Some((rq, status)) if batch.is_empty() => rq.end(status),
            Some((rq, status)) => rq.end_batched(status, batch),
            None => (),
        }
    });
}
