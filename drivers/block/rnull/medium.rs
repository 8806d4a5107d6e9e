// SPDX-License-Identifier: GPL-2.0

//! What a device keeps when it is powered off: its data and its bad blocks.

use crate::store::Tree;
use kernel::{
    block::BadBlocks,
    prelude::*,
    sync::Arc, //
};

/// What a device keeps when it is powered off.
#[pin_data]
pub(crate) struct Medium {
    /// Stored data.
    #[pin]
    pub(crate) tree: Tree,
    /// Bad blocks.
    #[pin]
    pub(crate) bad_blocks: BadBlocks,
}

impl Medium {
    /// Makes one without data and without bad blocks.
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            try_pin_init!(Self {
                tree <- Tree::new(),
                bad_blocks <- BadBlocks::new(),
            }),
            GFP_KERNEL,
        )
    }
}
