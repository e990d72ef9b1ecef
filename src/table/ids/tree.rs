//! The tree as a whole. How its nodes change is the business of [`super::edit`].

use std::sync::Arc;

use super::edit::{Done, Edit};
use super::leaf::{Leaf, Lone};
use super::node::{Inner, Node};

/// A persistent B+tree from ids to starts.
#[derive(Clone, Default)]
pub(super) struct Tree {
    /// An inner node here has at least two children. Without entries there is none.
    pub(super) root: Option<Node>,
    pub(super) len: usize,
}

impl Tree {
    pub(super) fn get(&self, id: u64) -> Option<&[u8]> {
        let mut node = self.root.as_ref()?;
        loop {
            match node {
                Node::Inner(inner) => node = &inner.children[inner.place(id)],
                Node::Leaf(leaf) => return leaf.get(id),
            }
        }
    }

    /// Says one thing, in the stead of what was said of the id before.
    pub(super) fn put(&mut self, lone: Lone<'_>) {
        let replaced = self.edit(&Edit::Put(lone));
        self.len = self.len + 1 - replaced;
    }

    /// Adds a leaf whose ids are greater than all.
    pub(super) fn append(&mut self, leaf: Leaf) {
        self.len += leaf.len();
        self.edit(&Edit::Append(leaf));
    }

    /// Takes out ids that are there, in ascending order. O(log n) for each, or for each leaf that they are in.
    pub(super) fn take_out(&mut self, mut ids: &[u64]) {
        while !ids.is_empty() {
            let gone = self.edit(&Edit::TakeOut(ids));
            debug_assert!(gone > 0, "the id is there");
            self.len -= gone;
            ids = &ids[gone.max(1)..];
        }
    }

    /// Says how many entries went, be it for others in their stead.
    fn edit(&mut self, edit: &Edit<'_>) -> usize {
        let mut done = Done::default();
        match (&mut self.root, edit) {
            (Some(root), _) => root.edit(edit, &mut done),
            (root, Edit::Put(lone)) => *root = Some(Node::Leaf(Leaf::of(&[lone.run()]))),
            (root, Edit::Append(leaf)) => *root = Some(Node::Leaf(leaf.clone())),
            (None, Edit::TakeOut(_)) => {}
        }
        if let (Some(root), Some(beside)) = (&mut self.root, done.beside) {
            *root = Node::Inner(Arc::new(Inner::of([(0, root.clone()), beside])));
        }
        while let Some(root) = &self.root {
            match root {
                Node::Inner(inner) if inner.children.len() == 1 => {
                    self.root = Some(inner.children[0].clone())
                }
                root if root.len() == 0 => self.root = None,
                _ => break,
            }
        }
        done.gone
    }
}
