//! The index against two other opinions, a `BTreeMap` and an `im::OrdMap`, on keys that are made to be hard: equal heads,
//! prefixes of each other, runs of the least and the greatest byte, bytes that vary here and there, and any length.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::ops::Bound;
use std::sync::Arc;
use std::thread;

use im::OrdMap;

use super::inner::Children;
use super::owner::Owner;
use super::search::Floor;
use super::wide::{Even, Narrow, Search};
use super::*;
use crate::key::{KeyEnd, KeyRange};
use crate::shard::{NodeId, ShardId, ShardRecord};
use crate::table::random::Random;

impl Random {
    pub(super) fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    pub(super) fn one_of(&mut self, bytes: &[u8]) -> u8 {
        bytes[self.below(bytes.len())]
    }

    fn bytes(&mut self, alphabet: &[u8], most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.one_of(alphabet)).collect()
    }
}

/// How to make keys of a kind.
type Family = (&'static str, fn(&mut Random) -> Vec<u8>);

/// Miri takes its time, and what it looks for is in every family.
const STEP: usize = if cfg!(miri) { 7 } else { 1 };

const FAMILIES: [Family; 14] = [
    ("any bytes, short", |random| random.bytes(&(0..=255).collect::<Vec<_>>(), 3)),
    ("sixteen random bytes", |random| (0..16).map(|_| random.byte()).collect()),
    ("prefixes of each other", |random| vec![b'a'; random.below(300)]),
    ("least and greatest bytes", |random| random.bytes(&[0x00, 0xff], 12)),
    ("zeros, which look like the end of a key", |random| random.bytes(&[0, 0, 0, 1], 20)),
    ("equal for the first eight bytes that vary", |random| {
        [&[random.one_of(b"xy"); 8][..], &random.bytes(b"abc", 6)].concat()
    }),
    ("a long common start", |random| [&[b'p'; 200][..], &random.bytes(b"abcd", 5)].concat()),
    ("text with numbers here and there", |random| {
        let (tenant, user, page) = (random.below(40), random.below(50), random.below(3));
        format!("tenant/{tenant:04}/user/{user:09}/page/{page}").into_bytes()
    }),
    ("runs with gaps of every width", |random| {
        let gap = |random: &mut Random, width: usize| vec![b"-_"[usize::from(random.below(400) == 0)]; width];
        let mut key = Vec::new();
        for width in [1, 2, 8, 9, 3] {
            key.extend(random.bytes(b"ab", 2));
            key.extend(gap(random, width));
        }
        key
    }),
    ("paths", |random| {
        let parts =
            ["src", "table", "index", "share", "doc", "html", "std", "a", "b.rs", "mod.rs", "x86_64", "lib"];
        let path: Vec<_> = (0..1 + random.below(7)).map(|_| parts[random.below(parts.len())]).collect();
        path.join("/").into_bytes()
    }),
    ("names with one letter here and there", |random| {
        let mut name = b"................................................".to_vec();
        for _ in 0..random.below(5) {
            let at = random.below(name.len());
            name[at] = random.one_of(b"abc");
        }
        name
    }),
    ("few letters, from the first to the sixtieth", |random| {
        let mut name = vec![b'.'; 60 + random.below(3)];
        for (at, letters) in [(0, &b"ab"[..]), (9, b"ab"), (50, b"abcdefgh"), (59, b"abcdefgh")] {
            name[at] = random.one_of(letters);
        }
        name
    }),
    ("ends and zeros at the same places", |random| {
        let length = random.below(30);
        let mut key = random.bytes(b"ppppppppq", length);
        if !key.is_empty() {
            let at = random.below(key.len());
            key[at] = random.one_of(&[0, 0, 1]);
        }
        key
    }),
    ("up to four thousand bytes", |random| {
        let length = [0, 1, 7, 8, 9, 63, 64, 65, 4_096][random.below(9)];
        let mut key = vec![b'k'; length];
        if let Some(last) = key.last_mut() {
            *last = random.one_of(b"klm");
        }
        key
    }),
];

/// The index and the others, which always have the same entries.
#[derive(Clone, Default)]
struct Opinions {
    index: Index,
    tree: BTreeMap<Vec<u8>, ShardRecord>,
    second: OrdMap<Key, ShardRecord>,
}

impl Opinions {
    fn insert(&mut self, random: &mut Random, key: Vec<u8>) {
        let start = Key::from(key.as_slice());
        let next = self.index.after(&key).map(|shard| Key::from(shard.start()));
        let end = match (random.below(3), next) {
            (0, _) => KeyEnd::At(Key::from([&key[..], &[0]].concat())),
            (_, Some(next)) => KeyEnd::At(next),
            (_, None) => KeyEnd::Unbounded,
        };
        let range = KeyRange::new(start.clone(), end).unwrap();
        let record = ShardRecord::new(ShardId(random.below(1 << 30) as u64), range, NodeId(1));
        let old: Vec<_> = self.tree.get(&key).cloned().into_iter().collect();
        self.index.replace(&old, std::slice::from_ref(&record));
        self.second.insert(start, record.clone());
        self.tree.insert(key, record);
    }

    fn remove(&mut self, key: &[u8]) {
        let found = self.index.get(key).map(Shard::to_record);
        assert_eq!(found.as_ref(), self.tree.get(key));
        assert_eq!(found, self.index.get_to_change(key).map(Shard::to_record));
        if let Some(record) = found {
            self.index.replace(&[record], &[]);
        }
        self.second.remove(key);
        self.tree.remove(key);
    }

    /// What each opinion says of one key.
    fn agree_on(&self, key: &[u8], context: &str) {
        let up_to =
            |end| self.tree.range::<[u8], _>((Bound::Unbounded, end)).next_back().map(|(_, record)| record);
        let floor = up_to(Bound::Included(key));
        let second = self.second.range::<_, [u8]>((Bound::Unbounded, Bound::Included(key))).next_back();
        let text = || format!("{context}: {:?} among {}", Key::from(key), self.tree.len());
        let record = |shard: Option<Shard<'_>>| shard.map(Shard::to_record);
        assert_eq!(record(self.index.floor(key)).as_ref(), floor, "{}", text());
        assert_eq!(second.map(|(_, record)| record), floor, "{}", text());
        assert_eq!(record(self.index.before(key)).as_ref(), up_to(Bound::Excluded(key)), "{}", text());
        let after = self.tree.range::<[u8], _>((Bound::Excluded(key), Bound::Unbounded)).next();
        assert_eq!(record(self.index.after(key)).as_ref(), after.map(|(_, record)| record), "{}", text());
        let route = floor.filter(|record| record.range.contains(key)).map(ShardRecord::route);
        let owner_by = || Owner(&self.index);
        let mut owners = vec![owner_by().run::<Narrow>(key), owner_by().run::<Even>(key)];
        owners.extend(Processor::each().into_iter().map(|processor| processor.run(owner_by(), key)));
        let by_others = owners.into_iter().map(|place| place.map(Place::route).copied());
        for found in by_others.chain([self.index.route(key).copied()]) {
            assert_eq!(found, route, "{}", text());
        }
        let floor_by = || Floor(&self.index);
        let mut floors = vec![floor_by().run::<Narrow>(key), floor_by().run::<Even>(key)];
        floors.extend(Processor::each().into_iter().map(|processor| processor.run(floor_by(), key)));
        for place in floors {
            assert_eq!(record(place.map(Place::shard)).as_ref(), floor, "{}", text());
        }
    }

    /// In which ways the heads of its nodes are made, whether in columns, and whether some are equal.
    fn note_ways(&self, ways: &mut BTreeSet<(&str, (&'static str, bool, bool))>) {
        let mut rest: Vec<Node> = self.index.root.iter().cloned().collect();
        while let Some(node) = rest.pop() {
            match node {
                Node::Leaf(leaf) => drop(ways.insert(("leaf", leaf.heads.way()))),
                Node::Inner(inner) => {
                    ways.insert(("inner", inner.heads.way()));
                    rest.extend((0..inner.children.len()).map(|place| inner.children.get(place)));
                }
            }
        }
    }

    fn agree_on_all(&self) {
        assert_eq!(self.index.broken(), None);
        assert_eq!(self.index.len(), self.tree.len());
        let all = || self.index.run(&[], KeyEnd::Unbounded).map(Shard::to_record);
        assert!(all().eq(self.tree.values().cloned()));
        assert!(all().rev().eq(self.tree.values().rev().cloned()));
    }

    /// Keys in no order and in order are found near a finger, which may come from another version, and many at once as each by
    /// itself.
    fn agree_near(&self, keys: &[Vec<u8>], finger: &mut Finger) {
        let mut sorted = keys.to_vec();
        sorted.sort();
        let starts: Vec<Vec<u8>> = self.tree.keys().cloned().collect();
        let dense = starts
            .iter()
            .take(if cfg!(miri) { 1 } else { 40 })
            .flat_map(|start| vec![start.clone(); 12])
            .collect();
        for keys in [keys.to_vec(), sorted, starts, dense, keys.to_vec()] {
            let routes: Vec<_> = keys.iter().map(|key| self.index.route(key)).collect();
            for (key, route) in keys.iter().zip(&routes) {
                assert_eq!(self.index.route_near(key, finger), *route, "{:?}", Key::from(&key[..]));
            }
            for finger in [&mut *finger, &mut Finger::default()] {
                let mut answers = Vec::new();
                self.index.routes_near(&keys, finger, |route| answers.push(route));
                assert_eq!(answers, routes);
            }
        }
    }

    /// A part of the entries, forward, backward, and from both ends.
    fn agree_on_run(&self, from: &[u8], to: &[u8]) {
        let run = || self.index.run(from, KeyEnd::At(to)).map(Shard::to_record);
        let expected: Vec<ShardRecord> = if from < to {
            self.tree
                .range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)))
                .map(|(_, record)| record.clone())
                .collect()
        } else {
            vec![]
        };
        assert!(run().eq(expected.iter().cloned()));
        assert!(run().rev().eq(expected.iter().rev().cloned()));
        let (mut ends, mut left) = (run(), expected.into_iter());
        while left.len() > 0 {
            assert_eq!(ends.next(), left.next());
            assert_eq!(ends.next_back(), left.next_back());
        }
        assert_eq!((ends.next(), ends.next_back()), (None, None));
    }

    /// The difference is that of a full comparison.
    fn agree_on_diff(&self, newer: &Self) {
        let mut expected = BTreeMap::<_, (Option<ShardRecord>, Option<ShardRecord>)>::new();
        for (key, record) in &self.tree {
            expected.entry(key).or_default().0 = Some(record.clone());
        }
        for (key, record) in &newer.tree {
            expected.entry(key).or_default().1 = Some(record.clone());
        }
        expected.retain(|_, (old, new)| old != new);
        let found = self.index.diff(&newer.index).map(|diff| match diff {
            EntryDiff::Gone(old) => (Some(old.to_record()), None),
            EntryDiff::New(new) => (None, Some(new.to_record())),
            EntryDiff::Changed(old, new) => (Some(old.to_record()), Some(new.to_record())),
        });
        assert!(found.eq(expected.into_values()));
    }
}

