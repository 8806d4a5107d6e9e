// SPDX-License-Identifier: GPL-2.0

//! The states of a zone, and the transitions between them.
//!
//! Pure code: each function takes a state, and returns the next state or the status of a refused
//! operation. `Documentation/block/rnull-zoned.rst` has a table of the transitions.

use kernel::block::{
    Status,
    ZoneCond, //
};

/// The position, the size and the type of a zone, which do not change. Units are sectors.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    /// The first sector.
    pub(super) start: u64,
    /// The size of the zone.
    pub(super) len: u64,
    /// The size of the writable part, at the start of the zone.
    pub(super) capacity: u64,
    /// True if the zone is conventional: it has no write pointer.
    pub(super) conventional: bool,
}

/// The state of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// The condition.
    pub(super) cond: ZoneCond,
    /// The write pointer: the sector that the next write starts at. Conventional zones have their
    /// end instead, and failed ones [`State::NO_WP`].
    pub(super) wp: u64,
}

/// The next state of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) state: State,
    /// True if the transition opens the zone, even if only in passing. The limits must have room
    /// for it.
    pub(super) opens: bool,
}

/// A zone management operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Open,
    Close,
    Finish,
    Reset,
}

impl Extent {
    /// Returns the state of the zone at power-on. With `full`, a sequential zone is full.
    pub(super) fn initial(&self, full: bool) -> State {
        if self.conventional {
            State {
                cond: ZoneCond::NotWp,
                wp: self.start + self.len,
            }
        } else if full {
            State {
                cond: ZoneCond::Full,
                wp: self.start + self.capacity,
            }
        } else {
            self.empty()
        }
    }

    /// Returns the state after a reset.
    fn empty(&self) -> State {
        State {
            cond: ZoneCond::Empty,
            wp: self.start,
        }
    }
}

impl State {
    /// The write pointer of a zone that has failed.
    pub(super) const NO_WP: u64 = u64::MAX;

    /// Returns whether the zone has failed. No zone management operation changes it then.
    pub(super) fn has_failed(self) -> bool {
        matches!(self.cond, ZoneCond::ReadOnly | ZoneCond::Offline)
    }

    /// Checks a write of `sectors` sectors at the sector `at`, or at the write pointer if `at` is
    /// `None`. Returns the sector to write at.
    ///
    /// The check needs no condition: if the condition forbids writes, no sector is left between the
    /// write pointer and the capacity.
    pub(super) fn check_write(
        self,
        extent: &Extent,
        at: Option<u64>,
        sectors: u32,
    ) -> Result<u64, Status> {
        let at = at.unwrap_or(self.wp);
        let end = extent.start + extent.capacity;

        if self.wp == Self::NO_WP || at != self.wp || at + u64::from(sectors) > end {
            return Err(Status::IOERR);
        }
        Ok(at)
    }

    /// Returns the state when a write begins.
    pub(super) fn opened_by_write(self) -> Next {
        if !self.can_open() {
            return self.into();
        }
        Next {
            state: Self {
                cond: ZoneCond::ImplicitOpen,
                ..self
            },
            opens: true,
        }
    }

    /// Returns the state after `sectors` sectors were written.
    ///
    /// Another task may have closed the zone during the write, to make room for another zone. A
    /// zone with data stays closed, as if it had been closed after this write. An empty zone is
    /// opened again, as if it had been closed before this write.
    pub(super) fn written(self, extent: &Extent, sectors: u32) -> Next {
        let mut next = if self.cond == ZoneCond::Empty {
            self.opened_by_write()
        } else {
            self.into()
        };
        next.state.wp += u64::from(sectors);
        if next.state.wp == extent.start + extent.capacity {
            next.state.cond = ZoneCond::Full;
        }
        next
    }

    /// Returns the state after a zone management operation. `limited` says whether the device has
    /// limits of open or active zones.
    pub(super) fn after(
        self,
        action: Action,
        extent: &Extent,
        limited: bool,
    ) -> Result<Next, Status> {
        if extent.conventional {
            return Err(Status::IOERR);
        }
        match action {
            Action::Open => self.opened(),
            Action::Close => self.closed(extent).map(Next::from),
            Action::Finish => self.finished(extent, limited),
            Action::Reset => self.reset(extent).map(Next::from),
        }
    }

    /// Returns whether the zone is not open, but can be opened.
    fn can_open(self) -> bool {
        matches!(self.cond, ZoneCond::Empty | ZoneCond::Closed)
    }

    fn opened(self) -> Result<Next, Status> {
        if !self.cond.is_open() && !self.can_open() {
            return Err(Status::IOERR);
        }
        Ok(Next {
            state: Self {
                cond: ZoneCond::ExplicitOpen,
                ..self
            },
            opens: self.can_open(),
        })
    }

    fn closed(self, extent: &Extent) -> Result<Self, Status> {
        match self.cond {
            ZoneCond::Closed => Ok(self),
            ZoneCond::ImplicitOpen | ZoneCond::ExplicitOpen => Ok(self.after_closing(extent)),
            _ => Err(Status::IOERR),
        }
    }

    /// Returns the state of an open zone after it is closed: by a close operation, or to make room.
    pub(super) fn after_closing(self, extent: &Extent) -> Self {
        let cond = if self.wp == extent.start {
            ZoneCond::Empty
        } else {
            ZoneCond::Closed
        };
        Self { cond, ..self }
    }

    fn finished(self, extent: &Extent, limited: bool) -> Result<Next, Status> {
        match self.cond {
            // As in null_blk: without limits the write pointer moves from the capacity to the end.
            ZoneCond::Full if limited => return Ok(self.into()),
            ZoneCond::Full => {}
            // Finishing opens the zone in passing.
            _ if self.cond.is_open() || self.can_open() => {}
            _ => return Err(Status::IOERR),
        }
        Ok(Next {
            state: Self {
                cond: ZoneCond::Full,
                wp: extent.start + extent.len,
            },
            opens: self.can_open(),
        })
    }

    fn reset(self, extent: &Extent) -> Result<Self, Status> {
        if self.has_failed() {
            return Err(Status::IOERR);
        }
        Ok(extent.empty())
    }

    /// Returns the state after the zone fails with the condition `cond`. A zone that already has
    /// this condition becomes empty.
    pub(super) fn failed(self, cond: ZoneCond, extent: &Extent) -> Next {
        let state = if self.cond == cond {
            extent.empty()
        } else {
            Self {
                cond,
                wp: Self::NO_WP,
            }
        };
        state.into()
    }
}

/// A transition that does not open the zone.
impl From<State> for Next {
    fn from(state: State) -> Self {
        Self {
            state,
            opens: false,
        }
    }
}
