// SPDX-License-Identifier: GPL-2.0

//! What all devices of the module have in common: the major number, and which names and minor
//! numbers are taken.
//!
//! Lock order: the lock of a device's settings (`configfs`), then the one here.

use crate::config::Config;
use kernel::{
    block::Major,
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
    defaults: Config,
    major: Arc<Major>,
    #[pin]
    taken: Mutex<Taken>,
}

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
    /// Makes an empty registry. New devices start with `defaults`.
    pub(crate) fn new(defaults: Config) -> Result<Arc<Self>> {
        let major = Arc::new(Major::register(c"rnullb")?, GFP_KERNEL)?;
        Arc::pin_init(
            try_pin_init!(Self {
                defaults,
                major,
                taken <- new_mutex!(Taken {
                    indexes: IdPool::new(),
                    names: KVec::new(),
                }),
            }),
            GFP_KERNEL,
        )
    }

    /// The settings that a new device starts with.
    pub(crate) fn defaults(&self) -> Config {
        self.defaults.clone()
    }

    /// The major number of all devices.
    pub(crate) fn major(&self) -> Arc<Major> {
        self.major.clone()
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

    fn registry() -> Result<Arc<Registry>> {
        Registry::new(Config {
            size: 1,
            blocksize: 512,
            irqmode: 0,
            completion_nsec: 0,
            index: 0,
        })
    }

    #[test]
    fn lowest_number_is_taken() -> Result {
        let registry = registry()?;
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
    fn more_than_fit_a_word() -> Result {
        let registry = registry()?;
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
        let registry = registry()?;
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
        let registry = registry()?;
        let slot = registry.reserve(Some(c"0123456789012345678901234567890123"))?;
        assert_eq!(slot.name().as_cstr(), c"0123456789012345678901234567890");
        assert!(registry.has_name(c"0123456789012345678901234567890"));
        Ok(())
    }
}
