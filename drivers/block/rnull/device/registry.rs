// SPDX-License-Identifier: GPL-2.0

//! What all devices of the module share: the major number, the names and minor numbers in use, and
//! the shared tags.
//!
//! Lock order: the lock of a device's settings (`configfs`), then the one here.

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

/// The name of a disk, with its null byte and padded with more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name([u8; Self::SIZE]);

/// What all devices of the module share.
#[pin_data]
pub(crate) struct Registry {
    major: Arc<Major>,
    debug: Dir,
    #[pin]
    taken: Mutex<Taken>,
    /// The tags of the devices that share theirs, once there was one.
    #[pin]
    shared_tags: Mutex<Option<Arc<SharedTags>>>,
}

/// Tags for devices of any settings.
pub(crate) type SharedTags = TagSet<NullBlk<Any>>;

/// What is taken.
struct Taken {
    indexes: IdPool,
    names: KVec<(u32, Name)>,
}

/// A name and a number that no other device has, until this is dropped.
pub(crate) struct Slot {
    registry: Arc<Registry>,
    index: u32,
    name: Name,
}

impl Registry {
    /// Makes an empty registry.
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

    /// The major number of all devices.
    pub(crate) fn major(&self) -> Arc<Major> {
        self.major.clone()
    }

    /// The directory in debugfs that the devices have theirs in.
    pub(crate) fn debug(&self) -> &Dir {
        &self.debug
    }

    /// The tags for devices that share theirs. They are made for the first of them, by the module's
    /// parameters, and kept.
    pub(crate) fn shared_tags(&self) -> Result<Arc<SharedTags>> {
        let mut shared = self.shared_tags.lock();
        if let Some(tag_set) = &*shared {
            return Ok(tag_set.clone());
        }
        let mut config = Config::new();
        // Whether one of the devices will store data is not known yet.
        config.blocking = true;
        let tag_set = Arc::pin_init(TagSet::new(tag_set_builder(&config)), GFP_KERNEL)?;
        *shared = Some(tag_set.clone());
        Ok(tag_set)
    }

    /// Whether a device that is powered on has the name `name`.
    pub(crate) fn has_name(&self, name: &CStr) -> bool {
        name.to_bytes().len() < Name::SIZE && self.taken.lock().has_name(Name::of(name))
    }

    /// Takes the lowest free number, and a name: `name`, or one made from the number.
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
            pr_warn!("there is a device with the name {} already\n", name);
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

/// How the tags for a device with these settings are to be made.
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

    /// The lowest number that no device has.
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
    /// The size of the place that C has for it.
    const SIZE: usize = 32;

    /// `name`, cut to the length that a disk's name can have.
    fn of(name: &CStr) -> Self {
        let mut bytes = [0; Self::SIZE];
        let len = name.to_bytes().len().min(Self::SIZE - 1);
        bytes[..len].copy_from_slice(&name.to_bytes()[..len]);
        Self(bytes)
    }

    /// The name as a string.
    pub(crate) fn as_cstr(&self) -> &CStr {
        // There is always a null byte, see `of`.
        CStr::from_bytes_until_nul(&self.0).unwrap_or(c"")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_cstr(), f)
    }
}

impl Slot {
    /// The number.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// The name.
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
        // A name that was refused has not used up a number.
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
