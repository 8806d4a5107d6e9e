// SPDX-License-Identifier: GPL-2.0

//! What can be looked at in debugfs.

use crate::kept::Kept;
use kernel::{
    debugfs::{
        Dir,
        File, //
    },
    fmt,
    prelude::*,
    sync::Arc, //
};

/// The files of a device that completes its requests by tag. They go when this is dropped.
pub(crate) struct ReportFiles {
    _completed: Pin<KBox<File<Arc<Kept>>>>,
    _wrong: Pin<KBox<File<Arc<Kept>>>>,
    _invented: Pin<KBox<File<Arc<Kept>>>>,
}

impl ReportFiles {
    /// Makes the files in a directory called `name` in `parent`.
    pub(crate) fn new(parent: &Dir, name: &CStr, kept: &Arc<Kept>) -> Result<Self> {
        let dir = parent.subdir(name);
        Ok(Self {
            _completed: KBox::pin_init(
                dir.read_callback_file(c"reports_completed", kept.clone(), &completed),
                GFP_KERNEL,
            )?,
            _wrong: KBox::pin_init(
                dir.read_callback_file(c"reports_wrong", kept.clone(), &wrong),
                GFP_KERNEL,
            )?,
            _invented: KBox::pin_init(
                dir.read_callback_file(c"reports_invented", kept.clone(), &invented),
                GFP_KERNEL,
            )?,
        })
    }
}

fn completed(kept: &Arc<Kept>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}", kept.counters.completed())
}

fn wrong(kept: &Arc<Kept>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}", kept.counters.wrong())
}

fn invented(kept: &Arc<Kept>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}", kept.counters.invented())
}