/// Keys close to `key`, where mistakes are.
fn close_to(random: &mut Random, key: &[u8]) -> Vec<Vec<u8>> {
    let mut changed = key.to_vec();
    if !changed.is_empty() {
        let at = random.below(changed.len());
        changed[at] = changed[at].wrapping_add([1, 255, 128][random.below(3)]);
    }
    let shorter = key[..key.len() - key.len().min(1 + random.below(9))].to_vec();
    let longer = [key, &[random.one_of(&[0, 1, 0xff])]].concat();
    let cut = [&changed[..changed.len() / 2], &[random.one_of(&[0, b'a', 0xff])]].concat();
    vec![key.to_vec(), changed, shorter, longer, cut]
}

#[test]
fn every_kind_of_key_is_found_as_others_find_it() {
    let (sizes, checks): (&[usize], usize) =
        if cfg!(miri) { (&[12], 8) } else { (&[3, 33, 200, 3_000], 300) };
    let mut ways = BTreeSet::new();
    for (seed, (name, make)) in FAMILIES.into_iter().enumerate().step_by(STEP) {
        for &size in sizes {
            let mut random = Random(seed as u64 * 1_000 + size as u64);
            let mut opinions = Opinions::default();
            let (mut versions, mut finger) = (vec![opinions.clone()], Finger::default());
            let mut published = Index::default();
            // Grows, then changes, then shrinks to nothing.
            for round in 0..3 * size {
                let made = make(&mut random);
                let grows = random.below(10) < [9, 5, 0][round / size];
                let present = opinions.index.floor(&made).map(|shard| shard.start().to_vec());
                match present {
                    Some(present) if !grows => opinions.remove(&present),
                    _ if grows => opinions.insert(&mut random, made),
                    _ => {}
                }
                // As a router does with what nobody holds: the next nodes are made of it.
                mem::replace(&mut published, opinions.index.clone()).take_apart();
                if round % (size / 3).max(1) == 0 {
                    opinions.agree_on_all();
                    versions.push(opinions.clone());
                }
            }
            for version in &versions {
                version.agree_on_all();
                version.note_ways(&mut ways);
                let mut asked = Vec::new();
                for _ in 0..checks / versions.len() {
                    let made = make(&mut random);
                    let close = close_to(&mut random, &made);
                    close.iter().for_each(|key| version.agree_on(key, name));
                    asked.extend(close);
                    version.agree_on_run(&made, &make(&mut random));
                }
                version.agree_near(&asked, &mut finger);
            }
            for pair in versions.windows(2) {
                pair[0].agree_on_diff(&pair[1]);
            }
            versions[0].agree_on_diff(&versions[versions.len() / 2]);
        }
    }
    let both = [
        ("of what keys begin with", false, false),
        ("in a window", false, false),
        ("in a window", true, false),
        ("by forks", false, false),
        ("by far forks", false, false),
    ];
    let leaf = [("in a window", false, true), ("apart", true, false)];
    let expected = both.map(|way| ("inner", way)).into_iter().chain(both.map(|way| ("leaf", way)));
    for way in expected.chain(leaf.map(|way| ("leaf", way))).filter(|_| !cfg!(miri)) {
        assert!(ways.contains(&way), "no heads are made like this: {way:?}, but {ways:?}");
    }
}

