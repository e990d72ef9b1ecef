//! Changing the tree: what is shared with another version is copied, node by node along one path, and what this version
//! alone has is changed in place. So the first change of a transaction pays for the path, and its neighbours do not again.

use std::sync::Arc;

use super::heads::{FANOUT, Heads};
use super::node::{Children, Inner, Leaf, NO_ROUTE, Node};
use super::{Entry, Index};
use crate::key::Key;
use crate::shard::ShardRecord;

/// A node with fewer entries than this is merged with a neighbour, or filled up from it.
const FEW: usize = FANOUT / 4;

impl Index {
    /// Takes records in ascending order of their starts. O(n).
    pub(in crate::table) fn from_sorted(records: impl IntoIterator<Item = ShardRecord>) -> Self {
        let records: Vec<Entry> = records.into_iter().map(Arc::new).collect();
        let len = records.len();
        let mut level = Children::Leaves(in_parts(records, Leaf::of));
        while level.len() > 1 {
            level = Children::Inners(match level {
                Children::Leaves(leaves) => in_parts(leaves, |part| Inner::of(Children::Leaves(part))),
                Children::Inners(inners) => in_parts(inners, |part| Inner::of(Children::Inners(part))),
            });
        }
        let mut index = Self { root: level.pop(), len, ..Self::default() };
        index.learn_first();
        index
    }

    /// Puts a record in its place, or in the stead of the one that starts there.
    pub(super) fn insert(&mut self, record: Entry) {
        let (added, split) = match &mut self.root {
            None => {
                self.root = Some(Node::Leaf(Arc::new(Leaf::of(vec![record]))));
                (true, None)
            }
            Some(Node::Leaf(leaf)) => {
                let (added, right) = Arc::make_mut(leaf).insert(record);
                let pair = right.map(|right| Children::Leaves(vec![Arc::clone(leaf), right]));
                (added, pair)
            }
            Some(Node::Inner(inner)) => {
                let (added, right) = Arc::make_mut(inner).insert(record);
                let pair = right.map(|right| Children::Inners(vec![Arc::clone(inner), right]));
                (added, pair)
            }
        };
        self.len += usize::from(added);
        if let Some(pair) = split {
            self.root = Some(Node::Inner(Arc::new(Inner::of(pair))));
        }
        self.learn_first();
    }

    /// Takes out the record that starts here, if there is one.
    pub(super) fn remove(&mut self, start: &[u8]) {
        let removed = match &mut self.root {
            None => None,
            Some(Node::Leaf(leaf)) => Arc::make_mut(leaf).remove(start),
            Some(Node::Inner(inner)) => Arc::make_mut(inner).remove(start),
        };
        self.len -= usize::from(removed.is_some());
        self.root = self.root.take().and_then(|root| match root {
            Node::Leaf(leaf) if leaf.records.is_empty() => None,
            Node::Inner(inner) if inner.children.len() == 1 => Some(inner.children.get(0)),
            root => Some(root),
        });
        self.learn_first();
    }

    fn learn_first(&mut self) {
        self.first = match &self.root {
            None => Key::empty(),
            Some(Node::Leaf(leaf)) => leaf.key(0).clone(),
            Some(Node::Inner(inner)) => inner.children.first_key(0).clone(),
        };
    }
}

/// Whether removing took the first key away, so that the nodes above have to learn of another one.
struct FirstChanged(bool);

impl Leaf {
    fn of(records: Vec<Entry>) -> Self {
        let heads = Heads::of(records.len(), |place| records[place].range.start_key());
        let mut leaf = Self { heads, routes: [NO_ROUTE; FANOUT], records };
        for place in 0..leaf.records.len() {
            leaf.describe(place);
        }
        leaf
    }

    /// Whether a record was added, and the upper half of the leaf if it had to be split.
    fn insert(&mut self, record: Entry) -> (bool, Option<Arc<Self>>) {
        let start = record.range.start();
        let place = if start < self.key(0).as_bytes() { 0 } else { self.slot(start, 0) + 1 };
        if place > 0 && self.key(place - 1).as_bytes() == start {
            self.records[place - 1] = record;
            self.describe(place - 1);
            return (false, None);
        }
        if self.records.len() < FANOUT {
            self.put(place, record);
            return (true, None);
        }
        let mut right = Self::of(self.records.split_off(FANOUT / 2));
        *self = Self::of(std::mem::take(&mut self.records));
        match place.checked_sub(FANOUT / 2) {
            Some(place @ 1..) => right.put(place, record),
            _ => self.put(place, record),
        }
        (true, Some(Arc::new(right)))
    }

    fn put(&mut self, place: usize, record: Entry) {
        let len = self.records.len();
        self.records.insert(place, record);
        let Self { heads, routes, records } = self;
        heads.insert(place, records[place].range.start_key(), |place| records[place].range.start_key());
        routes.copy_within(place..len, place + 1);
        self.describe(place);
        self.describe_before(place);
    }

    fn remove(&mut self, start: &[u8]) -> Option<FirstChanged> {
        let place = self.slot(start, 0);
        if self.key(place).as_bytes() != start {
            return None;
        }
        self.records.remove(place);
        self.heads.remove(place, |place| self.records[place].range.start_key());
        self.routes.copy_within(place + 1.., place);
        self.describe_before(place);
        Some(FirstChanged(place == 0))
    }

    /// Writes what a look-up returns for a record beside its head.
    fn describe(&mut self, place: usize) {
        let record = &self.records[place];
        let next = self.records.get(place + 1);
        let open = next.is_none_or(|next| !record.range.is_before_and_adjacent(&next.range));
        self.routes[place] = record.route();
        self.heads.marks = self.heads.marks & !(1 << place) | u32::from(open) << place;
    }

