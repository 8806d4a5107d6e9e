// SPDX-License-Identifier: GPL-2.0

//! The state that all devices share: the major number, the names and minor numbers in use, and the
//! shared tag set.
//!
//! Lock order: the lock of a device's configfs directory, then one of the locks here.

use crate::{
    completion::Any,
    request::NullBlk,
    settings::Config, //
};
use kernel::{
    block::{
        mq::{
            TagSet,
            TagSetBuilder, //
        },
        Major, //
    },
    debugfs::Dir,
    fmt,
    id_pool::IdPool,
    new_mutex,
    prelude::*,
    str::CString,
    sync::{
        Arc,
        Mutex, //
    },
};

/// The name of a disk, padded with null bytes. The last byte is always null.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name([u8; Self::SIZE]);

/// The state that all devices share.
#[pin_data]
pub(crate) struct Registry {
    major: Arc<Major>,
    debug: Dir,
    #[pin]
    taken: Mutex<Taken>,
    /// The tag set of the devices with `shared_tags`. The first such device creates it.
    #[pin]
    shared_tags: Mutex<Option<Arc<SharedTags>>>,
}

/// A tag set for devices with any settings.
pub(crate) type SharedTags = TagSet<NullBlk<Any>>;

/// The numbers and names that are in use.
struct Taken {
    indexes: IdPool,
    names: KVec<(u32, Name)>,
}

/// A name and a number, reserved for a device until this is dropped.
pub(crate) struct Slot {
    registry: Arc<Registry>,
    index: u32,
    name: Name,
}

