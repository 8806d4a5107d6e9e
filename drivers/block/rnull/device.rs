// SPDX-License-Identifier: GPL-2.0

//! A device that is powered on.

use crate::{
    badblocks::Policy,
    completion::{
        Any,
        ByTag,
        Completion,
        Inline,
        Softirq,
        Timer, //
    },
    config::{
        Config,
        IrqMode,
        Machine, //
    },
    debug::ReportFiles,
    driver::NullBlk,
    faults::Faults,
    medium::Medium,
    ops::Queue,
    pipeline::{
        AnyZones,
        Checked,
        Full,
        Memory,
        Null,
        Pipeline,
        Storage, //
    },
    poll_queues::PollQueues,
    registry::{
        tag_set_builder,
        Registry,
        Slot, //
    },
    reports::Counters,
    throttle::Throttle,
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
    configfs::DefaultGroup,
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};

/// A device that is powered on. Dropping it powers it off, which waits for I/O in flight.
///
/// All that a powered device has is made when it is powered on, and nothing of it is kept when it
/// is powered off; what is kept is in [`Kept`].
pub(crate) struct Device {
    // The disk goes before its name and number can be used again.
    disk: KBox<dyn Disk>,
    zones: Option<Arc<AnyZones>>,
    storage: Option<Arc<Storage>>,
    _files: Option<ReportFiles>,
    _slot: Slot,
}

/// What a device keeps when it is powered off.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) medium: Arc<Medium>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) reports: Arc<Counters>,
}

impl Kept {
    /// What a new device has, and the directories in configfs for it.
    pub(crate) fn new() -> Result<(Self, KVec<DefaultGroup>)> {
        let (faults, groups) = Faults::new()?;
        let this = Self {
            medium: Medium::new()?,
            faults,
            reports: Arc::new(
                Counters::new(kernel::cpu::nr_cpu_ids() as usize)?,
                GFP_KERNEL,
            )?,
        };
        Ok((this, groups))
    }
}

/// A disk, whatever its code was made for.
trait Disk: Send + Sync {
    /// Changes the numbers of hardware queues.
    fn resize(&self, submit_queues: u32, poll_queues: u32) -> Result;
}

/// A disk, and its tags.
struct TypedDisk<C: Completion, P: Pipeline> {
    _disk: GenDisk<NullBlk<C, P>>,
    tag_set: Arc<TagSet<NullBlk<C, P>>>,
}

impl<C: Completion, P: Pipeline> Disk for TypedDisk<C, P> {
    fn resize(&self, submit_queues: u32, poll_queues: u32) -> Result {
        self.tag_set.update_nr_hw_queues(submit_queues, poll_queues)
    }
}

/// What a disk is made from.
struct Parts<'a> {
    registry: &'a Registry,
    config: &'a Config,
    machine: &'a Machine,
    kept: &'a Kept,
    slot: &'a Slot,
    layout: Option<Layout>,
    zones: Option<Arc<AnyZones>>,
    storage: Option<Arc<Storage>>,
}

impl Device {
    /// Makes the device that `config` describes, under `name` or, without one, under a name of its
    /// own. Writes to `config` what its values have become, and which number the device has got.
    pub(crate) fn power_on(
        registry: &Arc<Registry>,
        config: &mut Config,
        kept: &Kept,
        name: Option<&CStr>,
    ) -> Result<Self> {
        let machine = Machine::this();
        config.normalize(&machine)?;
        let layout = config.plan_zones()?;
        let slot = registry.reserve(name)?;
        let zones = match layout {
            None => None,
            Some(layout) => Some(AnyZones::new(config, layout, slot.name().as_cstr())?),
        };
        let storage = match config.memory_backed {
            false => None,
            true => Some(Storage::new(kept.medium.clone(), config.cache_size)?),
        };
        let disk = Parts {
            registry,
            config,
            machine: &machine,
            kept,
            slot: &slot,
            layout,
            zones: zones.clone(),
            storage: storage.clone(),
        }
        .disk()?;

        let files = match config.irq_mode() {
            IrqMode::Tag => {
                let name = slot.name().as_cstr();
                Some(ReportFiles::new(registry.debug(), name, &kept.reports)?)
            }
            _ => None,
        };

        config.index = slot.index();
        pr_info!("disk {} created\n", slot.name());
        Ok(Self {
            disk,
            zones,
            storage,
            _files: files,
            _slot: slot,
        })
    }

