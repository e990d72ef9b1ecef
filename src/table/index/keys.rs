//! Byte strings, end to end in one allocation that versions of a node share for as long as none of the strings changes.
//! What they mean, and in which order they stand, is not known here.

use std::iter::repeat_n;
use std::sync::Arc;

/// See the module. First come the offsets, of four bytes each: where every string starts, and where the last one ends.
#[derive(Clone)]
pub(super) struct Keys(Arc<[u8]>);

const OFFSET: usize = size_of::<u32>();

/// How long one key may be: the keys of a node must be within the reach of an offset.
pub(in crate::table) const MOST_BYTES: usize = 1 << 24;

impl Keys {
    /// Walks over the strings twice.
    pub(super) fn of<'k>(strings: impl Iterator<Item = &'k [u8]> + Clone) -> Self {
        let (count, bytes) = strings.clone().fold((0, 0), |(count, bytes), key| (count + 1, bytes + key.len()));
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

    #[inline]
    pub(super) fn get(&self, place: usize) -> &[u8] {
        &self.0[self.offset(place)..self.offset(place + 1)]
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
    debug_assert!(u32::try_from(offset).is_ok(), "keys are at most {MOST_BYTES} bytes long");
    let offset = u32::try_from(offset).unwrap_or(u32::MAX);
    heap[OFFSET * place..][..OFFSET].copy_from_slice(&offset.to_ne_bytes());
}