#[test]
fn building_at_once_is_like_building_one_by_one() {
    for size in [0u32, 1, 2, 31, 32, 33, 63, 64, 65, 1_023, 1_024, 1_025, 5_000] {
        if cfg!(miri) && ![0, 33].contains(&size) {
            continue;
        }
        let mut random = Random(size.into());
        let mut opinions = Opinions::default();
        for _ in 0..size {
            let key = FAMILIES[7].1(&mut random);
            opinions.insert(&mut random, key);
        }
        opinions.agree_on_all();
        let records: Vec<_> = opinions.tree.values().cloned().collect();
        opinions.index = Index::from_sorted(&records);
        opinions.agree_on_all();
        for _ in 0..if cfg!(miri) { 5 } else { 100 } {
            let key = FAMILIES[7].1(&mut random);
            opinions.agree_on(&key, "built at once");
        }
        while let Some(key) = opinions.tree.keys().nth(random.below(opinions.tree.len().max(1))).cloned() {
            opinions.remove(&key);
            if random.below(16) == 0 {
                assert_eq!(opinions.index.broken(), None);
            }
        }
        assert_eq!((opinions.index.len(), opinions.index.broken()), (0, None));
    }
}

/// Shards that start at their numbers, with so many zeros behind each.
fn numbered(count: u32, zeros: usize) -> Vec<ShardRecord> {
    let key = |id: u32| [&id.to_be_bytes()[..], &vec![0; zeros]].concat();
    let record = |id| {
        let range = KeyRange::try_from(key(id)..key(id + 1)).unwrap();
        ShardRecord::new(ShardId(id.into()), range, NodeId(1))
    };
    (0..count).map(record).collect()
}

