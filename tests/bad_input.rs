//! Every public way in for what comes from outside, with what it gets when that is bad: a row each, which is run and held
//! against `tests/BAD_INPUT.md`. `SHARDWAY_WRITE=1 cargo test --all-features --test bad_input` writes that file anew.

#![cfg(feature = "serde")]

use std::fmt::Debug;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use shardway::{
    Access, Advisor, Change, Delta, Denial, Direction, Epoch, Error, Estimates, Fate, Grouping, Key, KeyEnd,
    KeyRange, Load, Memory, Naming, Node, NodeId, NodeStatus, Operation, Phase, Progress, Rate, Rates,
    RouteCache, Router, ShardId, ShardRecord, ShardState, Table, Thresholds, Timestamp, Token,
};

/// The name of an enum's variant, in what `Debug` makes of a value.
fn variant(value: impl Debug) -> String {
    format!("{value:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

struct Rows {
    router: Router,
    before: Table,
    text: String,
    count: usize,
}

impl Rows {
    /// Shards 2 to "g", 4 to "m", a gap to "p", and 6 from there on; 4 is being split, 6 is led by node 2.
    fn new() -> Self {
        let router = Router::whole(NodeId(1));
        let steps = [
            Change::split(ShardId(1), "g"),
            Change::split(ShardId(3), "m"),
            Change::split(ShardId(5), "p"),
            Change::remove(ShardId(6)),
            Change::begin_split(ShardId(4), "h", Naming::Fresh),
            Change::transfer(ShardId(7), NodeId(2)),
            Change::put_node(Node::new(NodeId(2), "two")),
        ];
        router.transact(steps).unwrap();
        let before = Table::clone(&router.snapshot());
        Self { router, before, text: String::new(), count: 0 }
    }

    fn row(&mut self, entry: &str, input: &str, found: impl Into<String>) {
        assert_eq!(*self.router.snapshot(), self.before, "{entry} with {input} has changed the table");
        writeln!(self.text, "| `{entry}` | {input} | {} |", found.into()).unwrap();
        self.count += 1;
    }

    /// A change that is refused.
    fn change(&mut self, entry: &str, input: &str, change: Change) {
        let refused = self.router.apply(change).expect_err(input);
        assert!(!refused.to_string().is_empty());
        self.row(entry, input, variant(refused));
    }

    fn error<T: Debug>(&mut self, entry: &str, input: &str, result: Result<T, Error>) {
        self.row(entry, input, variant(result.expect_err(input)));
    }
}

const MOST: usize = 1 << 24;

fn record(id: u64, start: &str, end: &str) -> ShardRecord {
    ShardRecord::new(ShardId(id), KeyRange::try_from(start..end).unwrap(), NodeId(1))
}

fn with(mut record: ShardRecord, change: impl FnOnce(&mut ShardRecord)) -> ShardRecord {
    change(&mut record);
    record
}

fn keys_and_ranges(rows: &mut Rows) {
    for bytes in [0, 1, 1 << 20] {
        let route = rows.router.resolve(vec![b'z'; bytes]).unwrap();
        rows.row("Router::resolve", &format!("a key of {bytes} bytes"), variant(route));
    }
    let longest = rows.router.resolve(vec![b'z'; MOST + 1]).unwrap();
    rows.row("Router::resolve", "a key of 16 MiB and a byte", variant(longest));
    let lost = rows.router.resolve("n").unwrap_err();
    rows.row("Router::resolve", "a key in a gap", variant(lost));
    let fenced = rows.router.resolve_for("h", Access::Write).unwrap_err();
    rows.row("Router::resolve_for", "a write to a shard that is being split", variant(fenced));
    let long = "x".repeat(1 << 20).parse::<Key>().unwrap();
    rows.row("Key::from_str", "a mebibyte of text", variant(long.as_bytes().len() == 1 << 20));
    rows.error("Key::from_str", "an escape that ends", r"\x4".parse::<Key>());
    rows.error("Key::from_str", "an escape that is none", r"\n".parse::<Key>());
    rows.error("KeyRange::from_str", "no quotes", "a..b".parse::<KeyRange>());
    rows.error("KeyRange::from_str", "something after the end", r#""a".."b" "#.parse::<KeyRange>());
    rows.error("KeyRange::new", "an end before its start", KeyRange::try_from("b".."a"));
    rows.error("KeyRange::new", "an end at its start", KeyRange::new(Key::from("a"), KeyEnd::At("a".into())));
    rows.error("KeyRange::midpoint", "no key inside", KeyRange::try_from("a".."a\0").unwrap().midpoint());
    rows.error("KeyRange::split_at", "its own start", KeyRange::try_from("a".."b").unwrap().split_at("a"));
    let table = rows.router.snapshot();
    rows.row("Table::range", "a range that is upside down", table.range("z".."a").count().to_string());
    rows.row("Table::totals", "a range that is upside down", table.totals("z".."a").shards.to_string());
    rows.row(
        "Table::cut",
        "more parts than a number can count",
        table.cut(.., usize::MAX, shardway::Measure::Keys).len().to_string(),
    );
    many(rows, &table);
    rows.error("ShardState::from_str", "an unknown name", "Active".parse::<ShardState>());
    rows.error("Progress::new", "not a number", Progress::new(f64::NAN));
    rows.error("Progress::new", "more than all", Progress::new(1.5));
    rows.error("Progress::new", "less than nothing", Progress::new(-0.1));
}

fn many(rows: &mut Rows, table: &Table) {
    let longest = vec![b'z'; MOST + 1];
    let batch = ["n".as_bytes(), &longest, b"", b"n"];
    let (mut by_shard, mut by_leader) = (Grouping::new(), Grouping::new());
    table.group_by_shard(&batch, &mut by_shard);
    table.group_by_leader(&batch, &mut by_leader);
    for (entry, groups, unowned) in [
        ("Table::group_by_shard", by_shard.groups().len(), by_shard.unowned()),
        ("Table::group_by_leader", by_leader.groups().len(), by_leader.unowned()),
    ] {
        let found = format!("{groups} groups, and {unowned:?} named as unowned");
        rows.row(entry, "a key in a gap twice, the empty key, and one of 16 MiB and a byte", found);
    }
    table.group_by_shard::<&str>(&[], &mut by_shard);
    rows.row("Table::group_by_shard", "no keys", format!("{} groups", by_shard.groups().len()));
    let scan = |ranges: &'static [std::ops::Range<&'static str>]| table.scan(ranges, Direction::Forward);
    rows.error("Table::scan", "a range that is upside down, after a good one", scan(&["a".."c", "z".."a"]));
    rows.error("Table::scan", "a range that ends where it starts", scan(&["a".."a"]));
    rows.row("Table::scan", "no ranges", scan(&[]).unwrap().count().to_string());
    rows.row(
        "Table::scan",
        "ranges that overlap",
        scan(&["a".."z", "a".."z", "b".."q", "a".."b"]).unwrap().count().to_string(),
    );
    let uncovered = scan(&["a".."z"]).unwrap().strict().last().unwrap();
    rows.error("Scan::strict", "a range with a gap in it", uncovered);
    rows.row("Table::before", "the empty key", variant(table.before("")));
    rows.row("Table::before", "a key of 16 MiB and a byte", variant(table.before(&longest)));
}

fn registry(rows: &mut Rows) {
    let register = |rows: &mut Rows, input: &str, record| {
        rows.change("Change::register", input, Change::register(record))
    };
    register(rows, "an id that is in use", record(2, "n", "o"));
    register(rows, "an id of a shard that is gone, in its old epoch", record(6, "n", "o"));
    register(rows, "a range that overlaps the shard before", record(90, "l", "o"));
    register(rows, "a range that overlaps the shard after", record(90, "n", "q"));
    register(rows, "a range around another", record(90, "a", "z"));
    register(rows, "the last id", record(u64::MAX, "n", "o"));
    register(
        rows,
        "a replica twice",
        with(record(90, "n", "o"), |record| record.replicas = vec![NodeId(2); 2]),
    );
    register(
        rows,
        "the leader as a replica",
        with(record(90, "n", "o"), |record| record.replicas = vec![NodeId(1)]),
    );
    register(
        rows,
        "a state that only an operation brings",
        with(record(90, "n", "o"), |record| record.state = ShardState::Merging),
    );
    let replicas = (2..1_368).map(NodeId).collect();
    register(rows, "1,366 replicas", with(record(90, "n", "o"), |record| record.replicas = replicas));
    let long = Key::from([&b"n"[..], &vec![0; MOST]].concat());
    let range = KeyRange::new(long, KeyEnd::At("o".into())).unwrap();
    register(rows, "a start of 16 MiB and a byte", ShardRecord::new(ShardId(90), range, NodeId(1)));

    let current = rows.before.shard(ShardId(2)).unwrap().to_record();
    let update =
        |rows: &mut Rows, input: &str, record| rows.change("Change::update", input, Change::update(record));
    update(rows, "an unknown id", record(90, "n", "o"));
    update(rows, "a stale version", with(current.clone(), |record| record.version = current.version - 1));
    update(rows, "a version to come", with(current.clone(), |record| record.version = current.version + 1));
    update(
        rows,
        "a stale epoch",
        with(current.clone(), |record| record.epoch = Epoch { range: 1, members: 1 }),
    );
    update(rows, "another range", with(current.clone(), |record| record.range = KeyRange::full()));
    update(
        rows,
        "a state that only an operation brings",
        with(current.clone(), |record| record.state = ShardState::Splitting),
    );
    update(rows, "a replica twice", with(current, |record| record.replicas = vec![NodeId(9); 2]));
    let busy = rows.before.shard(ShardId(4)).unwrap().to_record();
    update(rows, "another leader during an operation", with(busy, |record| record.leader = NodeId(5)));

    let unknown = ShardId(90);
    rows.change("Change::remove", "an unknown id", Change::remove(unknown));
    rows.change("Change::remove", "an id of a shard that is gone", Change::remove(ShardId(1)));
    rows.change("Change::remove", "a shard that is being split", Change::remove(ShardId(4)));
    rows.change("Change::report", "an unknown id", Change::report(unknown, Estimates::default()));
    rows.change("Change::take_offline", "a shard that is being split", Change::take_offline(ShardId(4)));
    rows.change("Change::bring_online", "an unknown id", Change::bring_online(unknown));
    rows.change("Change::add_replica", "the leader", Change::add_replica(ShardId(2), NodeId(1)));
    rows.change("Change::remove_replica", "the leader", Change::remove_replica(ShardId(2), NodeId(1)));
    rows.change(
        "Change::remove_replica",
        "a node that holds no copy",
        Change::remove_replica(ShardId(2), NodeId(7)),
    );
}

fn operations(rows: &mut Rows) {
    let unknown = ShardId(90);
    rows.change("Change::split", "an unknown id", Change::split(unknown, "b"));
    rows.change("Change::split", "a key before the shard", Change::split(ShardId(7), "a"));
    rows.change("Change::split", "the start of the shard", Change::split(ShardId(7), "p"));
    rows.change("Change::split", "the end of the shard", Change::split(ShardId(2), "g"));
    rows.change("Change::split", "a shard that is being split", Change::split(ShardId(4), "i"));
    rows.change(
        "Change::split",
        "a key of 16 MiB and a byte",
        Change::split(ShardId(7), vec![b'z'; MOST + 1]),
    );
    rows.change(
        "Change::begin_split",
        "a key of 16 MiB and a byte",
        Change::begin_split(ShardId(7), vec![b'z'; MOST + 1], Naming::Fresh),
    );
    rows.change("Change::commit_split", "a shard that nothing is done to", Change::commit_split(ShardId(2)));
    rows.change("Change::abort_split", "an unknown id", Change::abort_split(unknown));
    rows.change("Change::commit_merge", "a shard that is being split", Change::commit_merge(ShardId(4)));
    rows.change("Change::merge", "one shard twice", Change::merge(ShardId(2), ShardId(2)));
    rows.change("Change::merge", "shards with a gap between them", Change::merge(ShardId(2), ShardId(7)));
    rows.change("Change::merge", "an unknown id", Change::merge(ShardId(2), unknown));
    rows.change("Change::merge", "a shard that is being split", Change::merge(ShardId(2), ShardId(4)));
    rows.change("Change::transfer", "to the leader", Change::transfer(ShardId(2), NodeId(1)));
    rows.change("Change::transfer", "an unknown id", Change::transfer(unknown, NodeId(2)));
    rows.change(
        "Change::begin_transfer",
        "a shard that is being split",
        Change::begin_transfer(ShardId(4), NodeId(2)),
    );
    rows.change(
        "Change::report_progress",
        "a shard that is being split",
        Change::report_progress(ShardId(4), Progress::ALL),
    );
    rows.change(
        "Change::commit_transfer",
        "a shard that nothing is done to",
        Change::commit_transfer(ShardId(2)),
    );
    let relocation = "Change::begin_relocation";
    rows.change(relocation, "an unknown id", Change::begin_relocation(unknown, NodeId(1), NodeId(2)));
    rows.change(
        relocation,
        "from a node without a copy",
        Change::begin_relocation(ShardId(2), NodeId(3), NodeId(2)),
    );
    rows.change(relocation, "to the leader", Change::begin_relocation(ShardId(2), NodeId(1), NodeId(1)));
    rows.change(
        relocation,
        "a shard that is being split",
        Change::begin_relocation(ShardId(4), NodeId(1), NodeId(2)),
    );
    let none = Change::step_relocation(ShardId(2), Phase::UseNew);
    rows.change("Change::step_relocation", "a shard that is not being relocated", none);
    rows.change(
        "Change::commit_relocation",
        "a shard that is not being relocated",
        Change::commit_relocation(ShardId(2)),
    );
    rows.change(
        "Change::abort_relocation",
        "another operation under way",
        Change::abort_relocation(ShardId(4)),
    );
    let relocating = Change::begin_relocation(ShardId(2), NodeId(1), NodeId(3));
    for (entry, input, change) in [
        (
            "Change::step_relocation",
            "a phase that is left out",
            Change::step_relocation(ShardId(2), Phase::UseNew),
        ),
        (
            "Change::commit_relocation",
            "a relocation that is not through",
            Change::commit_relocation(ShardId(2)),
        ),
    ] {
        let refused = rows.router.transact([relocating.clone(), change]).expect_err(input).into_cause();
        rows.row(entry, input, variant(refused));
    }
    let put = Change::put_node(Node::new(NodeId(3), "three"));
    let forget = [put, relocating, Change::forget_node(NodeId(3))];
    let refused = rows.router.transact(forget).expect_err("in use").into_cause();
    rows.row("Change::forget_node", "a node that a copy is on its way to", variant(refused));

    let report = || Change::report(ShardId(2), Estimates { keys: 1, bytes: 1 });
    rows.change("Change::if_revision", "a stale revision", report().if_revision(0));
    rows.change("Change::if_version", "a stale version", report().if_version(ShardId(2), 0));
    rows.change("Change::if_version", "an unknown id", report().if_version(unknown, 1));
    rows.change("Change::if_epoch", "a stale epoch", report().if_epoch(ShardId(2), Epoch::FIRST));
    let transaction = [report(), Change::remove(unknown)];
    let refused = rows.router.transact(transaction).unwrap_err();
    assert!(matches!(refused, Error::Transaction { index: 1, .. }));
    rows.row("Router::transact", "a good change and a bad one", variant(refused));
}

fn nodes_and_tokens(rows: &mut Rows) {
    rows.change("Change::set_status", "an unknown node", Change::set_status(NodeId(90), NodeStatus::Down));
    rows.change("Change::forget_node", "an unknown node", Change::forget_node(NodeId(90)));
    rows.change("Change::forget_node", "a node that holds a shard", Change::forget_node(NodeId(2)));
    rows.error("Token::from_bytes", "23 bytes", Token::from_bytes(&[0; 23]));
    rows.error("Token::from_bytes", "25 bytes", Token::from_bytes(&[0; 25]));

    let table = rows.router.snapshot();
    let token = |id, range| Token { shard: ShardId(id), epoch: Epoch { range, members: 1 } };
    let denial = |token, key: &str| variant(table.admit(NodeId(1), token, key, Access::Write).unwrap_err());
    rows.row("Table::admit", "a token of a shard that was split", denial(token(1, 1), "a"));
    rows.row("Table::admit", "a token of an epoch to come", denial(token(2, 9), "a"));
    rows.row("Table::admit", "a token of a shard to come", denial(token(90, 1), "a"));
    rows.row("Table::admit", "a key of another shard", denial(token(2, 2), "z"));
    rows.row("Table::admit", "a key in a gap", denial(token(2, 2), "n"));
    rows.row("Table::admit", "a write to a shard that is being split", denial(token(4, 3), "h"));
    let beyond = table.admit_range(NodeId(1), token(2, 2), "a".."z", Access::Read);
    let Err(Denial::Stale { current }) = &beyond else { panic!("{beyond:?}") };
    assert_eq!(current.clone().count(), 3);
    rows.row("Table::admit_range", "a range beyond the shard", "Stale");
    let fate = |token| variant(table.fate(token));
    rows.row("Table::fate", "a token of a shard that never was", fate(token(0, 0)));
    rows.row("Table::fate", "a token of a shard to come", fate(token(u64::MAX, 1)));
    assert!(matches!(table.fate(token(6, 4)), Fate::Removed));
    rows.row("Table::fate", "a token of a shard that was removed", fate(token(6, 4)));
}

fn written(rows: &mut Rows) {
    let table = rows.before.clone();
    let text = serde_json::to_string(&table).unwrap();
    let bytes = postcard::to_allocvec(&table).unwrap();
    for length in 0..bytes.len() {
        assert!(
            postcard::from_bytes::<Table>(&bytes[..length]).is_err(),
            "{length} of {} bytes",
            bytes.len()
        );
    }
    rows.row("Table::deserialize", "bytes that are cut off, at each place", "refused");
    for length in (0..text.len()).step_by(7) {
        assert!(serde_json::from_str::<Table>(text.get(..length).unwrap_or("")).is_err());
    }
    rows.row("Table::deserialize", "text that is cut off, at each seventh place", "refused");
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[place] ^= 1 << bit;
            if let Ok(table) = postcard::from_bytes::<Table>(&altered) {
                table.verify().unwrap();
            }
        }
    }
    rows.row(
        "Table::deserialize",
        "bytes with a bit that is flipped, each",
        "refused, or a table that passes `verify`",
    );

    let image = |alter: fn(&mut shardway::TableImage)| {
        let mut image = table.to_image();
        alter(&mut image);
        Table::from_image(image)
    };
    rows.error("Table::from_image", "an id twice", image(|image| image.shards[2].id = ShardId(2)));
    rows.error(
        "Table::from_image",
        "ranges that overlap",
        image(|image| image.shards[1].range = KeyRange::full()),
    );
    rows.error("Table::from_image", "an id that would be given again", image(|image| image.next_id = 3));
    rows.error("Table::from_image", "a state without its operation", image(|image| image.operations.clear()));
    rows.error(
        "Table::from_image",
        "an operation without its state",
        image(|image| image.shards[1].state = ShardState::Active),
    );
    rows.error(
        "Table::from_image",
        "an operation twice",
        image(|image| image.operations.push(image.operations[0].clone())),
    );
    rows.error(
        "Table::from_image",
        "a split under way at a key of 16 MiB and a byte",
        image(|image| {
            let long = Key::from([&b"h"[..], &vec![0; MOST]].concat());
            let shard = ShardId(4);
            image.operations = vec![Operation::Split { shard, at: long, naming: Naming::Fresh, began: None }];
        }),
    );
    rows.error("Table::from_image", "a node twice", image(|image| image.nodes.push(image.nodes[0].clone())));
    rows.error(
        "Table::from_image",
        "a shard that has ended and is there",
        image(|image| (image.passings[0].shard, image.passings[0].epoch) = (ShardId(2), 90)),
    );
    rows.error(
        "Table::from_image",
        "an end in a revision to come",
        image(|image| image.passings.iter_mut().for_each(|passing| passing.revision = 90)),
    );
    rows.error(
        "Table::from_image",
        "ends out of order",
        image(|image| {
            image.memory = Memory::default();
            image.revision = 90;
            image.passings[0].revision = 80;
        }),
    );
    rows.error(
        "Table::from_records",
        "ranges that overlap",
        Table::from_records([record(1, "a", "c"), record(2, "b", "d")]),
    );
    rows.error(
        "Table::from_records",
        "an id twice",
        Table::from_records([record(1, "a", "c"), record(1, "d", "e")]),
    );
    rows.error("Table::from_records", "the last id", Table::from_records([record(u64::MAX, "a", "c")]));
}

