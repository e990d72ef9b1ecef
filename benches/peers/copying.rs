//! How cheap could publishing be at best? The copies that a change takes in trees of the shape and size of shardway's, and
//! nothing else.
//!
//! It is no peer: it holds nothing, looks for nothing, moves nothing within a node and publishes nothing. What it does is what
//! nobody can leave out whose versions share their nodes: the leaf and the nodes above it are copied, into memory that the last
//! copies were in; each child of a copied node has one reference more, and one less when the path that it replaces goes.

use std::array::from_fn;
use std::hint::black_box;
use std::sync::Arc;

use shardway::ShardId;

use crate::workload::published::Step;

/// The range index: 42 shards with keys of 16 bytes in a leaf, and 21 leaves or nodes below a node. A node has 2,112 bytes, of
/// which children are 16 each here.
type Index = Tree<{ 2_560 + 42 * 40 + 42 * 20 }, { 2_112 - 21 * 16 }, 21>;
/// The ids: 32 to a leaf, and 16 leaves or nodes below a node of 520 bytes.
type Ids = Tree<{ 32 * 28 }, { 520 - 16 * 16 }, 16>;

/// Shards in a leaf of each.
const SHARDS: [usize; 2] = [42, 32];

/// What a router of so many shards copies.
pub(crate) struct Copying {
    index: Index,
    ids: Ids,
}

impl Copying {
    pub(crate) fn of(shards: usize) -> Self {
        let leaves = SHARDS.map(|full| shards.div_ceil(full));
        Self { index: Tree::new(leaves[0]), ids: Tree::new(leaves[1]) }
    }

    /// For a shard, which is one of the first.
    pub(crate) fn carry_out(&mut self, step: Step, ShardId(id): ShardId) {
        let nth = usize::try_from(id).unwrap_or_default();
        self.index.copy(nth / SHARDS[0]);
        if matches!(step, Step::Split | Step::Merge) {
            // Whoever goes is anywhere, and whoever comes is the last.
            self.ids.copy(nth / SHARDS[1]);
            self.ids.copy(usize::MAX);
        }
    }
}

/// With `LEAF` bytes in a leaf, and `INNER` in a node beside its `FAN` children.
struct Tree<const LEAF: usize, const INNER: usize, const FAN: usize> {
    root: Node<LEAF, INNER, FAN>,
    leaves: usize,
    /// How many leaves are below each child of the root, and below each of theirs, and so on.
    spans: Vec<usize>,
    spare_leaves: Vec<Arc<[u8; LEAF]>>,
    spare_inners: Vec<Arc<Inner<LEAF, INNER, FAN>>>,
}

#[derive(Clone)]
enum Node<const LEAF: usize, const INNER: usize, const FAN: usize> {
    Leaf(Arc<[u8; LEAF]>),
    Inner(Arc<Inner<LEAF, INNER, FAN>>),
}

struct Inner<const LEAF: usize, const INNER: usize, const FAN: usize> {
    bytes: [u8; INNER],
    children: [Option<Node<LEAF, INNER, FAN>>; FAN],
}

impl<const LEAF: usize, const INNER: usize, const FAN: usize> Tree<LEAF, INNER, FAN> {
    fn new(leaves: usize) -> Self {
        let mut level: Vec<_> = (0..leaves).map(|_| Node::Leaf(Arc::new([1; LEAF]))).collect();
        let mut spans = Vec::new();
        while level.len() > 1 {
            spans.insert(0, spans.first().map_or(1, |span| span * FAN));
            let mut nodes = level.into_iter();
            level = (0..nodes.len().div_ceil(FAN))
                .map(|_| {
                    Node::Inner(Arc::new(Inner { bytes: [1; INNER], children: from_fn(|_| nodes.next()) }))
                })
                .collect();
        }
        let root = level.pop().expect("there are leaves");
        Self { root, leaves, spans, spare_leaves: Vec::new(), spare_inners: Vec::new() }
    }

    /// The path to a leaf, or to the last one.
    fn copy(&mut self, leaf: usize) {
        let root = self.root.clone();
        let copied = self.copied(&root, leaf.min(self.leaves - 1), 0);
        self.root = copied;
        self.recycle(root);
        black_box(&self.root);
    }

    fn copied(&mut self, node: &Node<LEAF, INNER, FAN>, leaf: usize, level: usize) -> Node<LEAF, INNER, FAN> {
        match node {
            Node::Leaf(leaf) => {
                let mut copy = self.spare_leaves.pop().unwrap_or_else(|| Arc::new([0; LEAF]));
                Arc::make_mut(&mut copy).copy_from_slice(&**leaf);
                Node::Leaf(copy)
            }
            Node::Inner(inner) => {
                let place = leaf / self.spans[level];
                let empty = || Arc::new(Inner { bytes: [0; INNER], children: from_fn(|_| None) });
                let mut copy = self.spare_inners.pop().unwrap_or_else(empty);
                let below = inner.children[place].as_ref().expect("there is a child");
                let child = self.copied(below, leaf % self.spans[level], level + 1);
                let space = Arc::get_mut(&mut copy).expect("it is spare");
                space.bytes.copy_from_slice(&inner.bytes);
                for (at, (space, child)) in space.children.iter_mut().zip(&inner.children).enumerate() {
                    if at != place {
                        space.clone_from(child);
                    }
                }
                space.children[place] = Some(child);
                Node::Inner(copy)
            }
        }
    }

    /// Takes apart what nobody has any more.
    fn recycle(&mut self, node: Node<LEAF, INNER, FAN>) {
        match node {
            Node::Leaf(leaf) if Arc::strong_count(&leaf) == 1 => self.spare_leaves.push(leaf),
            Node::Inner(mut inner) if Arc::strong_count(&inner) == 1 => {
                if let Some(own) = Arc::get_mut(&mut inner) {
                    own.children.iter_mut().filter_map(Option::take).for_each(|child| self.recycle(child));
                    self.spare_inners.push(inner);
                }
            }
            Node::Leaf(_) | Node::Inner(_) => {}
        }
    }
}
