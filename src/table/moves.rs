//! What differs between two versions of a table, as moves of key ranges: for whoever follows keys, where [`super::diff`] is for
//! whoever follows shards.

use std::iter::Peekable;

use super::{Difference, Table};
use crate::key::{KeyEnd, KeyRange};
use crate::shard::{NodeId, Shard};

/// Keys that another shard owns than before, or the same one on other nodes: see [`Table::moves`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Move<'old, 'new> {
    /// The keys. All that one shard owned and one shard owns now.
    pub range: KeyRange,
    /// The shard that owned them, as it was; `None` if they were in a gap.
    pub from: Option<Shard<'old>>,
    /// The shard that owns them, as it is; `None` if they are in a gap.
    pub to: Option<Shard<'new>>,
    /// What has happened to them.
    pub why: Why,
}

/// Why keys are elsewhere, as far as two tables tell: what came and went in between is not seen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Why {
    /// They were in a gap, and a shard owns them.
    Registered,
    /// A shard owned them, and they are in a gap.
    Removed,
    /// The same shard owns them, and another node leads it.
    Transferred,
    /// The same shard owns them, under the same leader, and has other replicas.
    Replicated,
    /// A shard with fewer keys owns them, all of which were in the one before: it was split.
    Split,
    /// A shard with more keys owns them, among which are all of the one before: it was merged with others.
    Merged,
    /// A shard owns them that is neither a part nor the whole of the one before: it was split and merged, or removed and its
    /// keys registered anew.
    Replaced,
}

impl<'old, 'new> Move<'old, 'new> {
    fn of(range: KeyRange, from: Option<Shard<'old>>, to: Option<Shard<'new>>) -> Option<Self> {
        Some(Self { why: why(from, to)?, range, from, to })
    }

    /// The nodes that hold a copy of the keys now, and did not.
    pub fn arrivals(&self) -> impl Iterator<Item = NodeId> {
        holders(self.to).filter(|node| !holders(self.from).any(|before| before == *node))
    }

    /// The nodes that held a copy of the keys, and do not now.
    pub fn departures(&self) -> impl Iterator<Item = NodeId> {
        holders(self.from).filter(|node| !holders(self.to).any(|now| now == *node))
    }

    /// Whether another node leads the keys than before, or there is none, or there was none.
    #[must_use]
    pub fn changes_leader(&self) -> bool {
        self.from.map(Shard::leader) != self.to.map(Shard::leader)
    }

    /// Whether data goes to a node or from one. Not so if the keys got no more than another name, by a split or a merge.
    #[must_use]
    pub fn changes_node(&self) -> bool {
        self.arrivals().next().is_some() || self.departures().next().is_some()
    }
}

fn holders(shard: Option<Shard<'_>>) -> impl Iterator<Item = NodeId> {
    shard.into_iter().flat_map(|shard| shard.replicas().iter().copied().chain([shard.leader()]))
}

/// `None` if the keys are where they were.
fn why(from: Option<Shard<'_>>, to: Option<Shard<'_>>) -> Option<Why> {
    let (from, to) = match (from, to) {
        (None, None) => return None,
        (None, Some(_)) => return Some(Why::Registered),
        (Some(_), None) => return Some(Why::Removed),
        (Some(from), Some(to)) => (from, to),
    };
    if from.id() == to.id() {
        return if from.leader() != to.leader() {
            Some(Why::Transferred)
        } else {
            (from.replicas() != to.replicas()).then_some(Why::Replicated)
        };
    }
    // The child of a split or merge counts on from its parents.
    let descends = to.epoch().range > from.epoch().range;
    Some(match (from.range(), to.range()) {
        (before, now) if before == now || !descends => Why::Replaced,
        (before, now) if before.contains_range(&now) => Why::Split,
        (before, now) if now.contains_range(&before) => Why::Merged,
        _ => Why::Replaced,
    })
}

