// SPDX-License-Identifier: GPL-2.0

//! Completion in any way, for devices that share their tags.
//!
//! All disks of a tag set are of one driver type, so the way has to be looked up for each request.

use super::{
    by_tag::Rings,
    inline::end_together,
    keep_status,
    softirq::complete_together,
    timer::{
        complete_alone_in,
        complete_in,
        TimerData, //
    },
    Completion,
    Done, //
};
use crate::{
    config::{
        Config,
        IrqMode, //
    },
    driver::NullBlk,
    faults::Faults,
    pipeline::Pipeline,
    reports::Counters, //
};
use kernel::{
    block::mq::TagSet,
    prelude::*,
    sync::Arc,
    time::Delta, //
};

/// Completes requests in the way that the device is configured for.
pub(crate) enum Any {}

/// The way of a device.
pub(crate) enum Way<P: Pipeline> {
    Inline,
    Softirq,
    Timer(Delta),
    ByTag(Rings<NullBlk<Any, P>>),
}

impl Completion for Any {
    const LATER: bool = true;

    type Data<P: Pipeline> = TimerData<Self, P>;
    type Device<P: Pipeline> = Way<P>;

    fn new_data<P: Pipeline>() -> impl PinInit<TimerData<Self, P>> {
        TimerData::new()
    }

    fn new_device<P: Pipeline>(
        config: &Config,
        tag_set: &Arc<TagSet<NullBlk<Self, P>>>,
        faults: &Arc<Faults>,
        counters: &Arc<Counters>,
    ) -> Result<Way<P>> {
        Ok(match config.irq_mode() {
            IrqMode::None => Way::Inline,
            IrqMode::Softirq => Way::Softirq,
            IrqMode::Timer => Way::Timer(config.latency()),
            IrqMode::Tag => Way::ByTag(Rings::new(config, tag_set, faults, counters)?),
        })
    }

    #[inline]
    fn complete<P: Pipeline>(way: &Way<P>, done: Done<NullBlk<Self, P>>) {
        match way {
            Way::Inline => done.0.end(done.1),
            Way::Softirq => keep_status(done).complete(),
            Way::Timer(latency) => complete_alone_in(*latency, done),
            Way::ByTag(rings) => rings.post(done),
        }
    }

    #[inline]
    fn complete_all<P: Pipeline>(
        way: &Way<P>,
        requests: impl Iterator<Item = Done<NullBlk<Self, P>>>,
    ) {
        match way {
            Way::Inline => end_together(requests),
            Way::Softirq => complete_together(requests),
            Way::Timer(latency) => complete_in(*latency, requests),
            Way::ByTag(rings) => rings.post_all(requests),
        }
    }
}
