// SPDX-License-Identifier: GPL-2.0

//! The limits of open and active zones.
//!
//! Pure code, which knows neither zones nor locks.

use kernel::block::{
    Status,
    ZoneCond, //
};

/// The limits of a device, and the numbers of zones that count towards them.
pub(super) struct Limits {
    /// The limit of open zones, or zero.
    max_open: u32,
    /// The limit of active zones, which are open or closed, or zero.
    max_active: u32,
    implicit: u32,
    explicit: u32,
    closed: u32,
    /// The number of the zone from which the next search for a zone to close starts.
    pub(super) cursor: usize,
}

/// The room for a zone to open.
pub(super) enum Room {
    /// The zone can be opened.
    Free,
    /// The zone can be opened after an implicitly open zone is closed. There is one.
    CloseOne,
}

impl Limits {
    /// Returns the limits of a device whose zones are all empty or full.
    pub(super) fn new(max_open: u32, max_active: u32, cursor: usize) -> Self {
        Self {
            max_open,
            max_active,
            implicit: 0,
            explicit: 0,
            closed: 0,
            cursor,
        }
    }

    /// Returns whether there is a limit.
    pub(super) fn is_limited(&self) -> bool {
        self.max_open != 0 || self.max_active != 0
    }

    /// Returns the number of zones with a condition, if they count towards a limit.
    fn count(&mut self, cond: ZoneCond) -> Option<&mut u32> {
        match cond {
            ZoneCond::ImplicitOpen => Some(&mut self.implicit),
            ZoneCond::ExplicitOpen => Some(&mut self.explicit),
            ZoneCond::Closed => Some(&mut self.closed),
            _ => None,
        }
    }

    /// Accounts for a zone whose condition changes.
    pub(super) fn moved(&mut self, from: ZoneCond, to: ZoneCond) {
        if let Some(count) = self.count(from) {
            *count -= 1;
        }
        if let Some(count) = self.count(to) {
            *count += 1;
        }
    }

    fn has_room_for_active(&self) -> bool {
        self.max_active == 0 || self.implicit + self.explicit + self.closed < self.max_active
    }

    fn has_room_for_open(&self) -> bool {
        self.max_open == 0 || self.implicit + self.explicit < self.max_open
    }

    /// Finds room for an empty or closed zone to open.
    ///
    /// Closing another zone makes room for an open zone, but not for an active one. As in null_blk,
    /// no zone is closed while the number of active zones is at its limit, even if the zone to open
    /// is one of them.
    pub(super) fn make_room(&self, cond: ZoneCond) -> Result<Room, Status> {
        if cond == ZoneCond::Empty && !self.has_room_for_active() {
            return Err(Status::ZONE_ACTIVE_RESOURCE);
        }
        if self.has_room_for_open() {
            return Ok(Room::Free);
        }
        if self.implicit == 0 || !self.has_room_for_active() {
            return Err(Status::ZONE_OPEN_RESOURCE);
        }
        Ok(Room::CloseOne)
    }

    /// Returns the numbers of zones that are implicitly open, explicitly open, and closed.
    #[cfg(CONFIG_KUNIT = "y")]
    pub(super) fn counts(&self) -> [u32; 3] {
        [self.implicit, self.explicit, self.closed]
    }
}
