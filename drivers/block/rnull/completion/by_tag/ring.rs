// SPDX-License-Identifier: GPL-2.0

//! The completion ring of a hardware queue. The device and its interrupt handler share it.

use kernel::{
    block::mq::{
        Operations,
        Request, //
    },
    new_spinlock_irq,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        barrier::smp_mb,
        SpinLockIrq,
        SpinLockIrqGuard, //
    },
};

/// A completion entry: the device has executed the request with this tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) hw_queue: u32,
    pub(crate) tag: u32,
}

impl Entry {
    #[inline]
    fn pack(self) -> u64 {
        u64::from(self.hw_queue) << u32::BITS | u64::from(self.tag)
    }

    #[inline]
    fn unpack(packed: u64) -> Self {
        Self {
            hw_queue: (packed >> u32::BITS) as u32,
            tag: packed as u32,
        }
    }
}

/// A completion ring, first in first out.
///
/// As with hardware, two sides use it concurrently. The device adds entries and arms the interrupt,
/// on one CPU at a time: it holds the lock. The interrupt handler takes entries without the lock;
/// it never runs on two CPUs at a time.
///
/// `added`, `due` and `taken` count entries since the ring was created, and wrap around. The armed
/// interrupt is for the entries from `taken` to `due`; none is armed while these two are equal. The
/// entries from `due` to `added` are for the next interrupt.
#[pin_data]
pub(super) struct Ring {
    /// Its length is a power of two, so that wrapping counts give the right slots.
    slots: KVVec<Atomic<u64>>,
    /// Written by the device.
    added: Atomic<usize>,
    /// Written under the lock.
    due: Atomic<usize>,
    /// Written by the interrupt handler.
    taken: Atomic<usize>,
    #[pin]
    lock: SpinLockIrq<()>,
}

/// The device's side of a ring.
pub(super) struct Producer<'a> {
    ring: &'a Ring,
    _guard: SpinLockIrqGuard<'a, ()>,
}

/// The interrupt handler's side of a ring: the entries that one interrupt is for.
pub(super) struct Consumer<'a> {
    ring: &'a Ring,
    taken: usize,
    end: usize,
}

impl Ring {
    /// Returns an initializer for an empty ring of at least `size` slots.
    pub(super) fn new(size: usize) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            slots: {
                let size = size.next_power_of_two();
                let mut slots = KVVec::with_capacity(size, GFP_KERNEL)?;
                for _ in 0..size {
                    slots.push(Atomic::new(0), GFP_KERNEL)?;
                }
                slots
            },
            added: Atomic::new(0),
            due: Atomic::new(0),
            taken: Atomic::new(0),
            lock <- new_spinlock_irq!(()),
        })
    }

    /// Returns the slot of the entry with the number `count`.
    #[inline]
    fn slot(&self, count: usize) -> &Atomic<u64> {
        &self.slots[count & (self.slots.len() - 1)]
    }

    /// Locks the device's side. Interrupts of this CPU are off until the producer is dropped.
    #[inline]
    pub(super) fn producer(&self) -> Producer<'_> {
        Producer {
            ring: self,
            _guard: self.lock.lock(),
        }
    }

    /// Returns the entries that the current interrupt is for. Only the interrupt handler calls
    /// this.
    #[inline]
    pub(super) fn consumer(&self) -> Consumer<'_> {
        Consumer {
            ring: self,
            taken: self.taken.load(Relaxed),
            // ORDERING: Acquire, paired with the Release in `Producer::arm`, so that the entries
            // before `due` are visible.
            end: self.due.load(Acquire),
        }
    }
}

impl Producer<'_> {
    /// Adds an entry. Returns whether there was a free slot.
    #[inline]
    pub(super) fn push(&mut self, entry: Entry) -> bool {
        let added = self.ring.added.load(Relaxed);
        // ORDERING: Acquire, paired with the Release in `Consumer::next`: the store below must not
        // overwrite a slot that has not been read.
        let taken = self.ring.taken.load(Acquire);
        if added.wrapping_sub(taken) == self.ring.slots.len() {
            return false;
        }
        self.ring.slot(added).store(entry.pack(), Relaxed);
        self.ring.added.store(added.wrapping_add(1), Relaxed);
        true
    }

    /// Arms an interrupt for the added entries, if none is armed. Returns whether the caller must
    /// start its timer.
    #[inline]
    pub(super) fn arm(&mut self) -> bool {
        let added = self.ring.added.load(Relaxed);
        let due = self.ring.due.load(Relaxed);
        if added == due || self.is_armed(due) {
            return false;
        }
        // ORDERING: Release, paired with the Acquire in `Ring::consumer`.
        self.ring.due.store(added, Release);
        true
    }

    /// Returns whether an interrupt is armed. Its handler arms the next one for the added entries.
    #[inline]
    fn is_armed(&self, due: usize) -> bool {
        if self.ring.taken.load(Relaxed) == due {
            return false;
        }
        // The handler may be taking its last entry at this moment.
        // ORDERING: A full barrier between the store to `added` and the load of `taken`. It pairs
        // with the full barrier in `Consumer::next`: either this load sees that the handler took
        // its last entry, or `Consumer::finish` sees the added entries.
        smp_mb(Full);
        self.ring.taken.load(Relaxed) != due
    }
}

