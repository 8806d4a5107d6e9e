// SPDX-License-Identifier: GPL-2.0

//! How many zones may be open or active, and how many are.
//!
//! Pure code: what a zone is, and how it is locked, is not known here.

use kernel::block::{
    Status,
    ZoneCond, //
};

/// The limits of a device, and the zones that count towards them.
pub(super) struct Budget {
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

/// What a change of a zone's condition may use.
pub(super) struct Resources<'a> {
    limited: Option<Limited<'a>>,
}

struct Limited<'a> {
    budget: &'a mut Budget,
    /// Closes an implicitly open zone, and accounts for it.
    close_one: &'a dyn Fn(&mut Budget),
}

impl Budget {
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

    /// How many zones are implicitly open, explicitly open, and closed.
    #[cfg(CONFIG_KUNIT = "y")]
    pub(super) fn counts(&self) -> [u32; 3] {
        [self.implicit, self.explicit, self.closed]
    }
}

impl<'a> Resources<'a> {
    /// Nothing is limited.
    pub(super) fn unlimited() -> Self {
        Self { limited: None }
    }

    /// Room is to be found in `budget`. `close_one` closes an implicitly open zone; it is called
    /// only if there is one.
    pub(super) fn limited(budget: &'a mut Budget, close_one: &'a dyn Fn(&mut Budget)) -> Self {
        Self {
            limited: Some(Limited { budget, close_one }),
        }
    }

    /// Whether anything is limited.
    pub(super) fn are_limited(&self) -> bool {
        self.limited.is_some()
    }

    /// Finds room for an empty or closed zone that is to be opened, by closing an implicitly open
    /// zone if need be.
    ///
    /// That helps against the limit of open zones only. And it is not done with as many zones
    /// active as can be, also if the zone is one of them: this is how null_blk does it.
    pub(super) fn admit(&mut self, cond: ZoneCond) -> Result<(), Status> {
        let Some(Limited { budget, close_one }) = &mut self.limited else {
            return Ok(());
        };

        if cond == ZoneCond::Empty && !budget.has_room_for_active() {
            return Err(Status::ZONE_ACTIVE_RESOURCE);
        }
        if budget.has_room_for_open() {
            return Ok(());
        }
        if budget.implicit == 0 || !budget.has_room_for_active() {
            return Err(Status::ZONE_OPEN_RESOURCE);
        }
        close_one(budget);
        Ok(())
    }
}
