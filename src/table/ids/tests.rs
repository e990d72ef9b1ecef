//! The tree against a `BTreeMap`, on ids in orders that are made to be hard, with starts of any length; and that what other
//! versions have stays what it was.

use std::collections::BTreeMap;

use arrayvec::ArrayVec;

use super::*;
use crate::table::random::Random;

impl Random {
    /// Mostly short, sometimes empty, sometimes long.
    fn start(&mut self) -> Vec<u8> {
        let most = [1, 17, 301][self.below(3)];
        (0..self.below(most)).map(|at| self.0.to_le_bytes()[at % 8]).collect()
    }
}

/// How to make the ids of a kind, the `n`th of a series.
type Family = (&'static str, fn(&mut Random, u64) -> u64);

/// Miri takes its time, and what it looks for is in every family.
const STEP: usize = if cfg!(miri) { 4 } else { 1 };

const FAMILIES: [Family; 8] = [
    ("ascending", |_, n| n),
    ("descending", |_, n| u64::MAX - n),
    ("any", |random, _| random.next()),
    (
        "the least and the greatest",
        |random, n| if n % 2 == 0 { random.next() % 40 } else { !(random.next() % 40) },
    ),
    ("dense with holes", |random, n| n / 2 + random.next() % 50),
    ("clusters", |random, _| ((random.next() % 9) << 60) | (random.next() % 70)),
    ("from both ends to the middle", |_, n| if n % 2 == 0 { n } else { !n }),
    ("ascending runs, each below the one before", |_, n| (1_000 - n / 40) * 1_000 + n % 40),
];

/// The tree and the other, which always have the same entries.
#[derive(Clone, Default)]
struct Opinions {
    ids: Ids,
    tree: BTreeMap<u64, Vec<u8>>,
}

impl Opinions {
    fn insert(&mut self, id: u64, start: Vec<u8>) {
        self.ids.insert(ShardId(id), &start);
        self.tree.insert(id, start);
        assert_eq!(self.ids.get(ShardId(id)), self.tree.get(&id).map(Vec::as_slice));
    }

    /// Three at once: neighbours, or the last one back among those before.
    fn insert_some(&mut self, random: &mut Random, id: u64) {
        let ids = [id, id.saturating_add(1), id.wrapping_add([2, 0, u64::MAX][random.below(3)])];
        let entries = ids.map(|id| (id, random.start()));
        self.ids.insert_all(entries.iter().map(|(id, start)| (ShardId(*id), start.as_slice())));
        self.tree.extend(entries);
        for id in ids {
            assert_eq!(self.ids.get(ShardId(id)), self.tree.get(&id).map(Vec::as_slice));
        }
    }

    /// One, or so many that follow each other, if they are there.
    fn remove(&mut self, id: u64, count: u64) {
        let ids = (0..count).map(|nth| id.wrapping_add(nth));
        let there: Vec<_> = ids.clone().filter(|id| self.tree.remove(id).is_some()).map(ShardId).collect();
        let left = self.ids.len() - there.len();
        there.into_iter().for_each(|id| self.ids.remove(id));
        assert_eq!(self.ids.len(), left);
        ids.for_each(|id| assert_eq!(self.ids.get(ShardId(id)), None));
    }

    /// An id that is there, near some id or at the end.
    fn near(&self, id: u64) -> Option<u64> {
        self.tree.range(id..).next().or(self.tree.iter().next_back()).map(|(id, _)| *id)
    }

    fn agree(&self, context: &str) {
        assert_eq!(self.ids.broken(), None, "{context}");
        assert_eq!(self.ids.len(), self.tree.len(), "{context}");
        let all = self.tree.iter().map(|(id, start)| (ShardId(*id), start.as_slice()));
        assert!(self.ids.iter().eq(all.clone()), "{context}");
        for (id, start) in all {
            assert_eq!(self.ids.get(id), Some(start), "{context}: {id}");
            for beside in [id.0.wrapping_sub(1), id.0.wrapping_add(1)] {
                let found = self.ids.get(ShardId(beside));
                assert_eq!(found, self.tree.get(&beside).map(Vec::as_slice), "{context}: beside {id}");
            }
        }
        let asked: Vec<_> = self.tree.keys().flat_map(|id| [*id, id.wrapping_add(1)]).map(ShardId).collect();
        for together in asked.chunks(9) {
            let one_by_one: Vec<_> = together.iter().filter_map(|id| self.ids.get(*id)).collect();
            let together: ArrayVec<_, 16> = together.iter().copied().collect();
            assert_eq!(self.ids.get_all(&together)[..], one_by_one, "{context}: together");
        }
        let other = Ids::from_sorted(self.tree.iter().map(|(id, start)| (ShardId(*id), start.as_slice())));
        assert!(self.ids == other, "{context}");
    }
}

#[test]
fn every_order_of_ids_is_kept_as_a_map_keeps_it() {
    let sizes: &[usize] = if cfg!(miri) { &[8] } else { &[5, 70, 600, 6_000] };
    for (seed, (name, make)) in FAMILIES.into_iter().enumerate().step_by(STEP) {
        for &size in sizes {
            let mut random = Random(seed as u64 * 10_000 + size as u64);
            let mut opinions = Opinions::default();
            let mut versions = vec![opinions.clone()];
            // Grows, then changes, then shrinks to nothing.
            for round in 0..4 * size {
                let id = make(&mut random, round as u64);
                if random.below(10) < [9, 5, 1, 0][round / size] {
                    if random.below(4) == 0 {
                        opinions.insert_some(&mut random, id);
                    }
                    let start = random.start();
                    opinions.insert(id, start);
                } else {
                    let at = [id, random.next()][random.below(2)];
                    let count = 1 + random.next() % 3;
                    opinions.remove(at, count);
                    opinions.near(at).into_iter().for_each(|id| opinions.remove(id, count));
                }
                if round % (size / 2) == 0 {
                    versions.push(opinions.clone());
                }
                if random.below(size) < 20 {
                    assert_eq!(opinions.ids.broken(), None, "{name}, {size}, {round}");
                }
            }
            while let Some(id) = opinions.near(random.next()) {
                opinions.remove(id, 1 + random.next() % 2);
            }
            assert_eq!(opinions.ids.len(), 0);
            opinions.ids.take_out_ended();
            assert!(opinions.ids.tree.root.is_none() && opinions.ids.beside.newest.is_none());
            versions.iter().for_each(|version| version.agree(name));
        }
    }
}

#[test]
fn building_at_once_is_like_building_one_by_one() {
    for size in [0usize, 1, 2, 31, 32, 33, 63, 64, 65, 255, 256, 257, 511, 513, 2_047, 2_048, 2_049, 5_000] {
        if cfg!(miri) && ![0, 33].contains(&size) {
            continue;
        }
        let mut random = Random(size as u64);
        let mut opinions = Opinions::default();
        for id in 0..size as u64 {
            let start = random.start();
            opinions.insert(id * 3, start);
        }
        opinions.agree("one by one");
        let sorted = opinions.tree.iter().map(|(id, start)| (ShardId(*id), start.as_slice()));
        opinions.ids = Ids::from_sorted(sorted);
        opinions.agree("at once");
        for _ in 0..size {
            let at = random.next() % (size as u64 * 3);
            let start = random.start();
            opinions.insert(at, start);
            opinions
                .near(random.next() % (size as u64 * 3))
                .into_iter()
                .for_each(|id| opinions.remove(id, 1));
            assert!(size > 600 || opinions.ids.broken().is_none());
        }
        opinions.agree("changed");
    }
}

#[test]
fn entries_that_differ_make_trees_that_differ() {
    let of =
        |entries: &[(u64, &[u8])]| Ids::from_sorted(entries.iter().map(|(id, start)| (ShardId(*id), *start)));
    let some = of(&[(1, b"ab"), (2, b"c")]);
    assert!(some == some.clone());
    for other in [of(&[]), of(&[(1, b"ab")]), of(&[(1, b"a"), (2, b"bc")]), of(&[(1, b"ab"), (3, b"c")])] {
        assert!(some != other);
    }
}

#[test]
fn ascending_ids_leave_full_nodes_behind() {
    let (nodes, leaves) = if cfg!(miri) { (1, 2) } else { (3, 3 * node::FANOUT) };
    let mut ids = Ids::default();
    // One more, for which the last full leaf has to go into the tree.
    (0..=(leaves * leaf::FANOUT) as u64).for_each(|id| ids.insert(ShardId(id), b""));
    let (mut found_leaves, mut found_nodes) = (0, 0);
    let mut level: Vec<&Node> = ids.tree.root.iter().collect();
    while let Some(node) = level.pop() {
        match node {
            Node::Inner(inner) => {
                found_nodes += usize::from(matches!(inner.children[0], Node::Leaf(_)));
                level.extend(&inner.children);
            }
            Node::Leaf(_) => found_leaves += 1,
        }
    }
    assert_eq!((found_nodes, found_leaves), (nodes, leaves));
}
