// SPDX-License-Identifier: GPL-2.0

//! The files of a device in debugfs.

use crate::{
    retained::Retained,
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

/// The files of a device that is on. Dropping this removes them.
pub(crate) struct Files {
    _statistics: Pin<KBox<File<Arc<Retained>>>>,
    _counting: Pin<KBox<File<Arc<Retained>>>>,
}

impl Files {
    /// Creates the files in a directory `name` below `parent`. May sleep.
    pub(crate) fn new(parent: &Dir, name: &CStr, retained: &Arc<Retained>) -> Result<Self> {
        let dir = parent.subdir(name);
        let statistics = dir.read_callback_file(c"statistics", retained.clone(), &show_statistics);
        let counting = dir.read_write_callback_file(
            c"statistics_enable",
            retained.clone(),
            &show_counting,
            &store_counting,
        );
        Ok(Self {
            _statistics: KBox::pin_init(statistics, GFP_KERNEL)?,
            _counting: KBox::pin_init(counting, GFP_KERNEL)?,
        })
    }
}

fn show_statistics(retained: &Arc<Retained>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    fmt::Display::fmt(&retained.statistics, f)
}

fn show_counting(retained: &Arc<Retained>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "{}", u8::from(retained.statistics.is_counting()))
}

fn store_counting(retained: &Arc<Retained>, text: &mut UserSliceReader) -> Result {
    let mut buffer = [0; 8];
    let text_len = text.len();
    let buffer = buffer.get_mut(..text_len).ok_or(EINVAL)?;
    text.read_slice(buffer)?;
    retained.statistics.set_counting(bool::parse(buffer)?);
    Ok(())
}