    /// Changes the numbers of hardware queues, which waits for I/O in flight.
    pub(crate) fn resize(&self, submit_queues: u32, poll_queues: u32) -> Result {
        self.disk.resize(submit_queues, poll_queues)
    }

    /// Makes a zone fail; see [`AnyZones::fail`].
    ///
    /// # Errors
    ///
    /// `EINVAL` if the device has no zones, no such zone, or one that can't fail.
    pub(crate) fn fail_zone(&self, sector: u64, how: Failure) -> Result {
        let zones = self.zones.as_ref().ok_or(EINVAL)?;
        zones.fail(sector, how, self.storage.as_ref())
    }
}

impl Parts<'_> {
    /// Makes the disk, with the code for how it completes requests.
    fn disk(&self) -> Result<KBox<dyn Disk>> {
        if self.config.shared_tags {
            let tag_set = self.registry.shared_tags()?;
            return self.add_disk::<Any, Full>(tag_set, self.full());
        }
        match self.config.irq_mode() {
            IrqMode::None => self.completed_by::<Inline>(),
            IrqMode::Softirq => self.completed_by::<Softirq>(),
            IrqMode::Timer => self.completed_by::<Timer>(),
            IrqMode::Tag => self.completed_by::<ByTag>(),
        }
    }

    /// Makes the disk, with the code for what it does with requests.
    fn completed_by<C: Completion>(&self) -> Result<KBox<dyn Disk>> {
        let special = self.config.mbps > 0 || self.zones.is_some();
        match &self.storage {
            _ if special => self.add_disk::<C, _>(self.tag_set()?, self.full()),
            Some(storage) => {
                let memory = Memory::new(self.checked(), storage.clone());
                self.add_disk::<C, _>(self.tag_set()?, memory)
            }
            None => self.add_disk::<C, _>(self.tag_set()?, Null::new(self.checked())),
        }
    }

    fn checked(&self) -> Checked {
        Checked::new(self.kept.medium.clone(), Policy::new(self.config))
    }

    fn full(&self) -> Full {
        Full {
            checked: self.checked(),
            storage: self.storage.clone(),
            zones: self.zones.clone(),
            throttle: Throttle::new(self.config.mbps),
        }
    }

    /// Tags of the device's own.
    fn tag_set<C: Completion, P: Pipeline>(&self) -> Result<Arc<TagSet<NullBlk<C, P>>>> {
        let config = self.config;
        Arc::pin_init(TagSet::new(tag_set_builder(config)), GFP_KERNEL)
    }

    /// Makes the disk.
    fn add_disk<C: Completion, P: Pipeline>(
        &self,
        tag_set: Arc<TagSet<NullBlk<C, P>>>,
        pipeline: P,
    ) -> Result<KBox<dyn Disk>> {
        let Self {
            registry,
            config,
            machine,
            kept,
            slot,
            layout,
            ..
        } = self;
        let queue = KBox::new(
            Queue {
                pipeline,
                completion: C::new_device(config, &tag_set, &kept.faults, &kept.reports)?,
                // The module's parameter limits those for polling of all devices.
                poll_queues: PollQueues::new(machine.cpus + machine.poll_queues)?,
                faults: kept.faults.clone(),
            },
            GFP_KERNEL,
        )?;

        let disk = GenDiskBuilder::new()
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
            .zoned(layout.map(|layout| layout.limits()))
            .device_number(registry.major(), slot.index(), 1)
            .build(slot.name().as_cstr(), tag_set.clone(), queue)?;
        Ok(KBox::new(
            TypedDisk {
                _disk: disk,
                tag_set,
            },
            GFP_KERNEL,
        )?)
    }
}

/// The most sectors that one discard can be for: as many as fit the length of a request in bytes.
const MAX_DISCARD: u32 = u32::MAX >> kernel::block::SECTOR_SHIFT;
