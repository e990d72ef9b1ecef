//! Looking up many keys at once: groups of them go down the tree level by level, so that the lines which each needs next
//! are loaded while the others search. Single look-ups wait for one line after another; these wait for many at a time.
//!
//! The idea is that of the batched static search trees of Groot Koerkamp (2024), who gains no more beyond sixteen: so many
//! loads a core has under way at once.

use super::inner::{Children, Inner, Node};
use super::leaf::Leaf;
use super::prefetch::prefetch;
use super::{INNER_SEARCH, Index, LEAF_SEARCH};
use crate::shard::Route;

/// How many keys go down together.
const GROUP: usize = 16;

/// Where a key is on its way down, and how many of its bytes all keys there are known to have.
type Step<'t, N> = (&'t N, usize);

impl Index {
    /// Gives `answer` the route of the shard that owns each key, in the order of the keys.
    pub(in crate::table) fn routes<K: AsRef<[u8]>>(&self, keys: &[K], mut answer: impl FnMut(Option<Route>)) {
        let Some(Node::Inner(root)) = &self.root else {
            return keys.iter().for_each(|key| answer(self.route(key.as_ref())));
        };
        for group in keys.chunks(GROUP) {
            self.group(root, group, &mut answer);
        }
    }

    fn group<K: AsRef<[u8]>>(&self, root: &Inner, keys: &[K], answer: &mut impl FnMut(Option<Route>)) {
        let mut inners: [Step<'_, Inner>; GROUP] = [(root, 0); GROUP];
        // All leaves are equally deep, so all keys are on one level.
        while let Children::Inners(_) = &inners[0].0.children {
            for (key, step) in keys.iter().zip(&mut inners) {
                let (place, agreed) = step.0.place(key.as_ref(), step.1);
                if let Children::Inners(children) = &step.0.children {
                    *step = (&children[place], agreed);
                    prefetch(step.0, INNER_SEARCH);
                }
            }
        }
        let mut leaves: [Option<Step<'_, Leaf>>; GROUP] = [None; GROUP];
        for ((key, (inner, agreed)), step) in keys.iter().zip(inners).zip(&mut leaves) {
            let (place, agreed) = inner.place(key.as_ref(), agreed);
            if let Children::Leaves(children) = &inner.children {
                prefetch(&*children[place], LEAF_SEARCH);
                *step = Some((&children[place], agreed));
            }
        }
        let mut slots = [0; GROUP];
        for ((key, step), slot) in keys.iter().zip(leaves).zip(&mut slots) {
            if let Some((leaf, agreed)) = step {
                *slot = leaf.slot(key.as_ref(), agreed);
                prefetch(&leaf.facts[*slot].route, size_of::<Route>());
            }
        }
        for ((key, step), slot) in keys.iter().zip(leaves).zip(slots) {
            let owner = step.filter(|(leaf, _)| leaf.reaches(slot, key.as_ref()));
            answer(owner.filter(|_| !self.comes_before(key.as_ref())).map(|(leaf, _)| leaf.facts[slot].route));
        }
    }
}
