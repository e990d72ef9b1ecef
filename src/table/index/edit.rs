//! Changing the tree: what is shared with another version is copied, node by node along one path, and what this version
//! alone has is changed in place. So the first change of a transaction pays for the path, and its neighbours do not again.

use std::sync::Arc;

use arrayvec::ArrayVec;

use super::Index;
use super::forks::agreed;
use super::heads::{INNER, LEAF};
use super::inner::{Children, Inner, Node, Siblings};
use super::keys::Keys;
use super::leaf::Leaf;
use super::probe::Probe;
use super::spare::own;
use super::weight::Weight;
use super::wide::Narrow;
use crate::key::{Key, KeyEnd};
use crate::shard::{Shard, ShardRecord};

/// A node with fewer entries, of so many that it has room for, is merged with a neighbour or filled up from it.
const fn few(room: usize) -> usize {
    room / 4
}

/// What to do at one key.
struct Edit<'e> {
    key: &'e [u8],
    /// How many shards go, of which the first starts at the key.
    gone: usize,
    new: &'e [ShardRecord],
    /// One goes, and the new one has the same range.
    amends: bool,
    /// What those that go and those that come weigh.
    weights: [Weight; 2],
}

impl<'e> Edit<'e> {
    /// Takes shards out, of which the first starts at the key, and puts others there.
    fn splice(key: &'e [u8], old: &[ShardRecord], new: &'e [ShardRecord]) -> Self {
        let weights = [old, new].map(Weight::of_records);
        Self { key, gone: old.len(), new, amends: false, weights }
    }

    /// Puts a record in the stead of one that has the same range.
    fn amend(old: &'e ShardRecord, new: &'e ShardRecord) -> Self {
        let (old, new) = (std::slice::from_ref(old), std::slice::from_ref(new));
        Self { amends: true, ..Self::splice(new[0].range.start(), old, new) }
    }
}

impl Index {
    /// Takes the shards of `old`, which are neighbours, out and puts `new`, which cover no more, in their place. O(log n).
    pub(in crate::table) fn replace(&mut self, old: &[ShardRecord], new: &[ShardRecord]) {
        match (old, new) {
            ([], []) => {}
            ([one], [other]) if one.range == other.range => self.edit(&Edit::amend(one, other)),
            ([], [first, ..]) => self.edit(&Edit::splice(first.range.start(), old, new)),
            ([first, rest @ ..], _) => {
                let start = first.range.start();
                if self.try_edit(&Edit::splice(start, old, new)).is_err() {
                    for gone in rest {
                        self.edit(&Edit::splice(gone.range.start(), std::slice::from_ref(gone), &[]));
                    }
                    self.edit(&Edit::splice(start, &old[..1], new));
                }
            }
        }
    }

    /// Of which one shard goes at most.
    fn edit(&mut self, edit: &Edit<'_>) {
        let done = self.try_edit(edit);
        debug_assert!(done.is_ok(), "one shard is in one leaf");
    }

    /// If it can't be done, that says nothing else of the shards: but nodes on the way may be copied by then, and less be known of
    /// what all starts have in common.
    fn try_edit(&mut self, edit: &Edit<'_>) -> Result<(), InSeveral> {
        let is_small = !matches!(self.root, Some(Node::Inner(_)));
        // Nothing starts elsewhere then.
        if !edit.amends {
            self.share(edit.new);
        }
        let beside = match &mut self.root {
            None => Some(Node::Leaf(Leaf::of(edit.new))),
            Some(root) => root.edit(edit)?,
        };
        self.root = match (self.root.take(), beside) {
            (Some(left), Some(right)) => Some(Node::Inner(Inner::above([left, right].into_iter()))),
            (Some(root), None) => root.without_excess(),
            (None, root) => root,
        };
        self.len = self.len + edit.new.len() - edit.gone;
        self.learn_first();
        if is_small {
            self.learn_common();
        }
        Ok(())
    }

    /// Shards are to come, in ascending order. All starts but the least of all may have less in common then. With so few as one leaf
    /// holds that is learned afterwards.
    fn share(&mut self, new: &[ShardRecord]) {
        let Some(Node::Inner(root)) = &self.root else { return };
        let (model, first) = (root.keys.get(1), self.first.as_bytes());
        let least = new.first().map_or(first, |record| record.range.start().min(first));
        for start in new.iter().map(|record| record.range.start()).chain([first]) {
            if start != least && start.get(..self.common) != model.get(..self.common) {
                self.common = agreed(start, model, 0);
            }
        }
    }

