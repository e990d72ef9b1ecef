//! Batches of keys, grouped by who owns or leads them, in buffers that are used again. How owners are found is the
//! business of [`index`](super::index).

use super::Table;
use crate::shard::{NodeId, Route};

/// Who leads the keys of a group.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Leader {
    /// The node.
    pub node: NodeId,
    /// Whether it is marked as down: its keys are in one group nonetheless, to be held back or sent elsewhere together.
    pub is_down: bool,
}

/// Some keys of a batch that go together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Group<'g, T> {
    /// What they have in common: the route of their shard, or their [`Leader`].
    pub of: T,
    /// Where the keys stand in the batch, in ascending order; never empty.
    pub positions: &'g [usize],
}

/// Groups of a batch of keys: filled by [`Table::group_by_shard`] as `Grouping<Route>`, and by
/// [`Table::group_by_leader`] as `Grouping<Leader>`. Each fill replaces what was there and keeps the memory, so batches
/// that are no larger than the largest before, and no more scattered, allocate nothing.
#[derive(Clone, Debug)]
pub struct Grouping<T> {
    /// Positions, group by group.
    positions: Vec<usize>,
    groups: Vec<Span<T>>,
    unowned: Vec<usize>,
    /// Neighbours in the batch with one owner.
    runs: Vec<Span<Route>>,
}

/// Something from one place to another: a run in the batch, or a group among the positions.
#[derive(Clone, Copy, Debug)]
struct Span<T> {
    of: T,
    from: usize,
    to: usize,
}

impl<T: Copy> Grouping<T> {
    /// No groups yet, and no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { positions: Vec::new(), groups: Vec::new(), unowned: Vec::new(), runs: Vec::new() }
    }

    /// Every group once: shards in key order, leaders in ascending order.
    pub fn groups(&self) -> impl DoubleEndedIterator<Item = Group<'_, T>> + ExactSizeIterator {
        self.groups.iter().map(|span| Group { of: span.of, positions: &self.positions[span.from..span.to] })
    }

    /// Where those keys stand in the batch that nobody owns, in ascending order. They are in no group.
    #[must_use]
    pub fn unowned(&self) -> &[usize] {
        &self.unowned
    }

    fn clear(&mut self) {
        self.positions.clear();
        self.groups.clear();
        self.unowned.clear();
        self.runs.clear();
    }

    /// The next position of the batch, and who owns the key there.
    fn push(&mut self, position: usize, route: Option<Route>) {
        match (route, self.runs.last_mut()) {
            (None, _) => self.unowned.push(position),
            (Some(of), Some(run)) if run.to == position && run.of.shard == of.shard => run.to += 1,
            (Some(of), _) => self.runs.push(Span { of, from: position, to: position + 1 }),
        }
    }

    /// Makes groups of neighbouring runs that are of the same.
    fn join_runs<I: PartialEq>(&mut self, same: impl Fn(Route) -> I, of: impl Fn(Route) -> T) {
        for (place, run) in self.runs.iter().enumerate() {
            let from = self.positions.len();
            self.positions.extend(run.from..run.to);
            let to = self.positions.len();
            match self.groups.last_mut() {
                Some(group) if place > 0 && same(self.runs[place - 1].of) == same(run.of) => group.to = to,
                _ => self.groups.push(Span { of: of(run.of), from, to }),
            }
        }
    }
}

impl<T: Copy> Default for Grouping<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Grouping.
impl Table {
    /// Groups a batch of keys by the shards that own them: the groups come in key order, and in each the keys in the
    /// order of the batch. Keys without an owner are named by [`Grouping::unowned`], and the others are grouped all the
    /// same.
    ///
    /// Where keys are sorted, one pass over the batch is all: a key in the shard of the one before, in the next one or in
    /// the gap between costs O(1), and another a look-up, many of which wait together as in
    /// [`resolve_many`](Self::resolve_many). Where they are not, runs of neighbours with one owner are sorted besides, by
    /// shard: O(runs log runs). Nothing is allocated where the buffers have room.
    ///
    /// ```
    /// use shardway::{Change, Grouping, NodeId, Table};
    ///
    /// let table = Table::whole(NodeId(1));
    /// let (table, _) = table.apply(&[Change::split(table.resolve("")?.shard, "m")])?;
    /// let mut grouping = Grouping::new(); // kept for the next batch
    /// table.group_by_shard(&["x", "a", "z", "b"], &mut grouping);
    /// let groups: Vec<_> = grouping.groups().map(|group| (group.of.shard.0, group.positions)).collect();
    /// assert_eq!(groups, [(2, &[1, 3][..]), (3, &[0, 2])]);
    /// assert!(grouping.unowned().is_empty());
    /// # Ok::<(), shardway::Error>(())
    /// ```
    pub fn group_by_shard<K: AsRef<[u8]>>(&self, keys: &[K], grouping: &mut Grouping<Route>) {
        let ascend = self.find_runs(keys, grouping);
        if !ascend {
            grouping.runs.sort_unstable_by_key(|run| (run.of.shard, run.from));
        }
        grouping.join_runs(|route| route.shard, |route| route);
        if !ascend {
            // Ranges of shards do not overlap, so that any keys of theirs stand as they do.
            let Grouping { groups, positions, .. } = grouping;
            groups.sort_unstable_by_key(|group| keys[positions[group.from]].as_ref());
        }
    }

    /// Groups a batch of keys by the nodes that lead their shards: the groups come by node in ascending order, and in
    /// each the keys in the order of the batch. Keys without an owner, and so without a leader, are named by
    /// [`Grouping::unowned`]; those whose leader is marked as down are in its group, which says so.
    ///
    /// Costs what [`group_by_shard`](Self::group_by_shard) does, and sorts the runs also where keys are sorted.
    ///
    /// ```
    /// use shardway::{Change, Grouping, NodeId, Table};
    ///
    /// let table = Table::whole(NodeId(1));
    /// let (table, _) = table.apply(&[Change::split(table.resolve("")?.shard, "m")])?;
    /// let (table, _) = table.apply(&[Change::transfer(table.resolve("a")?.shard, NodeId(2))])?;
    /// let mut grouping = Grouping::new();
    /// table.group_by_leader(&["x", "a", "z", "b"], &mut grouping);
    /// let groups: Vec<_> = grouping.groups().map(|group| (group.of.node, group.positions)).collect();
    /// assert_eq!(groups, [(NodeId(1), &[0, 2][..]), (NodeId(2), &[1, 3])]);
    /// # Ok::<(), shardway::Error>(())
    /// ```
    pub fn group_by_leader<K: AsRef<[u8]>>(&self, keys: &[K], grouping: &mut Grouping<Leader>) {
        self.find_runs(keys, grouping);
        grouping.runs.sort_unstable_by_key(|run| (run.of.leader, run.from));
        let leader = |node| Leader { node, is_down: self.nodes.is_down(node) };
        grouping.join_runs(|route| route.leader, |route| leader(route.leader));
    }

    /// Fills in the runs of a batch, and says whether their shards ascend.
    fn find_runs<K: AsRef<[u8]>, T: Copy>(&self, keys: &[K], grouping: &mut Grouping<T>) -> bool {
        grouping.clear();
        let mut positions = 0..keys.len();
        self.index.routes_along(keys, |route| {
            if let Some(position) = positions.next() {
                grouping.push(position, route.copied());
            }
        })
    }
}
