//! What one thread has counted, shard by shard, where others can read it: open addressing in a table that never grows. Who needs
//! a larger one, or one without the shards of long ago, begins another window.

use super::counted::Count;
use crate::shard::ShardId;
use crate::sync::{Flag, Tally};

/// See the module. Has one writer, and any number of readers.
pub(super) struct Window {
    slots: Box<[Slot]>,
    /// How many bits of a hash are too many for the number of a slot.
    shift: u32,
    /// What found no slot.
    rest: Slot,
    /// Set by the writer when it counts no more here.
    pub(super) is_over: Flag,
    /// Set by the first who reads it.
    pub(super) is_read: Flag,
}

/// Two in a cache line, and none in two.
#[repr(align(32))]
#[derive(Default)]
struct Slot {
    /// The id of the shard plus one; zero in an empty slot.
    mark: Tally,
    requests: Tally,
    bytes: Tally,
}

impl Slot {
    #[inline]
    fn add(&self, count: Count) {
        self.requests.add(count.requests);
        self.bytes.add(count.bytes);
    }

    fn read(&self) -> Count {
        Count { requests: self.requests.get(), bytes: self.bytes.get() }
    }
}

impl Window {
    /// With so many slots, a power of two, of which half are used.
    pub(super) fn new(slots: usize) -> Self {
        debug_assert!(slots.is_power_of_two() && slots > 1);
        Self {
            slots: (0..slots).map(|_| Slot::default()).collect(),
            shift: u64::BITS - slots.trailing_zeros(),
            rest: Slot::default(),
            is_over: Flag::default(),
            is_read: Flag::default(),
        }
    }

    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Counts what is in a list, in its order, each for a shard, up to the first one for a shard that has no slot, and says how
    /// much that was. To be called by the one writer.
    #[inline]
    pub(super) fn count<T: Copy>(&self, list: &[(ShardId, T)], count: impl Fn(T) -> Count) -> usize {
        let (slots, shift) = (&*self.slots, self.shift);
        let is_counted =
            |&(shard, what): &_| find(slots, shift, shard).map(|slot| slot.add(count(what))).is_some();
        list.iter().position(|item| !is_counted(item)).unwrap_or(list.len())
    }

    /// Gives the shard a slot, and counts its first requests. To be called by the one writer, for a shard that has none.
    pub(super) fn enroll(&self, shard: ShardId, count: Count) {
        let mut place = home(shard, self.shift);
        while self.at(place).mark.get() != 0 {
            place += 1;
        }
        let slot = self.at(place);
        slot.requests.set(count.requests);
        slot.bytes.set(count.bytes);
        slot.mark.set(shard.0.wrapping_add(1));
    }

    /// Counts requests of shards for which there is no slot. To be called by the one writer.
    pub(super) fn add_rest(&self, count: Count) {
        self.rest.add(count);
    }

    /// The slot of this number; behind the last one comes the first again.
    #[inline]
    fn at(&self, place: usize) -> &Slot {
        &self.slots[place & (self.slots.len() - 1)]
    }

    /// What was counted of each shard from the beginning on, by the place of its slot; and what found none.
    pub(super) fn read(&self) -> (impl Iterator<Item = (usize, ShardId, Count)>, Count) {
        let slots = self.slots.iter().enumerate().filter_map(|(place, slot)| {
            let shard = slot.mark.get().checked_sub(1)?;
            Some((place, ShardId(shard), slot.read()))
        });
        (slots, self.rest.read())
    }
}

/// The slot of a shard, if it has one. For the last id, which no shard has, an empty slot: what is counted there is nobody's.
#[inline]
fn find(slots: &[Slot], shift: u32, shard: ShardId) -> Option<&Slot> {
    let (last, mark) = (slots.len().checked_sub(1)?, shard.0.wrapping_add(1));
    let mut place = home(shard, shift);
    loop {
        let slot = &slots[place & last];
        match slot.mark.get() {
            found if found == mark => return Some(slot),
            0 => return None,
            _ => place += 1,
        }
    }
}

/// Where to look for a shard first, where so many bits of a hash are too many.
#[inline]
fn home(shard: ShardId, shift: u32) -> usize {
    // Fibonacci hashing (Knuth, 6.4), by the upper bits: ids that follow each other, as those of splits and merges do, come to
    // lie as far apart as can be, so that hardly any two want one slot.
    let hash = shard.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    #[allow(clippy::cast_possible_truncation, reason = "no more bits are left than numbers of slots have")]
    let home = (hash >> shift) as usize;
    home
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn slots_lie_in_one_line_each() {
        assert_eq!((size_of::<Slot>(), align_of::<Slot>()), (32, 32));
    }

    #[test]
    fn shards_are_told_apart_however_they_collide() {
        let (window, one) = (Window::new(8), |bytes| Count { requests: 1, bytes });
        let shards = [0, 1, 1 << 32, u64::MAX - 1].map(ShardId);
        for (place, shard) in shards.into_iter().enumerate() {
            assert_eq!(window.count(&[(shard, 1)], one), 0);
            // No shard has this id: what it finds is nobody's slot.
            assert_eq!(window.count(&[(ShardId(u64::MAX), 1_000)], one), 1);
            window.enroll(shard, Count { requests: 1, bytes: 1 });
            assert_eq!(window.count(&vec![(shard, 10); place], one), place);
        }
        window.add_rest(Count { requests: 1, bytes: 7 });
        let (slots, rest) = window.read();
        let mut found: Vec<_> = slots.map(|(_, shard, count)| (shard, count.requests, count.bytes)).collect();
        found.sort_unstable();
        let counted = |place: u64| (shards[usize::try_from(place).unwrap()], place + 1, 1 + 10 * place);
        assert_eq!(found, (0..4).map(counted).collect::<Vec<_>>());
        assert_eq!(rest, Count { requests: 1, bytes: 7 });
    }
}
