//! Changes to long runs of shards, so that leaves and inner nodes fill up, split, run empty and merge, against a `BTreeMap`:
//! the dense model has too few points for more than two levels.

use std::collections::{BTreeMap, BTreeSet};

use shardway::{Change, Difference, Key, KeyEnd, KeyRange, Naming, NodeId, ShardId, ShardRecord, Table};

use crate::dense::script::Script;

/// How many keys the model has. The first is the empty one.
const KEYS: usize = 1 << 14;
/// A table does not grow beyond this: three levels.
const MOST: usize = 2_500;

/// Who owns the keys from a number on: up to which, under which name, and led by whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Owner {
    end: usize,
    id: ShardId,
    leader: NodeId,
}

/// The shards by the number of their first key.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Model {
    shards: BTreeMap<usize, Owner>,
    next_id: u64,
    spelling: usize,
}

/// A table, and the model that it agrees with.
#[derive(Clone)]
pub(crate) struct Grown {
    pub(crate) table: Table,
    model: Model,
}

/// A transaction for a run of shards.
type Changes = Vec<Change>;

impl Model {
    /// Keys in ascending order of their numbers, spelled in one of several ways that heads of keys find hard.
    fn key(&self, number: usize) -> Key {
        let number = match u16::try_from(number) {
            Ok(0) => return Key::empty(),
            Ok(number) => number,
            Err(_) => unreachable!("keys are few"),
        };
        let [high, low] = number.to_be_bytes();
        match self.spelling {
            0 => Key::from([high, low]),
            1 => Key::from(format!("tenant/{high:04}/user/{low:09}/profile")),
            2 => Key::from([&[0xff; 40][..], &[high], &vec![0; usize::from(low)]].concat()),
            3 => Key::from([&b"t\0\0\0\0\0"[..], &[high], &[0; 12], &[low], b"_r"].concat()),
            // Bits as letters, and others between: as in paths, neighbours differ here and there.
            _ => {
                let spelled = |bit| if number << bit >= 1 << 15 { "xy/." } else { "ab/." };
                Key::from((0..u16::BITS).map(spelled).collect::<String>())
            }
        }
    }

    fn end(&self, number: usize) -> KeyEnd {
        if number == KEYS { KeyEnd::Unbounded } else { KeyEnd::At(self.key(number)) }
    }

    /// So many shards from the one that owns a key on.
    fn run(&self, from: usize, count: usize) -> Vec<(usize, Owner)> {
        let first = self.shards.range(..=from).next_back().map_or(0, |(start, _)| *start);
        self.shards.range(first..).take(count).map(|(start, owner)| (*start, *owner)).collect()
    }

    fn fresh(&mut self) -> ShardId {
        self.next_id += 1;
        ShardId(self.next_id - 1)
    }

    /// Cuts each shard of a run into so many, as far as it has keys.
    fn split(&mut self, run: &[(usize, Owner)], parts: usize) -> Changes {
        let mut changes = Vec::new();
        for &(start, owner) in run {
            let parts = parts.min(owner.end - start);
            let mut from = start;
            for part in 1..parts {
                let at = start + (owner.end - start) * part / parts;
                if self.shards.len() >= MOST {
                    break;
                }
                changes.push(Change::split_naming(owner.id, self.key(at), Naming::KeepUpper));
                let lower = Owner { end: at, id: self.fresh(), ..owner };
                self.shards.insert(from, lower);
                self.shards.insert(at, owner);
                from = at;
            }
        }
        changes
    }

    /// Merges neighbours in a run that have one leader, each with the one before.
    fn merge(&mut self, run: &[(usize, Owner)]) -> Changes {
        let mut changes = Vec::new();
        let mut grown: Option<(usize, Owner)> = None;
        for &(start, owner) in run {
            match &mut grown {
                Some((first, before)) if (before.end, before.leader) == (start, owner.leader) => {
                    changes.push(Change::merge_naming(before.id, owner.id, Naming::KeepLower));
                    self.shards.remove(&start);
                    before.end = owner.end;
                    self.shards.insert(*first, *before);
                }
                _ => grown = Some((start, owner)),
            }
        }
        changes
    }

    fn transfer(&mut self, run: &[(usize, Owner)], to: NodeId) -> Changes {
        let moved = run.iter().filter(|(_, owner)| owner.leader != to);
        moved
            .map(|&(start, owner)| {
                self.shards.insert(start, Owner { leader: to, ..owner });
                Change::transfer(owner.id, to)
            })
            .collect()
    }

    fn remove(&mut self, run: &[(usize, Owner)]) -> Changes {
        run.iter()
            .map(|(start, owner)| {
                self.shards.remove(start);
                Change::remove(owner.id)
            })
            .collect()
    }