/// Both versions from the lowest key that differs on.
struct Sweep<'old, 'new, D: Iterator<Item = Difference<'old, 'new>>> {
    differences: Peekable<D>,
    /// The shards that own the keys from the next one on, as far as they differ.
    old: Option<Shard<'old>>,
    new: Option<Shard<'new>>,
    /// How far is done.
    done: KeyEnd,
}

impl<'old, 'new, D: Iterator<Item = Difference<'old, 'new>>> Sweep<'old, 'new, D> {
    /// The next keys that one shard owned and one shard owns, with both.
    fn piece(&mut self) -> Option<(KeyRange, Option<Shard<'old>>, Option<Shard<'new>>)> {
        let done = self.done.as_bytes();
        self.old = self.old.filter(|shard| shard.end() > done);
        self.new = self.new.filter(|shard| shard.end() > done);
        let is_between = self.old.is_none() && self.new.is_none();
        let start = match self.differences.next_if(|next| is_between || done == KeyEnd::At(start_of(next))) {
            Some(next) => self.enter(next),
            None if is_between => return None,
            None => self.done.key()?.to_vec(),
        };
        let ends = self.old.map(Shard::end).into_iter().chain(self.new.map(Shard::end));
        let next = self.differences.peek().map(|next| KeyEnd::At(start_of(next)));
        let end = ends.chain(next).min()?;
        let range = KeyRange::between(&start, end).to_key_range();
        self.done = end.key().map_or(KeyEnd::Unbounded, |key| KeyEnd::At(key.into()));
        Some((range, self.old, self.new))
    }

    fn enter(&mut self, next: Difference<'old, 'new>) -> Vec<u8> {
        let start = start_of(&next).to_vec();
        match next {
            Difference::Gone(old) => self.old = Some(old),
            Difference::New(new) => self.new = Some(new),
            Difference::Changed(old, new) => (self.old, self.new) = (Some(old), Some(new)),
        }
        start
    }
}

/// Where a difference is.
fn start_of<'d>(difference: &Difference<'d, 'd>) -> &'d [u8] {
    match difference {
        Difference::Gone(shard) | Difference::New(shard) | Difference::Changed(_, shard) => shard.start(),
    }
}

impl Table {
    /// The keys that are elsewhere in a `newer` version, in key order and without overlap: each a longest run of keys that one
    /// shard owned and one shard owns now, and these are two shards, or one with another leader or other replicas. Keys that
    /// were in a gap or are in one belong to no shard, which is elsewhere too. A shard that only grew, shrank or changed in
    /// other ways has not moved the keys that it kept.
    ///
    /// Between versions of one table in time proportional to what changed; any two tables can be compared.
    ///
    /// ```
    /// use shardway::{Change, NodeId, Table, Why};
    ///
    /// let old = Table::whole(NodeId(1));
    /// let (split, _) = old.apply(&[Change::split(old.resolve("")?.shard, "m")])?;
    /// let (new, _) = split.apply(&[Change::transfer(split.resolve("z")?.shard, NodeId(2))])?;
    ///
    /// let moves: Vec<_> = old.moves(&new).collect();
    /// assert!(moves.iter().map(|keys| keys.range.to_string()).eq([r#""".."m""#, r#""m".."#]));
    /// assert!(moves.iter().all(|keys| keys.why == Why::Split));
    /// assert!(!moves[0].changes_node() && moves[1].arrivals().eq([NodeId(2)]));
    /// # Ok::<(), shardway::Error>(())
    /// ```
    pub fn moves<'old, 'new>(&'old self, newer: &'new Self) -> impl Iterator<Item = Move<'old, 'new>> {
        let differences = self.diff(newer).peekable();
        let mut sweep =
            Sweep { differences, old: None, new: None, done: KeyEnd::At(crate::key::Key::empty()) };
        std::iter::from_fn(move || sweep.piece()).filter_map(|(range, from, to)| Move::of(range, from, to))
    }
}