    /// What all starts but the first have in common is what the second and the last have.
    pub(super) fn learn_common(&mut self) {
        let mut starts = self.run(&[], KeyEnd::Unbounded).map(Shard::start);
        starts.next();
        let second = starts.next();
        let last = starts.next_back().or(second);
        self.common = second.zip(last).map_or(0, |(second, last)| agreed(second, last, 0));
    }

    pub(super) fn learn_first(&mut self) {
        let first = self.root.as_ref().map_or(&[][..], Node::first_key);
        if first != self.first.as_bytes() {
            self.first = Key::from(first);
        }
    }
}

impl Node {
    /// Gives the upper half of the node, if it had to be split.
    fn edit(&mut self, edit: &Edit<'_>) -> Result<Option<Self>, InSeveral> {
        Ok(match self {
            Self::Leaf(leaf) => Leaf::edit(leaf, edit)?.beside.map(Self::Leaf),
            Self::Inner(inner) => Inner::edit(inner, edit)?.beside.map(Self::Inner),
        })
    }

    /// A root that is no more than it has to be.
    fn without_excess(self) -> Option<Self> {
        match self {
            Self::Leaf(leaf) if leaf.len() == 0 => None,
            Self::Inner(inner) if inner.children.len() == 1 => Some(inner.children.get(0)),
            root => Some(root),
        }
    }
}

/// Not all shards that go are in the leaf of the first one.
struct InSeveral;

/// What came of a change to a node.
struct Done<N> {
    /// The upper half, if the node had to be split.
    beside: Option<Arc<N>>,
    /// Whether the first key may be another. Mostly it is not, and where the node above says what it is need not be looked at.
    at_first: bool,
}

impl Leaf {
    fn edit(leaf: &mut Arc<Self>, edit: &Edit<'_>) -> Result<Done<Self>, InSeveral> {
        let Edit { key, gone, new, amends, .. } = *edit;
        let rank = if key < leaf.start(0) { 0 } else { leaf.slot::<Narrow>(&Probe::new(key), 0) + 1 };
        let from = if gone > 0 { rank - 1 } else { rank };
        if let (true, [record]) = (amends, new) {
            own(leaf).amend(from, record);
            return Ok(Done { beside: None, at_first: false });
        }
        if from + gone > leaf.len() {
            return Err(InSeveral);
        }
        let at_first = from == 0;
        if leaf.len() + new.len() - gone <= LEAF {
            own(leaf).splice(from, gone, new);
            return Ok(Done { beside: None, at_first });
        }
        let middle = LEAF / 2;
        let middle = if (from..from + gone).contains(&(middle - 1)) { from + gone } else { middle };
        let (mut lower, mut upper) = leaf.halves(middle);
        match from.checked_sub(middle) {
            Some(within) if gone + within > 0 => own(&mut upper).splice(within, gone, new),
            _ => own(&mut lower).splice(from, gone, new),
        }
        *leaf = lower;
        Ok(Done { beside: Some(upper), at_first })
    }
}

impl Inner {
    /// Over these nodes, which are of one kind.
    pub(super) fn above(nodes: impl Iterator<Item = Node>) -> Arc<Self> {
        let (mut leaves, mut inners) = (Siblings::new(), Siblings::new());
        for node in nodes {
            match node {
                Node::Leaf(leaf) => leaves.push(leaf),
                Node::Inner(inner) => inners.push(inner),
            }
        }
        let children = if inners.is_empty() { Children::Leaves(leaves) } else { Children::Inners(inners) };
        Self::of(children)
    }

    fn edit(inner: &mut Arc<Self>, edit: &Edit<'_>) -> Result<Done<Self>, InSeveral> {
        let place = inner.place(edit.key);
        let inner = own(inner);
        let (right, at_first, least) = match &mut inner.children {
            Children::Leaves(leaves) => {
                let Done { beside, at_first } = Leaf::edit(&mut leaves[place], edit)?;
                (beside.map(Node::Leaf), at_first, few(LEAF))
            }
            Children::Inners(inners) => {
                let Done { beside, at_first } = Self::edit(&mut inners[place], edit)?;
                (beside.map(Node::Inner), at_first, few(INNER))
            }
        };
        if inner.children.size(place) < least && inner.children.len() > 1 {
            inner.share_out(place.min(inner.children.len() - 2));
        } else {
            inner.learn(place, edit, right.is_some());
            if at_first && inner.keys.get(place) != inner.children.first_key(place) {
                inner.splice_keys(place, 1, 1);
            }
        }
        let beside = right.and_then(|child| inner.put(place + 1, child));
        Ok(Done { beside, at_first: at_first && place == 0 })
    }

