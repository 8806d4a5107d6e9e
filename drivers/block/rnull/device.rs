// SPDX-License-Identifier: GPL-2.0

//! A device that is powered on.
//!
//! * `registry`: what the devices of the module share: names, numbers, tags.
//! * `debugfs`: its files in debugfs.

mod debugfs;
pub(crate) mod registry;

use self::registry::{
    tag_set_builder,
    Registry,
    Slot, //
};
use crate::{
    completion::{
        Any,
        ByTag,
        Completion,
        Inline,
        Setup,
        Softirq,
        Timer, //
    },
    irq_mode::{
        completion_modes,
        IrqMode, //
    },
    request::{
        Backend,
        NullBlk,
        PollQueues,
        Queue, //
    },
    retained::Retained,
    settings::{
        Config,
        Machine, //
    },
    zoned::{
        Failure,
        Layout, //
    }, //
};
use kernel::{
    block::mq::{
        GenDisk,
        GenDiskBuilder,
        TagSet, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};

/// A device that is powered on. Dropping it powers it off, which waits for I/O in flight.
///
/// All that a powered device has is made when it is powered on, and nothing of it is kept when it
/// is powered off; what is kept is in [`Retained`].
pub(crate) struct Device {
    // The disk goes before its name and number can be used again.
    disk: KBox<dyn Disk>,
    backend: Arc<Backend>,
    _files: debugfs::Files,
    _slot: Slot,
}

/// A disk, whatever its driver's type is.
trait Disk: Send + Sync {
    /// Changes the numbers of hardware queues.
    fn resize(&self, submit_queues: u32, poll_queues: u32) -> Result;
}

impl<C: Completion> Disk for GenDisk<NullBlk<C>> {
    fn resize(&self, submit_queues: u32, poll_queues: u32) -> Result {
        self.tag_set()
            .update_nr_hw_queues(submit_queues, poll_queues)
    }
}

impl Device {
    /// Makes the device that `config` describes, under `name` or, without one, under a name of its
    /// own. Writes to `config` what its values have become, and which number the device has got.
    pub(crate) fn power_on(
        registry: &Arc<Registry>,
        config: &mut Config,
        retained: &Arc<Retained>,
        name: Option<&CStr>,
    ) -> Result<Self> {
        let machine = Machine::this();
        config.normalize(&machine)?;
        let layout = config.plan_zones()?;
        let slot = registry.reserve(name)?;
        let backend = Backend::new(config, layout, retained, slot.name().as_cstr())?;
        let disk = Parts {
            registry,
            config,
            machine: &machine,
            retained,
            slot: &slot,
            layout,
            backend: &backend,
        }
        .disk()?;

        let files = debugfs::Files::new(registry.debug(), slot.name().as_cstr(), retained)?;
        config.index = slot.index();
        pr_info!("disk {} created\n", slot.name());
        Ok(Self {
            disk,
            backend,
            _files: files,
            _slot: slot,
        })
    }

    /// Changes the numbers of hardware queues, which waits for I/O in flight.
    pub(crate) fn resize(&self, submit_queues: u32, poll_queues: u32) -> Result {
        self.disk.resize(submit_queues, poll_queues)
    }

    /// Makes a zone fail; see [`Backend::fail_zone`].
    pub(crate) fn fail_zone(&self, sector: u64, how: Failure) -> Result {
        self.backend.fail_zone(sector, how)
    }
}

/// What a disk is made from.
struct Parts<'a> {
    registry: &'a Registry,
    config: &'a Config,
    machine: &'a Machine,
    retained: &'a Arc<Retained>,
    slot: &'a Slot,
    layout: Option<Layout>,
    backend: &'a Arc<Backend>,
}

/// Makes a function that calls [`Parts::add_disk`] with the type for a completion mode.
macro_rules! with_mode {
    ($(
        $(#[$doc:meta])*
        $number:literal $mode:ident => $file:ident $type:ident, $data:ty, $device:ty;
    )*) => {
        /// Makes the disk of a device without features, with code for its completion mode.
        fn null_disk(&self) -> Result<KBox<dyn Disk>> {
            match self.config.irq_mode() {
                $(IrqMode::$mode => self.add_disk::<$type>(self.tag_set()?),)*
            }
        }
    };
}

impl Parts<'_> {
    /// Makes the disk, with the code for its features.
    fn disk(&self) -> Result<KBox<dyn Disk>> {
        if self.config.shared_tags {
            self.add_disk::<Any>(self.registry.shared_tags()?)
        } else if self.backend.has_features() {
            self.add_disk::<Any>(self.tag_set()?)
        } else {
            self.null_disk()
        }
    }

    completion_modes!(with_mode);

    /// Tags of the device's own.
    fn tag_set<C: Completion>(&self) -> Result<Arc<TagSet<NullBlk<C>>>> {
        Arc::pin_init(TagSet::new(tag_set_builder(self.config)), GFP_KERNEL)
    }

    /// Adds the disk, with code for `C`. Code that is the same for all is in other functions.
    #[inline(never)]
    fn add_disk<C: Completion>(&self, tag_set: Arc<TagSet<NullBlk<C>>>) -> Result<KBox<dyn Disk>> {
        let setup = Setup {
            mode: self.config.irq_mode(),
            latency: self.config.latency(),
            retained: self.retained,
        };
        let queue = Queue {
            backend: self.backend.clone(),
            completion: C::device(&setup, &tag_set)?,
            poll_queues: PollQueues::new(self.machine.hw_queues())?,
        };
        let queue = KBox::new(queue, GFP_KERNEL)?;
        let name = self.slot.name().as_cstr();
        let disk = self.builder()?.build(name, tag_set, queue)?;
        Ok(KBox::new(disk, GFP_KERNEL)?)
    }

    /// What the disk is to be like.
    #[inline(never)]
    fn builder(&self) -> Result<GenDiskBuilder> {
        let config = self.config;
        Ok(GenDiskBuilder::new()
            .capacity_sectors(config.capacity_sectors()?)
            .logical_block_size(config.blocksize)
            .physical_block_size(config.blocksize)
            .max_hw_sectors(config.max_sectors)
            .max_hw_discard_sectors(if config.discard { MAX_DISCARD } else { 0 })
            .virt_boundary_mask(if config.virt_boundary {
                PAGE_SIZE as u32 - 1
            } else {
                0
            })
            .dma_alignment_mask(1)
            .rotational(config.rotational)
            .write_cache(config.cache_size > 0)
            .fua(config.cache_size > 0 && config.fua)
            .zoned(self.layout.map(|layout| layout.limits()))
            .device_number(self.registry.major(), self.slot.index(), 1))
    }
}

/// The most sectors that one discard can be for: as many as fit the length of a request in bytes.
const MAX_DISCARD: u32 = u32::MAX >> kernel::block::SECTOR_SHIFT;
