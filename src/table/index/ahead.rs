//! Asking for what changes to some shards will look at and copy, before they are made: one by one, each would wait for its own.

use super::Index;
use super::batch::{GROUP, Together, descend_together};
use super::inner::{Children, Inner, Node};
use super::iter::Place;
use super::leaf::Leaf;
use super::probe::Probe;
use super::search::floor;
use super::weight::Weight;
use super::wide::{Lanes, Search};
use crate::shard::Shard;
use crate::table::prefetch::{prefetch, prefetch_counts, prefetch_counts_of};

impl Index {
    /// Has the leaves loaded that these keys belong to. Changes nothing but time.
    pub(in crate::table) fn load_ahead<K: AsRef<[u8]>>(&self, keys: &[K]) {
        self.processor.run(Ahead(self), keys);
    }

    /// The shard that starts exactly here, while what is copied around it when it changes is being loaded.
    pub(in crate::table) fn get_to_change(&self, start: &[u8]) -> Option<Shard<'_>> {
        let place = self.processor.run(ToChange(self), start)?;
        place.leaf.prefetch_apart();
        let shard = place.shard();
        Some(shard).filter(|shard| shard.start() == start)
    }
}

struct ToChange<'t>(&'t Index);

impl<'t> Search<&[u8]> for ToChange<'t> {
    type Found = Option<Place<'t>>;

    #[inline(always)]
    fn run<L: Lanes>(self, key: &[u8]) -> Option<Place<'t>> {
        floor::<L>(self.0, key, |inner, place| {
            // All of what is above is near. Of the leaf more is asked for when it is there.
            if let Children::Leaves(leaves) = &inner.children {
                leaves[place].prefetch_end();
                leaves.iter().for_each(prefetch_counts);
                prefetch(inner, size_of::<Inner>());
            }
        })
    }
}

struct Ahead<'t>(&'t Index);

impl<K: AsRef<[u8]>> Search<&[K]> for Ahead<'_> {
    type Found = ();

    #[inline(always)]
    fn run<L: Lanes>(self, keys: &[K]) {
        let Self(index) = self;
        let Some(Node::Inner(root)) = &index.root else { return };
        // So few leaves as are right below the root stay in the nearest caches.
        let Children::Inners(children) = &root.children else { return };
        for keys in keys.chunks(GROUP) {
            let mut probes = Together::<Probe<'_>>::new();
            let pass = |inner: &Inner, place: usize| {
                prefetch_counts_of(inner);
                prefetch(&inner.weights[place], size_of::<Weight>());
            };
            let leaves = descend_together::<L, K>(root, children, keys, index.common, &mut probes, pass);
            for (leaf, _) in &leaves {
                prefetch_counts_of(*leaf);
                prefetch(*leaf, size_of::<Leaf>());
            }
            leaves.iter().for_each(|(leaf, _)| leaf.prefetch_apart());
        }
    }
}
