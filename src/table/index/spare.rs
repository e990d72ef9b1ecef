//! Nodes that no version has any more, kept to make the next ones of: a publish makes about as many as it frees, and allocators
//! are slow with blocks of their sizes, whose neighbours they look at to merge them. What was freed last is still in the cache,
//! too. Each thread has a few of its own.
//!
//! That is what pools do for the nodes of `im` (Stokke), without code of their own that is `unsafe`: a node is spare when its last
//! reference is at hand.

use std::cell::RefCell;
use std::sync::Arc;

use arrayvec::ArrayVec;

use super::Index;
use super::inner::{Children, Inner, Node};
use super::leaf::Leaf;

/// As many leaves and inner nodes as one change may make: a few times the path to a shard, since nodes are split and merged.
pub(super) const LEAVES: usize = 4;
const INNERS: usize = 16;

/// How many bytes of a node's keys and replicas may be kept with it. They go when it is made into another.
const LARGE: usize = 16 << 10;

thread_local! {
    static SPARES: RefCell<Spares> =
        const { RefCell::new(Spares { leaves: ArrayVec::new_const(), inners: ArrayVec::new_const() }) };
}

/// Each the only reference to its node, which may hold anything.
struct Spares {
    leaves: ArrayVec<Arc<Leaf>, LEAVES>,
    inners: ArrayVec<Arc<Inner>, INNERS>,
}

/// What can be made of a spare one.
pub(super) trait Spare: Default + Clone {
    fn take() -> Option<Arc<Self>>;
}

impl Spare for Leaf {
    fn take() -> Option<Arc<Self>> {
        with(|spares| spares.leaves.pop())
    }
}

impl Spare for Inner {
    fn take() -> Option<Arc<Self>> {
        with(|spares| spares.inners.pop())
    }
}

/// Nothing, while the thread ends.
fn with<R>(what: impl FnOnce(&mut Spares) -> Option<R>) -> Option<R> {
    SPARES.try_with(|spares| what(&mut *spares.try_borrow_mut().ok()?)).ok().flatten()
}

/// A node as `fill` leaves it, whatever it holds before. It is made where it stays: nodes are large.
pub(super) fn make<N: Spare>(fill: impl FnOnce(&mut N)) -> Arc<N> {
    let mut node = N::take().unwrap_or_default();
    fill(Arc::make_mut(&mut node));
    node
}

/// A node that this version alone has, as it is or as a copy.
pub(super) fn own<N: Spare>(node: &mut Arc<N>) -> &mut N {
    if Arc::strong_count(node) > 1 {
        if let Some(spare) = N::take() {
            let shared = std::mem::replace(node, spare);
            let copy = Arc::make_mut(node);
            copy.clone_from(&shared);
            return copy;
        }
    }
    // Copies it to where it stays, if there was none to spare.
    Arc::make_mut(node)
}

impl Index {
    /// Keeps what no other version has, as far as there is a use for it. Frees the rest, and is of no account then.
    pub(in crate::table) fn take_apart(&mut self) {
        if let Some(root) = self.root.take() {
            with(|spares| {
                match root {
                    Node::Leaf(leaf) => spares.keep_leaf(leaf),
                    Node::Inner(inner) => spares.keep_inner(inner),
                }
                Some(())
            });
        }
    }
}

/// How many leaves and inner nodes this thread has.
#[cfg(test)]
pub(super) fn count() -> (usize, usize) {
    with(|spares| Some((spares.leaves.len(), spares.inners.len()))).unwrap_or_default()
}

impl Spares {
    fn keep_leaf(&mut self, mut leaf: Arc<Leaf>) {
        let room = !self.leaves.is_full();
        if room && alone(&mut leaf).is_some_and(|leaf| leaf.size() - size_of::<Leaf>() <= LARGE) {
            self.leaves.push(leaf);
        }
    }

    fn keep_inner(&mut self, mut inner: Arc<Inner>) {
        if self.inners.is_full() {
            return;
        }
        let Some(own) = alone(&mut inner) else { return };
        match &mut own.children {
            Children::Leaves(leaves) => leaves.drain(..).for_each(|leaf| self.keep_leaf(leaf)),
            Children::Inners(inners) => inners.drain(..).for_each(|inner| self.keep_inner(inner)),
        }
        if !self.inners.is_full() && own.keys.size() <= LARGE {
            self.inners.push(inner);
        }
    }
}

/// The node, if there is no other reference to it. Looks first, for mostly there is.
fn alone<N>(node: &mut Arc<N>) -> Option<&mut N> {
    if Arc::strong_count(node) == 1 { Arc::get_mut(node) } else { None }
}