fn deltas(rows: &mut Rows) {
    let old = rows.before.clone();
    let new = old.apply(&[Change::transfer(ShardId(2), NodeId(2)), Change::remove(ShardId(7))]).unwrap().0;
    let whole = old.delta(&new);
    let bytes = postcard::to_allocvec(&whole).unwrap();
    for length in 0..bytes.len() {
        assert!(postcard::from_bytes::<Delta>(&bytes[..length]).is_err());
    }
    rows.row("Delta::deserialize", "bytes that are cut off, at each place", "refused");
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[place] ^= 1 << bit;
            let Ok(altered) = postcard::from_bytes::<Delta>(&altered) else { continue };
            // In one word there may be more bits than it holds.
            assert!(altered == whole || rows.router.follow(&altered).is_err());
        }
    }
    rows.row("Router::follow", "a delta with a bit that is flipped, each", "refused");

    // With digests that fit, as whoever forges one would see to.
    let follow = |rows: &mut Rows, input: &str, alter: &dyn Fn(&mut Delta)| {
        let mut delta = whole.clone();
        alter(&mut delta);
        if let Err(Error::OtherTable { found, .. }) = old.apply_delta(&delta) {
            delta.to_digest = found;
        }
        let refused = rows.router.follow(&delta);
        rows.error("Router::follow", input, refused);
    };
    let onward = new.delta(&new.apply(&[Change::transfer(ShardId(2), NodeId(1))]).unwrap().0);
    follow(rows, "a delta for a later revision: one was lost", &|delta| *delta = onward.clone());
    follow(rows, "a delta for an earlier revision: it came twice", &|delta| delta.from -= 1);
    let mut other = onward.clone();
    (other.from, other.to) = (old.revision(), new.revision());
    let refused = rows.router.follow(&other);
    rows.error("Router::follow", "a delta for another table of this revision", refused);
    follow(rows, "a delta to an earlier revision", &|delta| delta.to = 1);
    follow(rows, "a delta that would give an id again", &|delta| delta.next_id = 3);
    follow(rows, "a delta that removes an unknown shard", &|delta| delta.gone.push(ShardId(90)));
    follow(rows, "a delta with a shard in another's range", &|delta| delta.shards.push(record(6, "k", "o")));
    follow(rows, "a delta with a shard that has ended in its epoch", &|delta| {
        delta.shards.push(record(6, "n", "o"));
    });
    follow(rows, "a delta with a state without its operation", &|delta| {
        delta.shards[0].state = ShardState::Merging;
    });
    follow(rows, "a delta that removes a shard that is being split", &|delta| delta.gone.push(ShardId(4)));
    follow(rows, "a delta that ends what is not under way", &|delta| delta.ended.push(ShardId(2)));
    follow(rows, "a delta that forgets an unknown node", &|delta| delta.forgotten.push(NodeId(90)));
    follow(rows, "a delta with an end in a revision to come", &|delta| delta.passings[0].revision = 90);
    follow(rows, "a delta with the end of a shard that is there", &|delta| {
        (delta.passings[0].shard, delta.passings[0].epoch) = (ShardId(2), 90);
    });
    follow(rows, "a delta that keeps more ends than there are", &|delta| delta.kept += 90);
    follow(rows, "a delta with ends out of order", &|delta| delta.passings[0].revision = 1);
    follow(rows, "a delta with 1,366 replicas", &|delta| {
        delta.shards[0].replicas = (10..1_376).map(NodeId).collect();
    });
}

