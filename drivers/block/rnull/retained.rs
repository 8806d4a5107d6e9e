// SPDX-License-Identifier: GPL-2.0

//! The state that a device retains while it is off.

use crate::{
    faults::Faults,
    settings::Machine,
    statistics::Statistics,
    store::Tree, //
};
use kernel::{
    block::BadBlocks,
    configfs::DefaultGroup,
    prelude::*,
    sync::Arc, //
};

/// The state that a device retains while it is off.
#[pin_data]
pub(crate) struct Retained {
    /// The stored data.
    pub(crate) tree: Tree,
    #[pin]
    pub(crate) bad_blocks: BadBlocks,
    pub(crate) faults: Faults,
    pub(crate) statistics: Statistics,
}

impl Retained {
    /// Creates the state of a new device, without data, and the groups of its configfs directory.
    /// May sleep.
    pub(crate) fn new() -> Result<(Arc<Self>, KVec<DefaultGroup>)> {
        let (faults, groups) = Faults::new()?;
        let machine = Machine::this();
        let this = Arc::pin_init(
            try_pin_init!(Self {
                tree: Tree::new(),
                bad_blocks <- BadBlocks::new(),
                faults,
                statistics: Statistics::new(machine.hw_queues())?,
            }),
            GFP_KERNEL,
        )?;
        Ok((this, groups))
    }
}