    /// A shard for each of so many gaps.
    fn register(&mut self, most: usize, leader: NodeId) -> Changes {
        let mut gaps = Vec::new();
        let mut open = 0;
        for (start, owner) in
            self.shards.iter().map(|(start, owner)| (*start, owner.end)).chain([(KEYS, KEYS)])
        {
            if open < start {
                gaps.push((open, start));
            }
            open = owner;
        }
        gaps.truncate(most);
        gaps.into_iter()
            .map(|(start, end)| {
                let id = self.fresh();
                self.shards.insert(start, Owner { end, id, leader });
                let range = KeyRange::new(self.key(start), self.end(end)).expect("a gap holds keys");
                Change::register(ShardRecord::new(id, range, leader))
            })
            .collect()
    }

    fn change(&mut self, script: &mut Script<'_>) -> Changes {
        let mut wide = || (script.below(256) << 6 | script.below(64)) % KEYS;
        let (from, count) = (wide(), 1 + wide() % 2_500);
        let run = self.run(from, count);
        match script.below(16) {
            0..7 => self.split(&run, 2 + script.below(15)),
            7..10 => self.merge(&run),
            10..12 => self.transfer(&run, NodeId(script.draw() % 70)),
            12..14 => self.remove(&run),
            _ => self.register(count, NodeId(script.draw() % 70)),
        }
    }
}

impl Grown {
    pub(crate) fn new(script: &mut Script<'_>) -> Self {
        let owner = Owner { end: KEYS, id: ShardId(1), leader: NodeId(1) };
        let model = Model { shards: BTreeMap::from([(0, owner)]), next_id: 2, spelling: script.below(5) };
        Self { table: Table::whole(NodeId(1)), model }
    }

    /// What a script makes of it, up to so many transactions.
    pub(crate) fn change(&mut self, script: &mut Script<'_>) {
        let changes = self.model.change(script);
        let (next, _) = self.table.apply(&changes).expect("the model plans what is allowed");
        self.table = next;
    }

    /// A key that the model knows.
    pub(crate) fn key(&self, number: usize) -> Key {
        self.model.key(number % KEYS)
    }

    fn assert_same(&self) {
        let Self { table, model } = self;
        table.verify().unwrap();
        assert_eq!((table.len(), table.to_image().next_id), (model.shards.len(), model.next_id));
        let mut shards = table.shards();
        for (start, owner) in &model.shards {
            let shard = shards.next().expect("as many shards as there are");
            assert_eq!(
                (shard.start(), shard.end()),
                (model.key(*start).as_bytes(), model.end(owner.end).as_bytes())
            );
            assert_eq!((shard.id(), shard.leader()), (owner.id, owner.leader));
        }
        for number in (0..KEYS).step_by(97) {
            let owner = model.shards.range(..=number).next_back().map(|(_, owner)| owner);
            let owner = owner.filter(|owner| number < owner.end);
            let route = table.resolve(model.key(number)).ok();
            assert_eq!(
                route.map(|route| (route.shard, route.leader)),
                owner.map(|owner| (owner.id, owner.leader))
            );
        }
        for owner in model.shards.values().step_by(41) {
            assert_eq!(table.shard(owner.id).map(|shard| shard.leader()), Some(owner.leader));
        }
        for node in (0..70).step_by(9).map(NodeId) {
            let led = model.shards.values().filter(|owner| owner.leader == node).map(|owner| owner.id);
            assert!(table.led_by(node).map(|shard| shard.id()).eq(led));
        }
    }
}

/// The places at which two models differ.
fn differences(old: &Model, new: &Model) -> BTreeSet<usize> {
    let all = old.shards.keys().chain(new.shards.keys());
    all.filter(|start| old.shards.get(start) != new.shards.get(start)).copied().collect()
}

pub(crate) fn run(bytes: &[u8]) {
    let mut script = Script::new(&bytes[..bytes.len().min(72)]);
    let mut grown = Grown::new(&mut script);
    let mut kept: Vec<Grown> = Vec::new();
    while !script.is_over() {
        let before = grown.clone();
        grown.change(&mut script);
        grown.assert_same();
        let starts = before.table.diff(&grown.table).map(|difference| match difference {
            Difference::Gone(shard) | Difference::New(shard) | Difference::Changed(_, shard) => {
                shard.start().to_vec()
            }
        });
        // What was split and merged again is another version of the same.
        let changed: BTreeSet<_> = starts.collect();
        let expected = differences(&before.model, &grown.model);
        assert!(expected.iter().all(|start| changed.contains(grown.model.key(*start).as_bytes())));
        kept.push(before);
    }
    kept.iter().for_each(Grown::assert_same);
}
