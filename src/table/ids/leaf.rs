//! Leaves: how ids and starts lie in memory, how to find one, and how to make new leaves of parts of old ones. When to do
//! so is the business of [`super::edit`].
//!
//! A leaf is one allocation of exactly the bytes that it needs, so that copying one is cheap and memory holds little else
//! than entries: how many there are, the ids, where each start ends, and the starts end to end. It is never changed in
//! place: a change would move most of it and need room that most leaves never use.

use std::iter::{repeat_n, zip};
use std::ops::Range;
use std::sync::Arc;

use crate::shard::ShardId;

/// How many entries a leaf holds at most. With starts of sixteen bytes a full leaf is still small for allocators.
pub(super) const FANOUT: usize = 32;
/// How many bytes an entry takes, but for its start.
pub(super) const ENTRY: usize = ID + END;

const HEAD: usize = size_of::<u64>();
const ID: usize = size_of::<u64>();
const END: usize = size_of::<u32>();

/// See the module. All numbers are little-endian.
#[derive(Clone)]
pub(super) struct Leaf(pub(super) Arc<[u8]>);

/// Neighbouring entries of a leaf.
#[derive(Clone, Copy)]
pub(super) struct Run<'l> {
    ids: &'l [u8],
    ends: &'l [u8],
    /// Where the first start begins: the ends count from another place.
    base: usize,
    starts: &'l [u8],
}

/// An entry that is in no leaf yet.
pub(super) struct Lone<'s> {
    id: [u8; ID],
    end: [u8; END],
    start: &'s [u8],
}

impl<'s> Lone<'s> {
    pub(super) fn new(id: u64, start: &'s [u8]) -> Self {
        Self { id: id.to_le_bytes(), end: narrow(start.len()).to_le_bytes(), start }
    }

    pub(super) fn id(&self) -> u64 {
        u64::from_le_bytes(self.id)
    }

    pub(super) fn run(&self) -> Run<'_> {
        Run { ids: &self.id, ends: &self.end, base: 0, starts: self.start }
    }
}

impl Leaf {
    /// Of these entries, in ascending order. O(bytes).
    pub(super) fn of(runs: &[Run<'_>]) -> Self {
        let len = runs.iter().map(|run| run.ids.len() / ID).sum::<usize>();
        let heap = runs.iter().map(|run| run.starts.len()).sum::<usize>();
        // No sum below is greater.
        narrow(heap);
        let mut bytes: Arc<[u8]> = repeat_n(0, HEAD + len * ENTRY + heap).collect();
        if let Some(bytes) = Arc::get_mut(&mut bytes) {
            let (head, bytes) = bytes.split_at_mut(HEAD);
            let (mut ids, bytes) = bytes.split_at_mut(len * ID);
            let (mut ends, mut starts) = bytes.split_at_mut(len * END);
            head.copy_from_slice(&(len as u64).to_le_bytes());
            let mut filled = 0;
            for run in runs {
                fill(&mut ids, run.ids);
                fill(&mut starts, run.starts);
                let (places, rest) = ends.split_at_mut(run.ends.len());
                let shift = narrow(filled).wrapping_sub(narrow(run.base));
                for (place, end) in zip(places.chunks_exact_mut(END), run.ends.chunks_exact(END)) {
                    place.copy_from_slice(&number(end).wrapping_add(shift).to_le_bytes());
                }
                ends = rest;
                filled += run.starts.len();
            }
        }
        Self(bytes)
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.0[0])
    }

    pub(super) fn ids(&self) -> impl ExactSizeIterator<Item = u64> {
        self.0[HEAD..HEAD + self.len() * ID].chunks_exact(ID).map(word)
    }

    fn ends(&self) -> &[u8] {
        let at = HEAD + self.len() * ID;
        &self.0[at..at + self.len() * END]
    }

    fn starts(&self) -> &[u8] {
        &self.0[HEAD + self.len() * ENTRY..]
    }

    /// How many ids are less. Without a branch that depends on them.
    #[inline]
    pub(super) fn rank(&self, id: u64) -> usize {
        self.ids().map(|other| usize::from(other < id)).sum()
    }

    pub(super) fn has(&self, place: usize, id: u64) -> bool {
        place < self.len() && self.id(place) == id
    }

    pub(super) fn id(&self, place: usize) -> u64 {
        word(&self.0[HEAD + place * ID..][..ID])
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (ShardId, &[u8])> {
        (0..self.len()).map(|place| (ShardId(self.id(place)), self.start(place)))
    }

    pub(super) fn start(&self, place: usize) -> &[u8] {
        &self.starts()[self.begin(place)..self.begin(place + 1)]
    }

    #[inline]
    pub(super) fn get(&self, id: u64) -> Option<&[u8]> {
        let place = self.rank(id);
        self.has(place, id).then(|| self.start(place))
    }

    /// Where a start begins, which is where the one before ends.
    fn begin(&self, place: usize) -> usize {
        match place.checked_sub(1) {
            Some(before) => number(&self.ends()[before * END..][..END]) as usize,
            None => 0,
        }
    }

    pub(super) fn all(&self) -> Run<'_> {
        self.run(0..self.len())
    }

    pub(super) fn run(&self, places: Range<usize>) -> Run<'_> {
        let Range { start, end } = places;
        let base = self.begin(start);
        Run {
            ids: &self.0[HEAD + start * ID..HEAD + end * ID],
            ends: &self.ends()[start * END..end * END],
            base,
            starts: &self.starts()[base..self.begin(end)],
        }
    }

    /// Whether the bytes are those of a leaf of so many entries.
    pub(super) fn is_whole(&self) -> bool {
        let Some(len) = self.0.first().map(|len| usize::from(*len)) else { return false };
        self.0.len() >= HEAD + len * ENTRY
            && (0..len).all(|place| self.begin(place) <= self.begin(place + 1))
            && self.begin(len) == self.starts().len()
    }
}

fn fill(space: &mut &mut [u8], with: &[u8]) {
    let (filled, rest) = std::mem::take(space).split_at_mut(with.len());
    filled.copy_from_slice(with);
    *space = rest;
}

fn word(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

fn number(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_le_bytes)
}

/// # Panics
///
/// If the starts in one leaf have 4 GiB, which keys are too short for.
fn narrow(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("the starts of a few shards are short")
}
