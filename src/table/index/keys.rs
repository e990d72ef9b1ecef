//! Byte strings, end to end in one allocation that versions of a node share for as long as none of the strings changes.
//! What they mean, and in which order they stand, is not known here.

use crate::table::prefetch::{prefetch, prefetch_all};
use std::iter::repeat_n;
use std::sync::Arc;

/// See the module. First come the offsets, of four bytes each: where every string starts, and where the last one ends.
#[derive(Clone, Default)]
pub(super) struct Keys(Arc<[u8]>);

const OFFSET: usize = size_of::<u32>();

/// How long one key may be: the keys of a node must be within the reach of an offset.
pub(in crate::table) const MOST_BYTES: usize = 1 << 24;

impl Keys {
    /// Walks over the strings twice.
    pub(super) fn of<'k>(strings: impl Iterator<Item = &'k [u8]> + Clone) -> Self {
        let (count, bytes) =
            strings.clone().fold((0, 0), |(count, bytes), key| (count + 1, bytes + key.len()));
        let mut at = OFFSET * (count + 1);
        let mut heap: Arc<[u8]> = repeat_n(0, at + bytes).collect();
        if let Some(heap) = Arc::get_mut(&mut heap) {
            for (place, key) in strings.enumerate() {
                write_offset(heap, place, at);
                heap[at..at + key.len()].copy_from_slice(key);
                at += key.len();
            }
            write_offset(heap, count, at);
        }
        Self(heap)
    }

    /// The same with others in the place of `gone` strings from a place on. What stays is copied in two pieces.
    pub(super) fn splice(&self, from: usize, gone: usize, new: &[&[u8]]) -> Self {
        let count = self.offset(0) / OFFSET - 1;
        let (start, end) = (self.offset(from), self.offset(from + gone));
        let added: usize = new.iter().map(|key| key.len()).sum();
        let before = OFFSET * (count - gone + new.len() + 1);
        // Where each string moves, in the arithmetic of offsets, which wraps around on the way.
        let moved = offset_of(before).wrapping_sub(offset_of(self.offset(0)));
        let moved_above = moved.wrapping_add(offset_of(added)).wrapping_sub(offset_of(end - start));
        let mut heap: Arc<[u8]> =
            repeat_n(0, before + self.0.len() - self.offset(0) + added - (end - start)).collect();
        if let Some(heap) = Arc::get_mut(&mut heap) {
            let (offsets, strings) = heap.split_at_mut(before);
            let (below, offsets) = offsets.split_at_mut(OFFSET * from);
            let (inserted, above) = offsets.split_at_mut(OFFSET * new.len());
            move_offsets(below, &self.0[..OFFSET * from], moved);
            move_offsets(above, &self.0[OFFSET * (from + gone)..OFFSET * (count + 1)], moved_above);
            let (kept, rest) = strings.split_at_mut(start - self.offset(0));
            kept.copy_from_slice(&self.0[self.offset(0)..start]);
            let (mut at, mut rest) = (before + kept.len(), rest);
            for (place, key) in new.iter().enumerate() {
                write_offset(inserted, place, at);
                let (here, behind) = rest.split_at_mut(key.len());
                here.copy_from_slice(key);
                (at, rest) = (at + key.len(), behind);
            }
            rest.copy_from_slice(&self.0[end..]);
        }
        Self(heap)
    }

    /// Whether both are in the same allocation.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    #[inline]
    pub(super) fn get(&self, place: usize) -> &[u8] {
        let (from, end) = self.ends(place);
        &self.0[from..end]
    }

    /// Where a string starts and ends.
    #[inline]
    fn ends(&self, place: usize) -> (usize, usize) {
        let both: [u8; 2 * OFFSET] = self.0[OFFSET * place..].first_chunk().copied().unwrap_or_default();
        let [a, b, c, d, e, f, g, h] = both;
        (u32::from_ne_bytes([a, b, c, d]) as usize, u32::from_ne_bytes([e, f, g, h]) as usize)
    }

    /// A string, and all that there is from its beginning on, of the strings behind it.
    #[inline]
    pub(super) fn get_and_onward(&self, place: usize) -> (&[u8], &[u8]) {
        let (from, end) = self.ends(place);
        (&self.0[from..end], &self.0[from..])
    }

    /// Has it loaded where the first strings are, about as many as a node has.
    #[inline(always)]
    pub(super) fn prefetch_offsets(&self) {
        const MANY: usize = 48;
        if let Some(offsets) = self.0.first_chunk::<{ OFFSET * MANY }>() {
            prefetch(offsets, size_of_val(offsets));
        }
    }

    /// Has all of them loaded.
    pub(super) fn prefetch(&self) {
        prefetch_all(&self.0);
    }

    /// How many bytes they take, with all that is around them.
    pub(super) fn size(&self) -> usize {
        self.0.len() + 2 * size_of::<usize>()
    }

    #[inline]
    fn offset(&self, place: usize) -> usize {
        self.0[OFFSET * place..].first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes) as usize)
    }
}

fn write_offset(heap: &mut [u8], place: usize, offset: usize) {
    heap[OFFSET * place..][..OFFSET].copy_from_slice(&offset_of(offset).to_ne_bytes());
}

fn move_offsets(to: &mut [u8], from: &[u8], by: u32) {
    for (to, from) in to.chunks_exact_mut(OFFSET).zip(from.chunks_exact(OFFSET)) {
        let offset = from.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
        to.copy_from_slice(&offset.wrapping_add(by).to_ne_bytes());
    }
}

fn offset_of(at: usize) -> u32 {
    debug_assert!(u32::try_from(at).is_ok(), "keys are at most {MOST_BYTES} bytes long");
    u32::try_from(at).unwrap_or(u32::MAX)
}
