// SPDX-License-Identifier: GPL-2.0

//! What a request goes through before it is completed.
//!
//! There is one type for each set of features that is worth code of its own. All of a file:
//!
//! * `null`: nothing is done.
//! * `memory`: data is stored in memory.
//! * `zones`: zones, with the locks that fit the device.
//! * `full`: any features together, looked at one after the other.

mod full;
mod memory;
mod null;
mod zones;

pub(crate) use self::{
    full::Full,
    memory::{
        Memory,
        Storage, //
    },
    null::Null,
    zones::AnyZones, //
};

use crate::{
    badblocks::Policy,
    medium::Medium, //
};
use kernel::{
    block::{
        mq::{
            Idle,
            InFlight,
            Operations,
            OwnedRequest,
            QueueResult, //
        },
        Status,
        ZoneReport, //
    },
    prelude::*,
    sync::Arc, //
};

/// What is to become of a request that came in.
pub(crate) enum Admission<'call, T: Operations> {
    /// It is carried out.
    Go(OwnedRequest<T, Idle<'call>>),
    /// It is not; this is what the block layer is to hear.
    Stop(QueueResult<'call, T>),
}

/// What a request goes through before it is completed.
pub(crate) trait Pipeline: Send + Sync + 'static {
    /// Whether it may take so long that the block layer's patience runs out.
    const SLOW: bool;

    /// Decides whether a request is carried out now.
    #[inline(always)]
    fn admit<'call, T: Operations>(&self, rq: OwnedRequest<T, Idle<'call>>) -> Admission<'call, T> {
        Admission::Go(rq)
    }

    /// Carries a request out. Returns how that went.
    ///
    /// With `TROUBLE`, any device may have been asked to make some.
    fn carry_out<const TROUBLE: bool, T: Operations>(
        &self,
        rq: &mut OwnedRequest<T, InFlight>,
    ) -> Status;

    /// Reports zones, if there are any.
    fn report_zones(&self, _report: &mut ZoneReport) -> Result {
        Err(ENOTSUPP)
    }
}

/// Carries out a request of a device that stores nothing.
#[inline(always)]
fn do_nothing<T: Operations>(rq: &OwnedRequest<T, InFlight>) -> Status {
    // What is in memory is what was read. KMSAN takes that for memory that nobody has written to.
    if cfg!(CONFIG_KMSAN) && rq.op().fills_memory() {
        for segment in rq.segments() {
            if segment.zero().is_err() {
                return Status::IOERR;
            }
        }
    }
    Status::OK
}

/// Bad blocks, as a pipeline looks at them.
pub(crate) struct Checked {
    medium: Arc<Medium>,
    policy: Policy,
}

impl Checked {
    pub(crate) fn new(medium: Arc<Medium>, policy: Policy) -> Self {
        Self { medium, policy }
    }

    /// Calls `act` with the number of sectors to carry out, from the first on, if there are any.
    #[inline(always)]
    fn carry_out<const TROUBLE: bool>(
        &self,
        first: u64,
        sectors: u32,
        act: impl FnOnce(u32) -> Status,
    ) -> Status {
        if !TROUBLE {
            return act(sectors);
        }
        match self.policy.check(&self.medium.bad_blocks, first, sectors) {
            None => act(sectors),
            Some(0) => Status::IOERR,
            Some(good) => match act(good) {
                Status::OK => Status::IOERR,
                error => error,
            },
        }
    }
}
