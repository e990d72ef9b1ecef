//! Asking for what changes to some shards will look at and copy, before they are made: one by one, each would wait for its own.

use super::Index;
use super::batch::{GROUP, Together, descend_together};
use super::inner::{Children, Node};
use super::leaf::Leaf;
use super::probe::Probe;
use super::wide::{Lanes, Search};
use crate::table::prefetch::{prefetch, prefetch_all};

impl Index {
    /// Has the leaves loaded that these keys belong to. Changes nothing but time.
    pub(in crate::table) fn load_ahead<K: AsRef<[u8]>>(&self, keys: &[K]) {
        self.processor.run(Ahead { index: self, keys });
    }
}

struct Ahead<'t, 'k, K> {
    index: &'t Index,
    keys: &'k [K],
}

impl<K: AsRef<[u8]>> Search for Ahead<'_, '_, K> {
    type Found = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Self { index, keys } = self;
        let Some(Node::Inner(root)) = &index.root else { return };
        // So few leaves as are right below the root stay in the nearest caches.
        let Children::Inners(children) = &root.children else { return };
        for keys in keys.chunks(GROUP) {
            let mut probes = Together::<Probe<'_>>::new();
            let leaves = descend_together::<L, K>(root, children, keys, index.common, &mut probes);
            for (leaf, _) in &leaves {
                prefetch(*leaf, size_of::<Leaf>());
            }
            for (leaf, _) in &leaves {
                prefetch_all(&leaf.details);
                leaf.keys.prefetch();
            }
        }
    }
}
