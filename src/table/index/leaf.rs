//! The leaves of the tree: what is known of some neighbouring shards, in columns. How to search among their starts is the
//! business of [`super::heads`].

use std::ops::Range;
use std::sync::Arc;

use arrayvec::ArrayVec;

use super::heads::{Heads, LEAF};
use super::keys::Keys;
use super::probe::Probe;
use super::spare::make;
use super::weight::{NodeSets, Weight};
use super::wide::Lanes;
use crate::key::{KeyEnd, KeyRange};
use crate::shard::{Details, Epoch, NodeId, Route, Shard, ShardId, ShardRecord, ShardState};
use crate::table::prefetch::{prefetch, prefetch_all};

/// Neighbouring shards. Beside the heads, a look-up touches one of the routes, and a key only where heads do not tell.
#[repr(C)]
pub(super) struct Leaf {
    pub(super) heads: Heads<LEAF>,
    /// Beyond the shards that there are they mean nothing.
    pub(super) routes: [Route; LEAF],
    /// A bit for each shard that does not end where the next one in the leaf starts: its end is among the keys.
    pub(super) marks: u64,
    pub(super) details: Vec<Details>,
    /// All starts, then the ends of the marked shards; an empty one is unbounded.
    pub(super) keys: Keys,
    replicas: Replicas,
}

/// The replicas of each shard. Neighbours that have the same ones, as the children of a split do, share them.
#[derive(Clone)]
struct Replicas {
    /// First where each set starts, and where the last one ends, as numbers; then the sets, end to end.
    sets: Arc<[NodeId]>,
    /// Which set each shard has.
    which: [u8; LEAF],
}

/// How many replicas a shard may have: more than anyone has, and little enough to be copied with each change beside it.
pub(in crate::table) const MOST_REPLICAS: usize = u16::MAX as usize / LEAF;

/// Until there is a shard.
const NOWHERE: Route = Route {
    shard: ShardId(0),
    epoch: Epoch { range: 0, members: 0 },
    leader: NodeId(0),
    state: ShardState::Offline,
};

/// What of a shard goes to the columns of a leaf that must be made anew for each change.
#[derive(Clone, Copy)]
struct Row<'r> {
    start: &'r [u8],
    end: KeyEnd<&'r [u8]>,
    replicas: &'r [NodeId],
}

/// Room for the rows of a leaf while two new ones take the place of one.
type Rows<'r> = ArrayVec<Row<'r>, LEAF>;

impl Leaf {
    /// Of no more records than fit.
    pub(super) fn of(records: &[ShardRecord]) -> Arc<Self> {
        let rows: Rows<'_> = records.iter().map(Row::of_record).collect();
        let routes = records.iter().map(ShardRecord::route);
        Self::new(&rows, routes, records.iter().map(ShardRecord::details))
    }

    fn new(
        rows: &[Row<'_>],
        routes: impl Iterator<Item = Route>,
        details: impl Iterator<Item = Details>,
    ) -> Arc<Self> {
        make(|leaf: &mut Self| {
            (leaf.keys, leaf.marks) = keys(rows);
            leaf.heads = Heads::of(rows.len(), |place| leaf.keys.get(place));
            leaf.routes.iter_mut().zip(routes).for_each(|(place, route)| *place = route);
            leaf.details.clear();
            // Room for one more: spare, it may become a copy in which a shard is split.
            leaf.details.reserve_exact(rows.len() + 1);
            leaf.details.extend(details);
            leaf.replicas = Replicas::of_all(rows.iter().map(|row| row.replicas));
        })
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }

    /// The slot of the last shard that starts at or before `key`, which is not less than the first start.
    #[inline(always)]
    pub(super) fn slot<L: Lanes>(&self, probe: &Probe<'_>, agreed: usize) -> usize {
        match self.heads.first_rank::<L>(probe) {
            Some(rank) => rank - 1,
            None => self.heads.rank::<L>(probe, agreed, &self.keys).0 - 1,
        }
    }

    /// The same, if heads tell at once.
    #[inline(always)]
    pub(super) fn quick_slot<L: Lanes>(&self, probe: &Probe<'_>, agreed: usize) -> Option<usize> {
        match self.heads.first_rank::<L>(probe) {
            Some(rank) => Some(rank - 1),
            None => Some(self.heads.window_rank::<L>(probe, agreed)?.0 - 1),
        }
    }

    /// The slot of the last shard that starts at or before `key`, whatever key it is, if heads alone tell that it lies between
    /// two starts of this leaf.
    #[inline(always)]
    pub(super) fn slot_within<L: Lanes>(&self, probe: &Probe<'_>) -> Option<usize> {
        self.heads.rank_within::<L>(probe, &self.keys).map(|rank| rank - 1)
    }

    #[inline]
    pub(super) fn start(&self, slot: usize) -> &[u8] {
        self.keys.get(slot)
    }

    /// Whether the shard in this slot, which starts at or before `key`, owns it, as far as the leaf can tell without the next
    /// start: `key` is less than that.
    #[inline(always)]
    pub(super) fn reaches(&self, slot: usize, key: &[u8]) -> bool {
        !self.is_marked(slot) || self.ends_above(slot, key)
    }

    /// Apart, so that where there are no gaps nothing has to be set aside for it.
    #[inline(never)]
    fn ends_above(&self, slot: usize, key: &[u8]) -> bool {
        self.end(slot).is_above(key)
    }

    #[inline]
    pub(super) fn is_marked(&self, slot: usize) -> bool {
        self.marks >> slot & 1 != 0
    }

    fn marked_before(&self, slot: usize) -> usize {
        low_bits(self.marks, slot).count_ones() as usize
    }

    pub(super) fn end(&self, slot: usize) -> KeyEnd<&[u8]> {
        if !self.is_marked(slot) {
            return KeyEnd::At(self.keys.get(slot + 1));
        }
        match self.keys.get(self.len() + self.marked_before(slot)) {
            [] => KeyEnd::Unbounded,
            end => KeyEnd::At(end),
        }
    }

    pub(super) fn replicas(&self, slot: usize) -> &[NodeId] {
        self.replicas.of(slot)
    }

    pub(super) fn shard(&self, slot: usize) -> Shard<'_> {
        let range = KeyRange::between(self.start(slot), self.end(slot));
        Shard::new(&self.routes[slot], &self.details[slot], range, self.replicas(slot))
    }

