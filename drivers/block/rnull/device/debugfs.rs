// SPDX-License-Identifier: GPL-2.0

//! The files of a device in debugfs.

use crate::{
    kept::Kept,
    settings::parse::Value, //
};
use kernel::{
    debugfs::{
        Dir,
        File, //
    },
    fmt,
    prelude::*,
    sync::Arc,
    uaccess::UserSliceReader, //
};

/// The files of a device that is powered on. Dropping this removes them.
pub(crate) struct Files {
    _statistics: Pin<KBox<File<Arc<Kept>>>>,
    _counting: Pin<KBox<File<Arc<Kept>>>>,
}

impl Files {
    /// Makes the files in a directory called `name` in `parent`.
    pub(crate) fn new(parent: &Dir, name: &CStr, kept: &Arc<Kept>) -> Result<Self> {
        let dir = parent.subdir(name);
        let statistics = dir.read_callback_file(c"statistics", kept.clone(), &show_statistics);
        let counting = dir.read_write_callback_file(
            c"statistics_enable",
            kept.clone(),
            &show_counting,
            &store_counting,
        );
        Ok(Self {
            _statistics: KBox::pin_init(statistics, GFP_KERNEL)?,
            _counting: KBox::pin_init(counting, GFP_KERNEL)?,
        })
    }
}

fn show_statistics(kept: &Arc<Kept>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    fmt::Display::fmt(&kept.statistics, f)
}

fn show_counting(kept: &Arc<Kept>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}", u8::from(kept.statistics.is_counting()))
}

fn store_counting(kept: &Arc<Kept>, text: &mut UserSliceReader) -> Result {
    let mut buffer = [0; 8];
    let text_len = text.len();
    let buffer = buffer.get_mut(..text_len).ok_or(EINVAL)?;
    text.read_slice(buffer)?;
    kept.statistics.set_counting(bool::parse(buffer)?);
    Ok(())
}