/// On shard 7, which node 2 leads and node 3 follows.
fn relocations(rows: &mut Rows) {
    let router = Router::new(rows.before.clone());
    let (shard, here) = (ShardId(7), NodeId(2));
    router.apply(Change::add_replica(shard, NodeId(3))).unwrap();
    let old = router.resolve("z").unwrap().epoch;
    let refused = |rows: &mut Rows, entry: &str, input: &str, change: Change| {
        let before = router.snapshot();
        rows.error(entry, input, router.apply(change));
        assert_eq!(router.snapshot(), before);
    };
    let begin = |from, to| Change::begin_relocation(shard, from, NodeId(to));
    refused(rows, "Change::begin_relocation", "a target that is a replica", begin(here, 3));
    refused(rows, "Change::begin_relocation", "a target that is the leader", begin(NodeId(3), 2));
    refused(rows, "Change::begin_relocation", "a source that holds no copy", begin(NodeId(9), 8));
    router.apply(begin(here, 4)).unwrap();
    refused(
        rows,
        "Change::step_relocation",
        "a stale epoch",
        Change::step_relocation(shard, Phase::WriteBothReadNew).if_epoch(shard, old),
    );
    refused(rows, "Change::commit_relocation", "its first phase", Change::commit_relocation(shard));
    refused(rows, "Change::forget_node", "a node that a copy leaves", Change::forget_node(here));
    router.apply(Change::step_relocation(shard, Phase::WriteBothReadNew)).unwrap();
    refused(
        rows,
        "Change::abort_relocation",
        "another phase than the first",
        Change::abort_relocation(shard),
    );
    router.apply(Change::step_relocation(shard, Phase::UseNew)).unwrap();
    refused(
        rows,
        "Change::step_relocation",
        "a phase from which there is no way back",
        Change::step_relocation(shard, Phase::WriteBothReadNew),
    );
}

