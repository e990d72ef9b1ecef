//! Building the tree at once, from entries in order. Leaves are as full as can be: the ids of new shards are greater than all.

use std::sync::Arc;

use arrayvec::ArrayVec;

use super::Ids;
use super::leaf::{self, Leaf, Lone};
use super::node::{self, Inner, Node};
use super::tree::Tree;
use crate::shard::ShardId;

/// How many entries a leaf holds.
pub(in crate::table) const FULL_LEAF: usize = leaf::FANOUT;

/// See the module.
#[derive(Default)]
pub(in crate::table) struct Builder {
    /// Each with its least id.
    leaves: Vec<(u64, Node)>,
    len: usize,
    greatest: Option<u64>,
}

impl Builder {
    /// Takes entries in ascending order of their ids, greater than those before. Leaves of their own are made of them: a
    /// multiple of [`FULL_LEAF`] fills them. O(bytes).
    pub(in crate::table) fn add<'s>(&mut self, entries: impl IntoIterator<Item = (ShardId, &'s [u8])>) {
        let Self { leaves, len, greatest } = self;
        let entries = entries.into_iter().map(|(id, start)| {
            (*len, *greatest) = (*len + 1, Some(id.0));
            (id.0, Lone::new(id.0, start))
        });
        in_parts(entries, leaves, |lone: ArrayVec<_, FULL_LEAF>| {
            let runs: ArrayVec<_, FULL_LEAF> = lone.iter().map(|(_, lone)| lone.run()).collect();
            Node::Leaf(Leaf::of(&runs))
        });
    }

    pub(in crate::table) fn finish(self) -> Ids {
        let mut level = self.leaves;
        while level.len() > 1 {
            let mut above = Vec::with_capacity(level.len().div_ceil(node::FANOUT));
            in_parts(level, &mut above, |part: ArrayVec<_, { node::FANOUT }>| {
                Node::Inner(Arc::new(Inner::of(part)))
            });
            level = above;
        }
        let tree = Tree { root: level.pop().map(|(_, root)| root), len: self.len };
        Ids { tree, greatest: self.greatest, ..Ids::default() }
    }
}

impl Ids {
    /// Takes entries in ascending order of their ids. O(bytes).
    pub(in crate::table) fn from_sorted<'s>(entries: impl IntoIterator<Item = (ShardId, &'s [u8])>) -> Self {
        let mut builder = Builder::default();
        builder.add(entries);
        builder.finish()
    }
}

/// Makes full nodes of the items, but for the last, each with its least id.
fn in_parts<T, const N: usize>(
    items: impl IntoIterator<Item = (u64, T)>,
    nodes: &mut Vec<(u64, Node)>,
    node: impl Fn(ArrayVec<(u64, T), N>) -> Node,
) {
    let mut items = items.into_iter().peekable();
    while let Some((least, _)) = items.peek() {
        nodes.push((*least, node(items.by_ref().take(N).collect())));
    }
}
