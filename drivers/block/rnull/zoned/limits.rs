// SPDX-License-Identifier: GPL-2.0

//! How many zones may be open or active, and how many are.
//!
//! Pure code: what a zone is, and how it is locked, is not known here.

use kernel::block::{
    Status,
    ZoneCond, //
};

/// The limits of a device, and the zones that count towards them.
pub(super) struct Limits {
    /// How many zones may be open. Zero: any number.
    max_open: u32,
    /// How many zones may be open or closed. Zero: any number.
    max_active: u32,
    implicit: u32,
    explicit: u32,
    closed: u32,
    /// The zone at which the search for one to close goes on.
    pub(super) cursor: usize,
}

/// How room was found for a zone that is to be opened.
pub(super) enum Room {
    /// There is some.
    Free,
    /// An implicitly open zone, of which there is one, has to be closed for it.
    CloseOne,
}

impl Limits {
    /// A device with all zones empty or full.
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

    /// Whether there is anything to account for.
    pub(super) fn is_limited(&self) -> bool {
        self.max_open != 0 || self.max_active != 0
    }

    fn count(&mut self, cond: ZoneCond) -> Option<&mut u32> {
        match cond {
            ZoneCond::ImplicitOpen => Some(&mut self.implicit),
            ZoneCond::ExplicitOpen => Some(&mut self.explicit),
            ZoneCond::Closed => Some(&mut self.closed),
            _ => None,
        }
    }

    /// Accounts for a zone that has got another condition.
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

    /// Finds room for an empty or closed zone that is to be opened.
    ///
    /// To close a zone helps against the limit of open zones only. And it is not done with as many
    /// zones active as can be, also if the zone is one of them: this is how null_blk does it.
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

    /// How many zones are implicitly open, explicitly open, and closed.
    #[cfg(CONFIG_KUNIT = "y")]
    pub(super) fn counts(&self) -> [u32; 3] {
        [self.implicit, self.explicit, self.closed]
    }
}
