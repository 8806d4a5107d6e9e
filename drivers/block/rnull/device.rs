// SPDX-License-Identifier: GPL-2.0

//! A device that is powered on.

use crate::{
    completion::{
        Completion,
        Inline,
        Softirq,
        Timer, //
    },
    config::{
        Config,
        IrqMode, //
    },
    driver::{
        NullBlk,
        QueueData, //
    },
    registry::{
        Registry,
        Slot, //
    },
};
use kernel::{
    block::mq::{
        GenDisk,
        GenDiskBuilder,
        TagSet,
        TagSetBuilder, //
    },
    prelude::*,
    sync::Arc, //
};

/// A device that is powered on. Dropping it powers it off, which waits for I/O in flight.
///
/// All that a powered device has is made when it is powered on, and nothing of it is kept when it is
/// powered off.
pub(crate) struct Device {
    // The disk goes before its name and number can be used again.
    _disk: KBox<dyn Disk>,
    _slot: Slot,
}

/// A disk, whatever way of completion its code was made for.
trait Disk: Send + Sync {}

impl<C: Completion> Disk for GenDisk<NullBlk<C>> {}

impl Device {
    /// Makes the device that `config` describes, under `name` or, without one, under a name of its
    /// own. Writes to `config` which number it has got.
    pub(crate) fn power_on(
        registry: &Arc<Registry>,
        config: &mut Config,
        name: Option<&CStr>,
    ) -> Result<Self> {
        config.normalize();
        let slot = registry.reserve(name)?;
        let disk = match config.irq_mode() {
            IrqMode::None => add_disk::<Inline>(registry, config, &slot),
            IrqMode::Softirq => add_disk::<Softirq>(registry, config, &slot),
            IrqMode::Timer => add_disk::<Timer>(registry, config, &slot),
        }?;

        config.index = slot.index();
        pr_info!("disk {} created\n", slot.name());
        Ok(Self {
            _disk: disk,
            _slot: slot,
        })
    }
}

/// Makes the disk, with the code for `C`.
fn add_disk<C: Completion>(
    registry: &Registry,
    config: &Config,
    slot: &Slot,
) -> Result<KBox<dyn Disk>> {
    let capacity = config.capacity_sectors()?;
    let tag_set = Arc::pin_init(
        TagSet::<NullBlk<C>>::new(
            TagSetBuilder::new()
                .hw_queues(1)
                .queue_depth(64)
                .timeout_ms(5_000)
                // As null_blk, whose queue for polling makes it a device of several queues.
                .no_scheduler_by_default(),
        ),
        GFP_KERNEL,
    )?;
    let queue_data = KBox::new(
        QueueData {
            completion_nsec: config.completion_nsec as i64,
        },
        GFP_KERNEL,
    )?;

    let disk = GenDiskBuilder::new()
        .capacity_sectors(capacity)
        .logical_block_size(config.blocksize)
        .physical_block_size(config.blocksize)
        .dma_alignment_mask(1)
        .device_number(registry.major(), slot.index(), 1)
        .build(slot.name().as_cstr(), tag_set, queue_data)?;
    Ok(KBox::new(disk, GFP_KERNEL)?)
}