/// What a client is told, and what is set for the load.
fn clients(rows: &mut Rows) {
    let cache = RouteCache::new();
    let known = ["a", "m"]
        .map(|start| record(if start == "a" { 1 } else { 2 }, start, if start == "a" { "g" } else { "t" }));
    assert_eq!(cache.learn(known.clone(), Timestamp(0)).new.len(), 2);
    let refused = |rows: &mut Rows, input: &str, record: ShardRecord| {
        let before = cache.snapshot();
        let learned = cache.learn([record], Timestamp(0));
        rows.row("RouteCache::learn", input, variant(&learned.refused[0].1));
        assert_eq!(cache.snapshot(), before);
    };
    let newer = |id, start, end| {
        let mut record = record(id, start, end);
        record.epoch.range += 1;
        record
    };
    refused(
        rows,
        "an older epoch",
        with(newer(1, "a", "g"), |record| record.epoch = Epoch { range: 0, members: 0 }),
    );
    refused(rows, "the known epoch with another range", record(1, "a", "h"));
    refused(rows, "another shard over a known one, of the same epoch", record(9, "b", "c"));
    cache.learn([newer(2, "m", "t")], Timestamp(0));
    refused(rows, "newer than one that it overlaps, and not than another", newer(9, "f", "n"));
    refused(
        rows,
        "a replica twice",
        with(newer(9, "x", "y"), |record| record.replicas = vec![NodeId(5), NodeId(5)]),
    );
    refused(
        rows,
        "the leader as a replica",
        with(newer(9, "x", "y"), |record| record.replicas = vec![NodeId(1)]),
    );
    refused(
        rows,
        "1,366 replicas",
        with(newer(9, "x", "y"), |record| record.replicas = (10..1_376).map(NodeId).collect()),
    );
    refused(rows, "the last id", newer(u64::MAX, "x", "y"));
    let long = KeyRange::from(vec![b'z'; (16 << 20) + 1]..);
    refused(rows, "a start of 16 MiB and a byte", with(newer(9, "x", "y"), |record| record.range = long));
    let stale = Token { shard: ShardId(1), epoch: Epoch { range: 9, members: 9 } };
    rows.row("RouteCache::forget", "a token of another epoch", cache.forget(stale).to_string());
    let loaded = |records: Vec<ShardRecord>| {
        let loaded = cache.resolve_or_load("h", Timestamp(0), |_| Ok::<_, Error>(records));
        variant(loaded.unwrap_err())
    };
    rows.row("RouteCache::resolve_or_load", "a load that brings nothing", loaded(vec![]));
    rows.row("RouteCache::resolve_or_load", "a load of other keys", loaded(vec![known[0].clone()]));
    rows.row(
        "RouteCache::resolve_or_load",
        "a load that is older than a neighbour",
        loaded(vec![record(9, "h", "n")]),
    );
    let failing = cache.resolve_or_load("h", Timestamp(0), |_| Err("no link"));
    rows.row("RouteCache::resolve_or_load", "a load that fails", variant(failing.unwrap_err()));

    rows.error("Rates::new", "no half-life", Rates::new(Duration::ZERO, Timestamp(0)));
    let (hot, cold) = (Rate { requests: 10.0, bytes: 10.0 }, Rate { requests: 5.0, bytes: 5.0 });
    let sound = Thresholds {
        hot,
        cold,
        largest: Estimates { keys: 1, bytes: 1 },
        imbalance: 1.5,
        patience: Duration::ZERO,
        rest: Duration::ZERO,
        most: 1,
    };
    let nan = Rate { requests: f64::NAN, bytes: 1.0 };
    rows.error("Advisor::new", "not a number", Advisor::new(Thresholds { hot: nan, ..sound }));
    rows.error(
        "Advisor::new",
        "cold below zero",
        Advisor::new(Thresholds { cold: Rate { requests: -1.0, bytes: 1.0 }, ..sound }),
    );
    rows.error("Advisor::new", "cold above half of hot", Advisor::new(Thresholds { cold: hot, ..sound }));
    rows.error(
        "Advisor::new",
        "an imbalance below one",
        Advisor::new(Thresholds { imbalance: 0.5, ..sound }),
    );
    let load = Load::default();
    let mut tracker = load.tracker(0);
    tracker.count(ShardId(u64::MAX), vec![0; 1 << 20], u64::MAX);
    tracker.flush();
    rows.row(
        "Tracker::count",
        "the last id, a key of 1 MiB and as many bytes as can be",
        format!("{} told apart", load.collect().shards.len()),
    );
}

#[test]
#[cfg_attr(miri, ignore = "reads a file")]
fn each_way_in_refuses_what_is_bad_by_its_name_and_stays_as_it_was() {
    let mut rows = Rows::new();
    keys_and_ranges(&mut rows);
    registry(&mut rows);
    operations(&mut rows);
    nodes_and_tokens(&mut rows);
    written(&mut rows);
    deltas(&mut rows);
    relocations(&mut rows);
    clients(&mut rows);
    let head = format!(
        "# Bad input\n\nWhat each public way in gets that is bad, and what comes of it: {} rows, each run by `tests/bad_input.rs`, \
         which writes this\nfile. The table is the same afterwards, each time.\n\n| way in | input | outcome |\n|---|---|---|\n",
        rows.count
    );
    let text = head + &rows.text;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/BAD_INPUT.md");
    if std::env::var("SHARDWAY_WRITE").is_ok() {
        fs::write(path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap_or_default(), text, "SHARDWAY_WRITE=1 writes it anew");
}