    /// Whether a shard here and one in another leaf are equal. What versions share is not compared.
    pub(super) fn is_same(&self, slot: usize, other: &Self, beside: usize) -> bool {
        let (replicas, others) = (&self.replicas, &other.replicas);
        let shares_replicas =
            Arc::ptr_eq(&replicas.sets, &others.sets) && replicas.which[slot] == others.which[beside];
        let shares_keys = self.keys.is(&other.keys) && slot == beside;
        self.routes[slot] == other.routes[beside]
            && self.details[slot] == other.details[beside]
            && (shares_replicas || self.replicas(slot) == other.replicas(beside))
            && (shares_keys || self.start(slot) == other.start(beside) && self.end(slot) == other.end(beside))
    }

    /// Has loaded what is behind the routes, by which all is found that lies elsewhere.
    pub(super) fn prefetch_end(&self) {
        prefetch(&self.marks, 1);
        prefetch(&self.replicas, size_of::<Replicas>());
    }

    /// Has loaded what lies elsewhere.
    pub(super) fn prefetch_apart(&self) {
        prefetch_all(&self.details);
        self.keys.prefetch();
        prefetch_all(&self.replicas.sets);
    }

    /// Room for one more in a copy, since it may be made to split a shard in it; and in steps, or the next copy that is made of
    /// it would need another block again.
    fn room_for_details(&self) -> usize {
        (self.len() + 1).next_multiple_of(8)
    }

    pub(super) fn weight(&self) -> Weight {
        Weight { nodes: self.nodes(), ..self.details.iter().map(Weight::of_details).sum() }
    }

    /// Those of its weight. Neighbours often share their replicas.
    pub(super) fn nodes(&self) -> NodeSets {
        let mut nodes = NodeSets::default();
        let mut last = None;
        for (slot, route) in self.routes[..self.len()].iter().enumerate() {
            let set = self.replicas.which[slot];
            let replicas = if last == Some(set) { &[] } else { self.replicas(slot) };
            last = Some(set);
            nodes.add(NodeSets::of(route.leader, replicas));
        }
        nodes
    }