impl Consumer<'_> {
    /// Takes the next entry, and returns the request that `find` finds for it, if any. Returns
    /// `None` after the last entry.
    ///
    /// Implies a full memory barrier after the entry is taken. Taking a reference to a request is
    /// such a barrier, so an explicit one is needed only if `find` returns `None`.
    #[inline]
    pub(super) fn next<T: Operations>(
        &mut self,
        find: impl FnOnce(Entry) -> Option<ARef<Request<T>>>,
    ) -> Option<Option<ARef<Request<T>>>> {
        if self.taken == self.end {
            return None;
        }
        let entry = Entry::unpack(self.ring.slot(self.taken).load(Relaxed));
        self.taken = self.taken.wrapping_add(1);
        // ORDERING: Release, paired with the Acquire in `Producer::push`.
        self.ring.taken.store(self.taken, Release);
        let found = find(entry);
        if found.is_none() {
            smp_mb(Full);
        }
        Some(found)
    }

    /// Ends the interrupt, after all its entries were taken. Arms the next one if the device has
    /// added entries meanwhile. Returns whether it did; then the caller must start the timer.
    #[inline]
    pub(super) fn finish(self) -> bool {
        // ORDERING: A full barrier in `next` is between the store to `taken` and this load. See
        // `Producer::is_armed`.
        //
        // Usually no entry was added, and the lock is not taken.
        self.ring.added.load(Relaxed) != self.end && self.ring.producer().arm()
    }
}

#[kunit_tests(rnull_completion_ring)]
mod tests {
    use super::*;
    use crate::{
        completion::ByTag,
        request::NullBlk, //
    };

    fn entry(tag: u32) -> Entry {
        Entry { hw_queue: 3, tag }
    }

    fn ring(size: usize) -> Result<Pin<KBox<Ring>>> {
        KBox::pin_init(Ring::new(size), GFP_KERNEL)
    }

    fn push(ring: &Ring, tag: u32) -> bool {
        ring.producer().push(entry(tag))
    }

    /// Takes an entry, for which no request is found.
    fn next(consumer: &mut Consumer<'_>) -> Option<Entry> {
        let mut taken = None;
        consumer.next::<NullBlk<ByTag>>(|entry| {
            taken = Some(entry);
            None
        })?;
        taken
    }

    /// Handles one interrupt. Returns the tags, and whether the next interrupt was armed.
    fn taken(ring: &Ring) -> Result<(KVec<u32>, bool)> {
        let mut tags = KVec::new();
        let mut consumer = ring.consumer();
        while let Some(entry) = next(&mut consumer) {
            assert_eq!(entry.hw_queue, 3);
            tags.push(entry.tag, GFP_KERNEL)?;
        }
        Ok((tags, consumer.finish()))
    }

    #[test]
    fn entries_keep_their_numbers() {
        for (hw_queue, tag) in [
            (0, 0),
            (0, u32::MAX),
            (u32::MAX, 0),
            (7, 9),
            (1 << 31, 1 << 31),
        ] {
            let entry = Entry { hw_queue, tag };
            assert_eq!(Entry::unpack(entry.pack()), entry);
        }
    }

    #[test]
    fn nothing_arms_no_interrupt() -> Result {
        let ring = ring(4)?;
        assert!(!ring.producer().arm());
        let (tags, again) = taken(&ring)?;
        assert_eq!((tags.len(), again), (0, false));
        assert!(!ring.producer().arm());
        Ok(())
    }

    #[test]
    fn interrupt_is_for_entries_added_before() -> Result {
        let ring = ring(8)?;
        assert!(push(&ring, 1) && push(&ring, 2) && push(&ring, 3));
        assert!(ring.producer().arm());
        assert!(push(&ring, 4));
        assert!(!ring.producer().arm());

        let (tags, again) = taken(&ring)?;
        assert_eq!(&*tags, &[1, 2, 3]);
        assert!(again);
        assert!(!ring.producer().arm());
        let (tags, again) = taken(&ring)?;
        assert_eq!(&*tags, &[4]);
        assert!(!again);
        assert!(!ring.producer().arm());
        Ok(())
    }

    #[test]
    fn device_arms_while_interrupt_ends() -> Result {
        let ring = ring(8)?;
        assert!(push(&ring, 1) && ring.producer().arm());
        let mut consumer = ring.consumer();
        // Until the handler takes its last entry, only the handler arms the next interrupt.
        assert!(push(&ring, 2) && !ring.producer().arm());
        assert_eq!(next(&mut consumer), Some(entry(1)));
        // After that, the first side that tries arms it.
        assert!(ring.producer().arm() && !ring.producer().arm());
        assert_eq!(next(&mut consumer), None);
        assert!(!consumer.finish());
        let (tags, again) = taken(&ring)?;
        assert_eq!((&*tags, again), (&[2][..], false));
        Ok(())
    }

    #[test]
    fn ring_wraps_around_and_fills() -> Result {
        for (wanted, size) in [(4, 4), (5, 8)] {
            let ring = ring(wanted)?;
            for round in 0..10 {
                let tags = |at: usize| 10 * round + at as u32;
                for at in 0..size {
                    assert!(push(&ring, tags(at)));
                }
                assert!(!push(&ring, 99));
                assert!(ring.producer().arm());
                let mut consumer = ring.consumer();
                for at in 0..3 {
                    assert_eq!(next(&mut consumer), Some(entry(tags(at))));
                }
                assert!(push(&ring, 50));
                for at in 3..size {
                    assert_eq!(next(&mut consumer), Some(entry(tags(at))));
                }
                assert_eq!(next(&mut consumer), None);
                assert!(consumer.finish());
                let (rest, again) = taken(&ring)?;
                assert_eq!((&*rest, again), (&[50][..], false));
            }
        }
        Ok(())
    }
}
