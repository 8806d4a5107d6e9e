// SPDX-License-Identifier: GPL-2.0

//! The states of a zone, and how it gets from one to another.
//!
//! Pure code: a function takes a state and returns the next one, or the status with which the
//! operation is refused. Documentation/block/rnull-zoned.rst has it as a table.

use kernel::block::{
    Status,
    ZoneCond, //
};

/// The sectors of a zone.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    /// The first sector.
    pub(super) start: u64,
    /// How many there are.
    pub(super) len: u64,
    /// How many of them can be written.
    pub(super) capacity: u64,
    /// Whether they can be written in any order.
    pub(super) conventional: bool,
}

/// What changes of a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// The condition.
    pub(super) cond: ZoneCond,
    /// The sector where the next write goes, or where there is none: [`State::NO_WP`], or the end
    /// of the zone.
    pub(super) wp: u64,
}

/// The state that a zone is to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) state: State,
    /// The zone is opened, or has to be on the way: room must be found for it among the limits.
    pub(super) opens: bool,
}

/// An operation on a zone as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Open,
    Close,
    Finish,
    Reset,
}

impl Extent {
    /// The state of a zone that was never used.
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

    /// The state after a reset.
    fn empty(&self) -> State {
        State {
            cond: ZoneCond::Empty,
            wp: self.start,
        }
    }
}

impl State {
    /// The write pointer of a zone that can't be written any more.
    pub(super) const NO_WP: u64 = u64::MAX;

    /// Whether the zone has failed, and is not changed by any operation.
    pub(super) fn has_failed(self) -> bool {
        matches!(self.cond, ZoneCond::ReadOnly | ZoneCond::Offline)
    }

    /// Finds out where to write `sectors` sectors: at `at`, or at the write pointer if that is
    /// `None`.
    ///
    /// The condition need not be looked at: where it forbids to write, the write pointer is out of
    /// reach.
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

    /// A write begins.
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

    /// `sectors` sectors were written.
    ///
    /// The zone may have been closed in the meantime to make room for another one. If it was closed
    /// as a zone with data, then after this write. If it was empty, then before, and has to be
    /// opened again.
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

    /// Opens, closes, finishes or resets the zone. The device may be `limited`.
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

    /// Whether the zone is not open, and can be.
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

    /// What becomes of an open zone that is closed, whoever wants it.
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
            // The zone has to be opened on the way.
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

    /// The zone becomes one that can be read only, or not at all; or, if that is what it is
    /// already, an empty one.
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

/// A state that needs no room.
impl From<State> for Next {
    fn from(state: State) -> Self {
        Self {
            state,
            opens: false,
        }
    }
}
