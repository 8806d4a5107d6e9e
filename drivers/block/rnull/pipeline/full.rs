// SPDX-License-Identifier: GPL-2.0

//! Devices with any features together.

use super::{
    do_nothing,
    memory::Storage,
    zones::{
        AnyZones,
        Stored, //
    },
    Admission,
    Checked,
    Pipeline, //
};
use crate::{
    throttle::Throttle,
    zoned::{
        Discard,
        Medium, //
    },
};
use kernel::{
    block::{
        mq::{
            Idle,
            InFlight,
            Operations,
            OwnedRequest, //
        },
        Op,
        Status,
        ZoneReport, //
    },
    prelude::*,
    sync::Arc, //
};

/// Looks at one feature after the other.
pub(crate) struct Full {
    pub(crate) checked: Checked,
    pub(crate) storage: Option<Arc<Storage>>,
    pub(crate) zones: Option<Arc<AnyZones>>,
    pub(crate) throttle: Option<Throttle>,
}

impl Full {
    /// Moves the data of a request, where there are no bad blocks. Returns how that went, and how
    /// many sectors were carried out.
    #[inline]
    fn transfer<const TROUBLE: bool, T: Operations>(
        &self,
        rq: &OwnedRequest<T, InFlight>,
        op: Op,
        sector: u64,
        sectors: u32,
        readable: impl Fn(u64, usize) -> usize,
    ) -> (Status, u32) {
        let mut done = 0;
        let status = self.checked.carry_out::<TROUBLE>(sector, sectors, |good| {
            let status = match &self.storage {
                None => do_nothing(rq),
                Some(storage) => storage.carry_out::<TROUBLE, T>(rq, op, sector, good, readable),
            };
            if status.is_ok() {
                done = good;
            }
            status
        });
        (status, done)
    }
}

impl Pipeline for Full {
    const SLOW: bool = true;

    #[inline]
    fn admit<'call, T: Operations>(&self, rq: OwnedRequest<T, Idle<'call>>) -> Admission<'call, T> {
        if let Some(throttle) = &self.throttle {
            if !throttle.admit(rq.bytes()) {
                // The block layer tries again within 3 ms.
                return Admission::Stop(Err(rq.refuse(Status::RESOURCE)));
            }
        }
        Admission::Go(rq)
    }

    #[inline]
    fn carry_out<const TROUBLE: bool, T: Operations>(
        &self,
        rq: &mut OwnedRequest<T, InFlight>,
    ) -> Status {
        let op = rq.op();
        if op == Op::FLUSH {
            return match &self.storage {
                None => Status::OK,
                Some(storage) => storage.flush(),
            };
        }
        let (sector, sectors) = (rq.sector(), rq.sectors());
        let Some(zones) = &self.zones else {
            return self
                .transfer::<TROUBLE, T>(rq, op, sector, sectors, |_, len| len)
                .0;
        };

        let mut data = ZoneData::<TROUBLE, T> {
            full: self,
            zones,
            rq,
        };
        let outcome = zones.process(op, sector, sectors, &mut data);
        match outcome.position.map(|position| rq.set_sector(position)) {
            None | Some(Ok(())) => outcome.status,
            Some(Err(_)) => Status::IOERR,
        }
    }

    fn report_zones(&self, report: &mut ZoneReport) -> Result {
        self.zones.as_ref().ok_or(ENOTSUPP)?.report(report)
    }
}

/// The data of a request to a zoned device.
struct ZoneData<'a, const TROUBLE: bool, T: Operations> {
    full: &'a Full,
    zones: &'a AnyZones,
    rq: &'a OwnedRequest<T, InFlight>,
}

impl<const TROUBLE: bool, T: Operations> Medium for ZoneData<'_, TROUBLE, T> {
    fn transfer(&mut self, op: Op, sector: u64, sectors: u32) -> (Status, u32) {
        self.full
            .transfer::<TROUBLE, T>(self.rq, op, sector, sectors, |position, len| {
                self.zones.readable(position, len)
            })
    }
}

impl<const TROUBLE: bool, T: Operations> Discard for ZoneData<'_, TROUBLE, T> {
    fn discard(&mut self, sector: u64, sectors: u64) {
        Stored(self.full.storage.as_ref()).discard(sector, sectors);
    }
}