    /// The record before this place has another neighbour now.
    fn describe_before(&mut self, place: usize) {
        if let Some(before) = place.checked_sub(1) {
            self.describe(before);
        }
    }
}

impl Inner {
    fn of(children: Children) -> Self {
        Self { heads: Heads::of(children.len(), |place| children.first_key(place)), children }
    }

    /// Whether a record was added, and the upper half of the node if it had to be split.
    fn insert(&mut self, record: Entry) -> (bool, Option<Arc<Self>>) {
        let (place, _) = self.place(record.range.start(), 0);
        let (added, right) = match &mut self.children {
            Children::Leaves(leaves) => {
                let (added, right) = Arc::make_mut(&mut leaves[place]).insert(record);
                (added, right.map(Node::Leaf))
            }
            Children::Inners(inners) => {
                let (added, right) = Arc::make_mut(&mut inners[place]).insert(record);
                (added, right.map(Node::Inner))
            }
        };
        (added, right.and_then(|child| self.put(place + 1, child)))
    }

    /// Adds a child, and gives the upper half of the node if it had to be split.
    fn put(&mut self, place: usize, child: Node) -> Option<Arc<Self>> {
        if self.children.len() < FANOUT {
            self.children.insert(place, child);
            let Self { heads, children } = self;
            heads.insert(place, children.first_key(place), |place| children.first_key(place));
            return None;
        }
        let mut upper = Self::of(self.children.split_off(FANOUT / 2));
        self.heads = Heads::of(self.children.len(), |place| self.children.first_key(place));
        match place.checked_sub(FANOUT / 2) {
            Some(place @ 1..) => upper.put(place, child),
            _ => self.put(place, child),
        };
        Some(Arc::new(upper))
    }

    fn remove(&mut self, start: &[u8]) -> Option<FirstChanged> {
        let (place, _) = self.place(start, 0);
        let FirstChanged(changed) = match &mut self.children {
            Children::Leaves(leaves) => Arc::make_mut(&mut leaves[place]).remove(start),
            Children::Inners(inners) => Arc::make_mut(&mut inners[place]).remove(start),
        }?;
        if self.children.size(place) < FEW && self.children.len() > 1 {
            self.share_out(place);
        } else if changed {
            self.learn_first_key(place);
        }
        Some(FirstChanged(changed && place == 0))
    }

    /// Merges a child that has become small with a neighbour, or divides what both have between them.
    fn share_out(&mut self, place: usize) {
        let lower = place.min(self.children.len() - 2);
        if self.children.merge_with_next(lower) {
            let Self { heads, children } = self;
            heads.remove(lower + 1, |place| children.first_key(place));
        } else {
            self.learn_first_key(lower + 1);
        }
        self.learn_first_key(lower);
    }

    fn learn_first_key(&mut self, place: usize) {
        let Self { heads, children } = self;
        heads.replace(place, children.first_key(place), |place| children.first_key(place));
    }
}

impl Children {
    /// How many entries a child has.
    fn size(&self, place: usize) -> usize {
        match self {
            Self::Leaves(leaves) => leaves[place].records.len(),
            Self::Inners(inners) => inners[place].children.len(),
        }
    }

    fn insert(&mut self, place: usize, child: Node) {
        match (self, child) {
            (Self::Leaves(leaves), Node::Leaf(leaf)) => leaves.insert(place, leaf),
            (Self::Inners(inners), Node::Inner(inner)) => inners.insert(place, inner),
            _ => debug_assert!(false, "children are of one kind"),
        }
    }

    fn split_off(&mut self, place: usize) -> Self {
        match self {
            Self::Leaves(leaves) => Self::Leaves(leaves.split_off(place)),
            Self::Inners(inners) => Self::Inners(inners.split_off(place)),
        }
    }

    fn pop(&mut self) -> Option<Node> {
        match self {
            Self::Leaves(leaves) => leaves.pop().map(Node::Leaf),
            Self::Inners(inners) => inners.pop().map(Node::Inner),
        }
    }

    /// Puts what two neighbours have into one, if it has room for it, and says so; or else into both evenly.
    fn merge_with_next(&mut self, place: usize) -> bool {
        let before = self.len();
        match self {
            Self::Leaves(leaves) => {
                let records =
                    [&leaves[place], &leaves[place + 1]].map(|leaf| leaf.records.as_slice()).concat();
                leaves.splice(place..place + 2, in_parts(records, Leaf::of)).for_each(drop);
            }
            Self::Inners(inners) => {
                let parts = match (&inners[place].children, &inners[place + 1].children) {
                    (Self::Leaves(lower), Self::Leaves(upper)) => {
                        in_parts([&lower[..], upper].concat(), |part| Inner::of(Self::Leaves(part)))
                    }
                    (Self::Inners(lower), Self::Inners(upper)) => {
                        in_parts([&lower[..], upper].concat(), |part| Inner::of(Self::Inners(part)))
                    }
                    // Every leaf is equally deep.
                    _ => return false,
                };
                inners.splice(place..place + 2, parts).for_each(drop);
            }
        }
        self.len() < before
    }
}

/// As few nodes as hold all items, and as evenly filled as can be.
fn in_parts<T, N>(items: Vec<T>, node: impl Fn(Vec<T>) -> N) -> Vec<Arc<N>> {
    let (len, parts) = (items.len(), items.len().div_ceil(FANOUT));
    let mut items = items.into_iter();
    (0..parts)
        .map(|part| {
            let size = (part + 1) * len / parts - part * len / parts;
            Arc::new(node(items.by_ref().take(size).collect()))
        })
        .collect()
}
