// SPDX-License-Identifier: GPL-2.0

//! What can be looked at in debugfs.

use crate::reports::Counters;
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
    _completed: Pin<KBox<File<Arc<Counters>>>>,
    _wrong: Pin<KBox<File<Arc<Counters>>>>,
    _invented: Pin<KBox<File<Arc<Counters>>>>,
}

impl ReportFiles {
    /// Makes the files in a directory called `name` in `parent`.
    pub(crate) fn new(parent: &Dir, name: &CStr, counters: &Arc<Counters>) -> Result<Self> {
        let dir = parent.subdir(name);
        Ok(Self {
            _completed: KBox::pin_init(
                dir.read_callback_file(c"reports_completed", counters.clone(), &completed),
                GFP_KERNEL,
            )?,
            _wrong: KBox::pin_init(
                dir.read_callback_file(c"reports_wrong", counters.clone(), &wrong),
                GFP_KERNEL,
            )?,
            _invented: KBox::pin_init(
                dir.read_callback_file(c"reports_invented", counters.clone(), &invented),
                GFP_KERNEL,
            )?,
        })
    }
}

fn completed(counters: &Arc<Counters>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}", counters.completed())
}

fn wrong(counters: &Arc<Counters>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}", counters.wrong())
}

fn invented(counters: &Arc<Counters>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}", counters.invented())
}