#[test]
#[cfg_attr(miri, ignore = "300,000 shards, and nothing that Miri looks for")]
fn what_is_shared_is_not_compared() {
    let old = Index::from_sorted(&numbered(300_000, 0));
    let mut new = old.clone();
    for id in [7u32, 150_000, 299_999] {
        let record = old.get(&id.to_be_bytes()).unwrap().to_record();
        let mut moved = record.clone();
        moved.leader = NodeId(2);
        new.replace(&[record], &[moved]);
    }
    let changed = old.diff(&new).map(|diff| match diff {
        EntryDiff::Changed(old, new) => (old.leader().0, new.leader().0),
        _ => (0, 0),
    });
    assert_eq!(changed.collect::<Vec<_>>(), [(1, 2); 3]);
    let Some((Node::Inner(one), Node::Inner(other))) = old.root.as_ref().zip(new.root.as_ref()) else {
        panic!("there are many leaves")
    };
    let (Children::Inners(one), Children::Inners(other)) = (&one.children, &other.children) else {
        panic!("there are many inner nodes")
    };
    let shared = one.iter().zip(other).filter(|(one, other)| Arc::ptr_eq(one, other)).count();
    assert_eq!(shared, one.len() - 3, "a change copies one path");
}

#[test]
#[cfg_attr(miri, ignore = "many copies of many leaves, and nothing that Miri looks for: it is safe code")]
fn neighbours_that_go_may_lie_in_several_leaves() {
    let records = numbered(300, 0);
    let index = Index::from_sorted(&records);
    for gone in [2, 3, 100] {
        for from in 0..=records.len() - gone {
            let (below, rest) = records.split_at(from);
            let (old, above) = rest.split_at(gone);
            let mut one = old[0].clone();
            one.range = KeyRange::try_from(
                old[0].range.start()..above.first().map_or(&[255][..], |next| next.range.start()),
            )
            .unwrap();
            let mut next = index.clone();
            next.replace(old, std::slice::from_ref(&one));
            assert_eq!(
                (next.broken(), next.len()),
                (None, records.len() - gone + 1),
                "{gone} from {from} on"
            );
            let expected = below.iter().chain([&one]).chain(above).cloned();
            assert!(
                next.run(&[], KeyEnd::Unbounded).map(Shard::to_record).eq(expected),
                "{gone} from {from} on"
            );
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "3,000 shards, and nothing that Miri looks for: it is safe code")]
fn nodes_are_made_of_what_no_version_has_any_more() {
    let records = numbered(3_000, 0);
    let led_by = |index: &Index, leader: u64| {
        let (mut next, mut moved) = (index.clone(), records[7].clone());
        moved.leader = NodeId(leader);
        next.replace(&records[7..8], &[moved]);
        next
    };
    // Each thread has its own.
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut index = Index::from_sorted(&records);
            let (mut held, mut next) = (index.clone(), led_by(&index, 2));
            index.take_apart();
            assert_eq!(spare::count(), (0, 0), "another version has all of it");
            held.take_apart();
            assert_eq!(spare::count(), (1, 2), "a path that the next version has not");
            let mut last = led_by(&next, 3);
            assert_eq!(spare::count(), (0, 0), "they are in use again");
            assert_eq!((next.broken(), last.broken()), (None, None));
            let leader = |index: &Index, id: usize| index.get(records[id].range.start()).map(Shard::leader);
            assert_eq!((leader(&next, 7), leader(&last, 7)), (Some(NodeId(2)), Some(NodeId(3))));
            assert_eq!((leader(&next, 8), leader(&last, 8)), (Some(NodeId(1)), Some(NodeId(1))));
            next.take_apart();
            last.take_apart();
            assert_eq!(spare::count(), (spare::LEAVES, 7), "a few leaves of 72");
        });
        scope.spawn(|| {
            Index::from_sorted(&numbered(100, 1_000)).take_apart();
            assert_eq!(spare::count(), (0, 1), "what is large is not kept");
        });
    });
}

