//! How cheap could publishing be at best? The copies that a change takes in a range index of the shape and size of shardway's,
//! and nothing else.
//!
//! It is no peer: it holds nothing, looks for nothing, moves nothing within a node and publishes nothing. What it does is what
//! nobody can leave out whose versions share their nodes: the leaf and the nodes above it are copied, into memory that the last
//! copies were in; each child of a copied node has one reference more, and one less when the path that it replaces goes. Ids
//! are left out: most changes say nothing of them, and most splits and merges copy no path of their tree.

use std::array::from_fn;
use std::hint::black_box;
use std::sync::Arc;

use shardway::ShardId;

/// Shards in a leaf, and leaves or nodes below a node.
const SHARDS: usize = 42;
const FAN: usize = 21;

/// Bytes in a leaf, whose keys have 16 each.
const LEAF: usize = 2_560 + 42 * 40 + 42 * 20;
/// Bytes in a node beside its children, which are 16 each here.
const INNER: usize = 2_112 - 21 * 16;

/// What a router copies of its index.
pub(crate) struct Copying {
    root: Node,
    /// How many leaves are below each child of the root, and below each of theirs, and so on.
    spans: Vec<usize>,
    spare_leaves: Vec<Arc<[u8; LEAF]>>,
    spare_inners: Vec<Arc<Inner>>,
}

#[derive(Clone)]
enum Node {
    Leaf(Arc<[u8; LEAF]>),
    Inner(Arc<Inner>),
}

struct Inner {
    bytes: [u8; INNER],
    children: [Option<Node>; FAN],
}

impl Copying {
    pub(crate) fn of(shards: usize) -> Self {
        let mut level: Vec<_> =
            (0..shards.div_ceil(SHARDS)).map(|_| Node::Leaf(Arc::new([1; LEAF]))).collect();
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
        Self { root, spans, spare_leaves: Vec::new(), spare_inners: Vec::new() }
    }

    /// The path to a shard, which is one of the first. Their ids count from one.
    pub(crate) fn carry_out(&mut self, ShardId(id): ShardId) {
        let root = self.root.clone();
        let nth = usize::try_from(id - 1).unwrap_or_default();
        let copied = self.copied(&root, nth / SHARDS, 0);
        self.root = copied;
        self.recycle(root);
        black_box(&self.root);
    }

    fn copied(&mut self, node: &Node, leaf: usize, level: usize) -> Node {
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
    fn recycle(&mut self, node: Node) {
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