    /// A child has changed, and perhaps been split: so does what it weighs.
    fn learn(&mut self, place: usize, edit: &Edit<'_>, is_split: bool) {
        let [gone, new] = &edit.weights;
        if is_split {
            self.weights[place] = self.children.weight(place);
        } else if !self.weights[place].exchange(gone, new) {
            self.weights[place].nodes = self.children.nodes(place);
        }
    }

    /// Adds a child, and gives the upper half of the node if it had to be split.
    fn put(&mut self, place: usize, child: Node) -> Option<Arc<Self>> {
        if self.children.len() < INNER {
            self.weights.copy_within(place..INNER - 1, place + 1);
            self.weights[place] = child.weight();
            self.children.insert(place, child);
            self.splice_keys(place, 0, 1);
            return None;
        }
        let middle = INNER / 2;
        let mut upper = Self::of(self.children.split_off(middle));
        self.learn_all();
        match place.checked_sub(middle) {
            Some(place @ 1..) => own(&mut upper).put(place, child),
            _ => self.put(place, child),
        };
        Some(upper)
    }

    /// Merges a child with the next one, or divides evenly what both have between them.
    fn share_out(&mut self, lower: usize) {
        let parts = match &mut self.children {
            Children::Leaves(leaves) => put_in_place(leaves, lower, Leaf::share_out),
            Children::Inners(inners) => put_in_place(inners, lower, Self::share_out_with),
        };
        if parts == 1 {
            self.weights.copy_within(lower + 2.., lower + 1);
        }
        self.splice_keys(lower, 2, parts);
        (lower..lower + parts).for_each(|place| self.weights[place] = self.children.weight(place));
    }

    /// As few nodes as hold what two neighbours have, evenly filled.
    fn share_out_with(&self, next: &Self) -> ArrayVec<Arc<Self>, 2> {
        let (lower, upper) = (&self.children, &next.children);
        let count = lower.len() + upper.len();
        let mut nodes = (0..lower.len())
            .map(|place| lower.get(place))
            .chain((0..upper.len()).map(|place| upper.get(place)));
        let mut part = |count| Self::above(nodes.by_ref().take(count));
        if count <= INNER {
            ArrayVec::from_iter([part(count)])
        } else {
            ArrayVec::from([part(count / 2), part(count - count / 2)])
        }
    }

    /// Some children were replaced by others: so are their first keys.
    fn splice_keys(&mut self, from: usize, gone: usize, new: usize) {
        let key = |place: usize| match place.checked_sub(from) {
            None => self.keys.get(place),
            Some(within) if within < new => self.children.first_key(place),
            Some(_) => self.keys.get(place + gone - new),
        };
        self.keys = Keys::of((0..self.children.len()).map(key));
        self.heads.splice(from, gone, new, &self.keys);
    }
}

/// Puts what becomes of two neighbours in their place, and says how many nodes that are.
fn put_in_place<N>(
    nodes: &mut Siblings<N>,
    lower: usize,
    share_out: impl FnOnce(&N, &N) -> ArrayVec<Arc<N>, 2>,
) -> usize {
    let parts = share_out(&nodes[lower], &nodes[lower + 1]);
    let count = parts.len();
    nodes.drain(lower + count..lower + 2).for_each(drop);
    nodes[lower..].iter_mut().zip(parts).for_each(|(node, part)| *node = part);
    count
}

impl Children {
    fn insert(&mut self, place: usize, child: Node) {
        match (self, child) {
            (Self::Leaves(leaves), Node::Leaf(leaf)) => leaves.insert(place, leaf),
            (Self::Inners(inners), Node::Inner(inner)) => inners.insert(place, inner),
            _ => debug_assert!(false, "children are of one kind"),
        }
    }

    fn split_off(&mut self, place: usize) -> Self {
        match self {
            Self::Leaves(leaves) => Self::Leaves(leaves.drain(place..).collect()),
            Self::Inners(inners) => Self::Inners(inners.drain(place..).collect()),
        }
    }
}