    pub(super) fn weight_of(&self, slot: usize) -> Weight {
        Weight::of(&self.routes[slot], &self.details[slot], self.replicas(slot))
    }

    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>()
            + self.details.len() * size_of::<Details>()
            + self.keys.size()
            + size_of_val(&*self.replicas.sets)
    }

    fn row(&self, slot: usize) -> Row<'_> {
        Row { start: self.start(slot), end: self.end(slot), replicas: self.replicas(slot) }
    }

    fn rows(&self, slots: Range<usize>) -> impl Iterator<Item = Row<'_>> {
        slots.map(|slot| self.row(slot))
    }

    /// Puts another record of the same range in the stead of one.
    pub(super) fn amend(&mut self, slot: usize, record: &ShardRecord) {
        (self.routes[slot], self.details[slot]) = (record.route(), record.details());
        if self.replicas(slot) != record.replicas {
            let new = |other: usize| if other == slot { &record.replicas } else { self.replicas(other) };
            self.replicas = Replicas::of_all((0..self.len()).map(new));
        }
    }

    /// Puts others in the place of `gone` shards from a slot on; they fit. All else stays as it is, but for the end of the
    /// shard before, which may be among the keys or not.
    pub(super) fn splice(&mut self, from: usize, gone: usize, new: &[ShardRecord]) {
        let (keys, marks) = self.other_keys(from, gone, new);
        match self.other_replicas(from, gone, new) {
            Some(replicas) => self.replicas = replicas,
            None => self.replicas.share(from, gone, new.len(), self.len()),
        }
        (self.keys, self.marks) = (keys, marks);
        let len = self.len();
        self.routes.copy_within(from + gone..len, from + new.len());
        self.move_details(from, gone, new.len());
        for (slot, record) in (from..).zip(new) {
            (self.routes[slot], self.details[slot]) = (record.route(), record.details());
        }
        self.heads.splice(from, gone, new.len(), &self.keys);
    }

    /// Has those above `gone` shards make room for `new` ones.
    fn move_details(&mut self, from: usize, gone: usize, new: usize) {
        let (details, len) = (&mut self.details, self.heads.len());
        let after = len - gone + new;
        // Not by the half, as vectors grow.
        details.reserve_exact(after.saturating_sub(len));
        // Any will do.
        details.resize(len.max(after), details[0]);
        details.copy_within(from + gone..len, from + new);
        details.truncate(after);
    }

    /// All keys as they will be, and the marks.
    fn other_keys(&self, from: usize, gone: usize, new: &[ShardRecord]) -> (Keys, u64) {
        let (len, until) = (self.len(), from + new.len());
        let before = from.saturating_sub(1);
        let above = self.marks.checked_shr(narrow(from + gone)).unwrap_or(0);
        let (marks, ends) = ends(
            before..until,
            |slot| if slot < from { self.end(slot) } else { new[slot - from].range.end() },
            |slot| match new.get(slot - from) {
                Some(new) => Some(new.range.start()),
                None => (from + gone < len).then(|| self.start(from + gone)),
            },
        );
        let marks = low_bits(self.marks, before) | marks | above.checked_shl(narrow(until)).unwrap_or(0);
        let starts: ArrayVec<&[u8], 3> = new.iter().map(|record| record.range.start()).collect();
        let keys = self.keys.splice(from, gone, &starts);
        // To count bits takes long, and mostly there are none.
        if ends.is_empty() && low_bits(self.marks, from + gone) >> before == 0 {
            return (keys, marks);
        }
        let (first, last) = (self.marked_before(before), self.marked_before(from + gone));
        let is_same = (first..last).map(|place| self.keys.get(len + place)).eq(ends.iter().copied());
        if is_same {
            return (keys, marks);
        }
        (keys.splice(len - gone + new.len() + first, last - first, &ends), marks)
    }

    /// All replicas as they will be, if the new shards do not have those of the first one that goes.
    fn other_replicas(&self, from: usize, gone: usize, new: &[ShardRecord]) -> Option<Replicas> {
        let model = from.min(self.len() - 1);
        let differs = new.iter().any(|record| self.replicas(model) != record.replicas);
        differs.then(|| {
            let (below, above) = (0..from, from + gone..self.len());
            let old = |slots: Range<usize>| slots.map(|slot| self.replicas(slot));
            let new = new.iter().map(|record| &record.replicas[..]);
            Replicas::of_all(old(below).chain(new).chain(old(above)))
        })
    }

    /// The shards below a slot, and those from it on.
    pub(super) fn halves(&self, middle: usize) -> (Arc<Self>, Arc<Self>) {
        let rows: Rows<'_> = self.rows(0..self.len()).collect();
        let half = |part: Range<usize>| {
            let (routes, details) = (&self.routes[part.clone()], &self.details[part.clone()]);
            Self::new(&rows[part], routes.iter().copied(), details.iter().copied())
        };
        (half(0..middle), half(middle..self.len()))
    }

    /// As few leaves as hold what two neighbours have, evenly filled.
    pub(super) fn share_out(&self, next: &Self) -> ArrayVec<Arc<Self>, 2> {
        let rows: ArrayVec<Row<'_>, { 2 * LEAF }> =
            self.rows(0..self.len()).chain(next.rows(0..next.len())).collect();
        let routes = || self.routes[..self.len()].iter().chain(&next.routes[..next.len()]).copied();
        let details = || self.details.iter().chain(&next.details).copied();
        let middle = if rows.len() <= LEAF { rows.len() } else { rows.len() / 2 };
        let parts = [0..middle, middle..rows.len()].into_iter().filter(|part| !part.is_empty());
        let part = |part: Range<usize>| {
            let (from, len) = (part.start, part.len());
            Self::new(&rows[part], routes().skip(from).take(len), details().skip(from).take(len))
        };
        parts.map(part).collect()
    }
}

