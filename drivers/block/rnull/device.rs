// SPDX-License-Identifier: GPL-2.0

//! A device that is on.
//!
//! * `registry`: the state that all devices share: names, numbers and tags.
//! * `debugfs`: the files of a device in debugfs.

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
        Completion,
        Setup, //
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

/// A device that is on. Dropping it powers it off, which waits for I/O in flight.
///
/// Power-on creates all state of the device except for [`Retained`], and power-off drops it.
pub(crate) struct Device {
    // The first field, so that the disk is removed before its name and number are free.
    disk: KBox<dyn Disk>,
    backend: Arc<Backend>,
    _files: debugfs::Files,
    _slot: Slot,
}

/// A disk with any driver type.
trait Disk: Send + Sync {
    /// Changes the numbers of hardware queues. Waits for I/O in flight.
    fn resize(&self, submit_queues: u32, poll_queues: u32) -> Result;
}

impl<C: Completion> Disk for GenDisk<NullBlk<C>> {
    fn resize(&self, submit_queues: u32, poll_queues: u32) -> Result {
        self.tag_set()
            .update_nr_hw_queues(submit_queues, poll_queues)
    }
}

impl Device {
    /// Creates the device that `config` describes, with the name `name`, or a name made from its
    /// number. Stores corrected settings, and the number of the device, in `config`. May sleep.
    pub(crate) fn power_on(
        registry: &Arc<Registry>,
        config: &mut Config,
        retained: &Arc<Retained>,
        name: Option<&CStr>,
    ) -> Result<Self> {
        let machine = Machine::this();
        config.normalize(&machine)?;
        let layout = match config.zoned {
            true => Some(Layout::plan(config)?),
            false => None,
        };
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

    /// Changes the numbers of hardware queues. Waits for I/O in flight.
    pub(crate) fn resize(&self, submit_queues: u32, poll_queues: u32) -> Result {
        self.disk.resize(submit_queues, poll_queues)
    }

    /// Makes the zone that `sector` is in fail; see [`Backend::fail_zone`].
    pub(crate) fn fail_zone(&self, sector: u64, how: Failure) -> Result {
        self.backend.fail_zone(sector, how)
    }
}

/// The arguments for creating a disk.
struct Parts<'a> {
    registry: &'a Registry,
    config: &'a Config,
    machine: &'a Machine,
    retained: &'a Arc<Retained>,
    slot: &'a Slot,
    layout: Option<Layout>,
    backend: &'a Arc<Backend>,
}

/// Defines a function that calls [`Parts::add_disk`] with the type for the device's completion
/// mode.
macro_rules! with_mode {
    ($(
        $(#[$doc:meta])*
        $number:literal $mode:ident => $file:ident, $type:ident, $data:ty, $device:ty;
    )*) => {
        /// Creates the disk of a device without features. The driver type is for one completion
        /// mode.
        fn null_disk(&self) -> Result<KBox<dyn Disk>> {
            match self.config.irq_mode() {
                $(IrqMode::$mode => self.add_disk::<$crate::completion::$type>(self.tag_set()?),)*
            }
        }
    };
}

impl Parts<'_> {
    /// Creates the disk, with the driver type for the features of the device.
    fn disk(&self) -> Result<KBox<dyn Disk>> {
        if self.config.shared_tags {
            self.add_disk::<Any>(self.registry.shared_tags()?)
        } else if self.backend.has_features() || self.config.varies_latency() {
            self.add_disk::<Any>(self.tag_set()?)
        } else {
            self.null_disk()
        }
    }

    completion_modes!(with_mode);

    /// Creates a tag set for this device alone.
    fn tag_set<C: Completion>(&self) -> Result<Arc<TagSet<NullBlk<C>>>> {
        Arc::pin_init(TagSet::new(tag_set_builder(self.config)), GFP_KERNEL)
    }

    /// Adds the disk, with the driver type for `C`. Code that is the same for all types is in other
    /// functions.
    #[inline(never)]
    fn add_disk<C: Completion>(&self, tag_set: Arc<TagSet<NullBlk<C>>>) -> Result<KBox<dyn Disk>> {
        let setup = Setup {
            config: self.config,
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

    /// Returns a builder with the limits and the number of the disk.
    #[inline(never)]
    fn builder(&self) -> Result<GenDiskBuilder> {
        let config = self.config;
        Ok(GenDiskBuilder::new()
            .capacity_sectors(config.capacity_sectors()?)
            .logical_block_size(config.blocksize)
            .physical_block_size(config.physical_blocksize.max(config.blocksize))
            .io_min(config.io_min)
            .io_opt(config.io_opt)
            .max_hw_sectors(config.max_sectors)
            .max_segments(config.max_segments.try_into()?)
            .max_segment_size(config.max_segment_size)
            .max_hw_discard_sectors(if config.discard { MAX_DISCARD } else { 0 })
            .discard_granularity(config.discard_granularity)
            .max_write_zeroes_sectors(if config.write_zeroes { MAX_ZEROES } else { 0 })
            .write_zeroes_unmaps(config.write_zeroes)
            .atomic_writes(config.atomic_writes())
            .virt_boundary_mask(if config.virt_boundary {
                PAGE_SIZE as u32 - 1
            } else {
                0
            })
            .dma_alignment_mask(config.dma_alignment)
            .rotational(config.rotational)
            .write_cache(config.cache_size > 0)
            .fua(config.cache_size > 0 && config.fua)
            .zoned(self.layout.map(|layout| layout.limits()))
            .device_number(self.registry.major(), self.slot.index(), 1))
    }
}

/// The size of the largest discard in sectors. A request has a length of 32 bits, in bytes.
const MAX_DISCARD: u32 = u32::MAX >> kernel::block::SECTOR_SHIFT;

/// The size of the largest request to write zeroes in sectors: 32 MiB. It may have to allocate
/// memory for all of them before its timeout.
const MAX_ZEROES: u32 = 32 << (crate::settings::MIB_SHIFT - kernel::block::SECTOR_SHIFT);