/// What tells neighbours apart is followed by bytes that all have, and those say nothing of a key that is looked for.
#[test]
fn heads_have_room_for_more_than_what_tells_keys_apart() {
    let of =
        |keys: &[String]| heads::Heads::<{ heads::LEAF }>::of(keys.len(), |place| keys[place].as_bytes());
    let keys = |user: fn(u32) -> u32| -> Vec<_> {
        (1..13).map(|tenant| format!("tenant/{tenant:04}/user/{:09}", user(tenant))).collect()
    };
    assert_eq!(of(&keys(|tenant| tenant * 98_765_432)).way(), ("in a window", true, false));
    let alike = of(&keys(|_| 0)).way();
    assert_eq!(alike, ("in a window", false, false), "there is nothing behind that varies");
    let rows: Vec<_> = (1..13).map(|row| format!("table/{:08}", row * 7_654_321)).collect();
    assert_eq!(of(&rows).way(), ("in a window", false, false), "there is room");
}

/// As keys come that depart from the others earlier and earlier, before the first and behind it.
#[test]
#[cfg_attr(miri, ignore = "two minutes, and nothing that Miri does not look for above")]
fn what_all_keys_have_in_common_shrinks_as_keys_come() {
    let mut random = Random(5);
    let mut opinions = Opinions::default();
    // Two leaves: with one there is no way down.
    for number in 0..60 {
        opinions.insert(&mut random, format!("tenant/{:04}", 7 * number).into_bytes());
    }
    assert_eq!(opinions.index.common, "tenant/0".len());
    let mut expect = |key: &str, common: usize| {
        opinions.insert(&mut random, key.as_bytes().to_vec());
        assert_eq!(opinions.index.common, common, "after {key}");
        opinions.agree_on_all();
        for asked in ["", "t", "tena", "tenant/", "tenant/0", "tenant/02", "tenant/1", "tenb", "z", key] {
            opinions.agree_on(asked.as_bytes(), key);
        }
    };
    expect("tenant/00", 8);
    expect("tenant/1", 7);
    expect("ten", 7);
    expect("", 3);
    expect("text", 2);
    expect("z", 0);
}