impl Default for Leaf {
    /// Of no shard, to be filled.
    fn default() -> Self {
        let replicas = Replicas { sets: Arc::default(), which: [0; LEAF] };
        let (heads, details, keys) = (Heads::default(), Vec::new(), Keys::default());
        Self { heads, routes: [NOWHERE; LEAF], marks: 0, details, keys, replicas }
    }
}

impl Clone for Leaf {
    fn clone(&self) -> Self {
        let Self { heads, routes, marks, .. } = *self;
        let mut details = Vec::with_capacity(self.room_for_details());
        details.extend_from_slice(&self.details);
        let (keys, replicas) = (self.keys.clone(), self.replicas.clone());
        Self { heads, routes, marks, details, keys, replicas }
    }

    fn clone_from(&mut self, other: &Self) {
        let len = other.len();
        (self.heads, self.marks) = (other.heads, other.marks);
        self.routes[..len].copy_from_slice(&other.routes[..len]);
        self.details.clear();
        if self.details.capacity() <= len {
            self.details.reserve_exact(other.room_for_details());
        }
        self.details.extend_from_slice(&other.details);
        self.keys = other.keys.clone();
        self.replicas = other.replicas.clone();
    }
}

impl<'r> Row<'r> {
    fn of_record(record: &'r ShardRecord) -> Self {
        Self { start: record.range.start(), end: record.range.end(), replicas: &record.replicas }
    }
}

/// The keys of a leaf with these rows, and which of them are marked.
fn keys(rows: &[Row<'_>]) -> (Keys, u64) {
    let (marks, ends) = ends(0..rows.len(), |slot| rows[slot].end, |slot| Some(rows.get(slot)?.start));
    (Keys::of(rows.iter().map(|row| row.start).chain(ends)), marks)
}

/// Which of these slots are marked, and their ends, where each slot has this end, and each that there is this start.
fn ends<'r>(
    slots: Range<usize>,
    end: impl Fn(usize) -> KeyEnd<&'r [u8]>,
    start: impl Fn(usize) -> Option<&'r [u8]>,
) -> (u64, ArrayVec<&'r [u8], LEAF>) {
    let (mut marks, mut ends) = (0, ArrayVec::new());
    for slot in slots {
        let (end, next) = match end(slot) {
            KeyEnd::At(end) => (end, start(slot + 1)),
            KeyEnd::Unbounded => (&[][..], None),
        };
        // Shards of one leaf that were neighbours before have this key from one place.
        if !next.is_some_and(|next| std::ptr::eq(end, next) || end == next) {
            marks |= 1 << slot;
            ends.push(end);
        }
    }
    (marks, ends)
}

/// The bits below `place`, which may be the number of bits.
fn low_bits(bits: u64, place: usize) -> u64 {
    bits & !u64::MAX.checked_shl(narrow(place)).unwrap_or(0)
}

fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

impl Replicas {
    /// Puts `new` shards that have the replicas of the one at `from`, or of the last one, in the place of `gone`, of `len` in
    /// all.
    fn share(&mut self, from: usize, gone: usize, new: usize, len: usize) {
        let shared = self.which[from.min(len - 1)];
        self.which.copy_within(from + gone..len, from + new);
        self.which[from..from + new].fill(shared);
    }

    /// Of those of each shard, in their order.
    fn of_all<'r>(replicas: impl Iterator<Item = &'r [NodeId]>) -> Self {
        let mut distinct = ArrayVec::<&[NodeId], LEAF>::new();
        let mut which = [0; LEAF];
        for (replicas, which) in replicas.zip(&mut which) {
            if distinct.last() != Some(&replicas) {
                distinct.push(replicas);
            }
            *which = u8::try_from(distinct.len() - 1).unwrap_or(u8::MAX);
        }
        let mut at = distinct.len() + 1;
        let mut bounds = ArrayVec::<NodeId, { LEAF + 1 }>::new();
        bounds.push(NodeId(at as u64));
        for set in &distinct {
            at += set.len();
            bounds.push(NodeId(at as u64));
        }
        let mut sets = Vec::with_capacity(at);
        sets.extend_from_slice(&bounds);
        distinct.iter().for_each(|set| sets.extend_from_slice(set));
        Self { sets: sets.into(), which }
    }

    fn of(&self, slot: usize) -> &[NodeId] {
        let set = usize::from(self.which[slot]);
        let bound = |place: usize| usize::try_from(self.sets[place].0).unwrap_or(usize::MAX);
        &self.sets[bound(set)..bound(set + 1)]
    }
}