impl Registry {
    /// Creates a registry without devices. May sleep.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let major = Arc::new(Major::register(c"rnullb")?, GFP_KERNEL)?;
        Arc::pin_init(
            try_pin_init!(Self {
                major,
                debug: Dir::new(c"rnull"),
                taken <- new_mutex!(Taken {
                    indexes: IdPool::new(),
                    names: KVec::new(),
                }),
                shared_tags <- new_mutex!(None),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the major number of all devices.
    pub(crate) fn major(&self) -> Arc<Major> {
        self.major.clone()
    }

    /// Returns the debugfs directory that contains the directories of the devices.
    pub(crate) fn debug(&self) -> &Dir {
        &self.debug
    }

    /// Returns the tag set of the devices with `shared_tags`. The first call creates it, from the
    /// module parameters. May sleep.
    pub(crate) fn shared_tags(&self) -> Result<Arc<SharedTags>> {
        let mut shared = self.shared_tags.lock();
        if let Some(tag_set) = &*shared {
            return Ok(tag_set.clone());
        }
        let mut config = Config::new();
        // Any of the devices may be memory-backed.
        config.blocking = true;
        let tag_set = Arc::pin_init(TagSet::new(tag_set_builder(&config)), GFP_KERNEL)?;
        *shared = Some(tag_set.clone());
        Ok(tag_set)
    }

    /// Returns whether a device that is on has the name `name`. May sleep.
    pub(crate) fn has_name(&self, name: &CStr) -> bool {
        name.to_bytes().len() < Name::SIZE && self.taken.lock().has_name(Name::of(name))
    }

    /// Reserves the lowest free number, and `name`, or a name made from the number. May sleep.
    ///
    /// # Errors
    ///
    /// `EEXIST` if a device has the name, `ENOMEM` if there is not enough memory.
    pub(crate) fn reserve(self: &Arc<Self>, name: Option<&CStr>) -> Result<Slot> {
        let mut taken = self.taken.lock();

        let index = taken.free_index()?;
        let name = match name {
            Some(name) => Name::of(name),
            None => Name::of(&CString::try_from_fmt(fmt!("rnullb{index}"))?),
        };
        if taken.has_name(name) {
            pr_warn!("a device with the name {} exists already\n", name);
            return Err(EEXIST);
        }
        taken.names.push((index, name), GFP_KERNEL)?;
        if let Some(free) = taken.indexes.find_unused_id(index as usize) {
            free.acquire();
        }

        Ok(Slot {
            registry: self.clone(),
            index,
            name,
        })
    }
}

/// Returns a builder for the tag set of a device with these settings.
pub(crate) fn tag_set_builder(config: &Config) -> TagSetBuilder {
    let mut builder = TagSetBuilder::new()
        .submit_queues(config.submit_queues)
        .poll_queues(config.poll_queues)
        .queue_depth(config.hw_queue_depth)
        .numa_node(config.node())
        .timeout_ms(5_000);
    if config.no_sched {
        builder = builder.no_scheduler_by_default();
    }
    if config.shared_tag_bitmap {
        builder = builder.shared_tag_bitmap();
    }
    if config.blocking {
        builder = builder.blocking();
    }
    builder
}

impl Taken {
    fn has_name(&self, name: Name) -> bool {
        self.names.iter().any(|&(_, taken)| taken == name)
    }

    /// Returns the lowest free number.
    fn free_index(&mut self) -> Result<u32> {
        if let Some(free) = self.indexes.find_unused_id(0) {
            return Ok(free.as_u32());
        }
        let more = self.indexes.grow_request().ok_or(ENOMEM)?;
        self.indexes.grow(more.realloc(GFP_KERNEL)?);
        Ok(self.indexes.find_unused_id(0).ok_or(ENOMEM)?.as_u32())
    }
}

impl Name {
    /// The size in bytes, as in C (`DISK_NAME_LEN`).
    const SIZE: usize = 32;

    /// Returns `name`, cut to the length of a disk's name.
    fn of(name: &CStr) -> Self {
        let mut bytes = [0; Self::SIZE];
        let len = name.to_bytes().len().min(Self::SIZE - 1);
        bytes[..len].copy_from_slice(&name.to_bytes()[..len]);
        Self(bytes)
    }

    /// Returns the name as a string.
    pub(crate) fn as_cstr(&self) -> &CStr {
        // `of` leaves a null byte at the end.
        CStr::from_bytes_until_nul(&self.0).unwrap_or(c"")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_cstr(), f)
    }
}

impl Slot {
    /// Returns the number.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Returns the name.
    pub(crate) fn name(&self) -> &Name {
        &self.name
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.registry.taken.lock();
        taken.names.retain(|(index, _)| *index != self.index);
        taken.indexes.release_id(self.index as usize);
    }
}

#[kunit_tests(rnull_registry)]
mod tests {
    use super::*;

    #[test]
    fn lowest_number_is_taken() -> Result {
        let registry = Registry::new()?;
        let zero = registry.reserve(None)?;
        let one = registry.reserve(None)?;
        let two = registry.reserve(None)?;
        assert_eq!([zero.index(), one.index(), two.index()], [0, 1, 2]);
        assert_eq!(one.name().as_cstr(), c"rnullb1");
        drop(one);
        assert_eq!(registry.reserve(None)?.index(), 1);
        Ok(())
    }

    #[test]
    fn many_numbers() -> Result {
        let registry = Registry::new()?;
        let mut slots = KVec::new();
        for index in 0..300 {
            let slot = registry.reserve(None)?;
            assert_eq!(slot.index(), index);
            slots.push(slot, GFP_KERNEL)?;
        }
        Ok(())
    }

    #[test]
    fn names_are_taken_once() -> Result {
        let registry = Registry::new()?;
        assert!(!registry.has_name(c"a"));
        let a = registry.reserve(Some(c"a"))?;
        assert!(registry.has_name(c"a"));
        assert_eq!(registry.reserve(Some(c"a")).err(), Some(EEXIST));
        // A refused name uses up no number.
        assert_eq!(registry.reserve(Some(c"b"))?.index(), 1);
        drop(a);
        assert!(!registry.has_name(c"a"));
        Ok(())
    }

    #[test]
    fn long_names_are_cut() -> Result {
        let registry = Registry::new()?;
        let slot = registry.reserve(Some(c"0123456789012345678901234567890123"))?;
        assert_eq!(slot.name().as_cstr(), c"0123456789012345678901234567890");
        assert!(registry.has_name(c"0123456789012345678901234567890"));
        Ok(())
    }
}
