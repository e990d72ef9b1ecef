//! Writers of the real router against each other: each change that is accepted is in the last table, and makes a revision of
//! its own; one is refused only because of another that is accepted. Twin: `lost_update`.

#![cfg(loom)]

use loom::thread;
use shardway::{Change, Error, NodeId, Router, ShardId, Summary, Table};
use shardway_loom_tests::check;

/// The shards of [`halves`].
const LOWER: ShardId = ShardId(2);
const UPPER: ShardId = ShardId(3);

/// Two shards of one node.
fn halves() -> Table {
    let (table, _) = Table::whole(NodeId(1)).apply(&[Change::split(ShardId(1), "m")]).unwrap();
    assert_eq!(["a", "z"].map(|key| table.resolve(key).unwrap().shard), [LOWER, UPPER]);
    table
}

/// Carries out each list in a thread of its own, one change after the other. Gives the last table, and for each list the
/// revisions that it made and the refusals.
fn race<const N: usize>(table: &Table, lists: [Vec<Change>; N]) -> (Table, [Vec<Result<u64, Error>>; N]) {
    let router = Router::new(table.clone());
    let writers = lists.map(|list| {
        let router = router.clone();
        thread::spawn(move || {
            let transact = |change| router.transact([change]).map_err(Error::into_cause);
            list.into_iter().map(|change| transact(change).map(revision)).collect()
        })
    });
    let results: [Vec<_>; N] = writers.map(|writer| writer.join().unwrap());
    let last = Table::clone(&router.snapshot());
    last.verify().unwrap();
    let mut revisions: Vec<_> = results.iter().flatten().filter_map(|result| result.as_ref().ok()).collect();
    revisions.sort_unstable();
    let expected: Vec<_> = (table.revision() + 1..=last.revision()).collect();
    assert!(revisions.into_iter().eq(&expected), "a change is lost: {results:?}\n{last}");
    (last, results)
}

fn revision(summary: Summary) -> u64 {
    assert_eq!(summary.base + 1, summary.revision);
    summary.revision
}

fn starts(table: &Table) -> Vec<&[u8]> {
    table.shards().map(|shard| shard.start()).collect()
}

// Bound 5: 8,723 executions, 1 s.
#[test]
fn splits_of_different_shards() {
    let table = halves();
    let outcomes = check("write: splits of different shards", Some(5), move || {
        let (last, results) =
            race(&table, [vec![Change::split(LOWER, "f")], vec![Change::split(UPPER, "t")]]);
        assert_eq!(starts(&last), [&b""[..], b"f", b"m", b"t"]);
        results.map(|list| list[0].clone().unwrap())
    });
    assert_eq!(outcomes, [[3, 4], [4, 3]]);
}

/// As many writers as there are nodes, each of which gives one and the same shard to another node.
fn transfers<const N: usize>(what: &str, preemptions: Option<usize>, nodes: [u64; N]) -> Vec<[u64; N]> {
    let table = halves();
    check(what, preemptions, move || {
        let (last, results) = race(&table, nodes.map(|node| vec![Change::transfer(LOWER, NodeId(node))]));
        let revisions = results.map(|list| list[0].clone().unwrap());
        let (before, after) = (table.shard(LOWER).unwrap(), last.shard(LOWER).unwrap());
        let latest = std::iter::zip(revisions, nodes).max().unwrap().1;
        assert_eq!((after.leader(), after.version()), (NodeId(latest), before.version() + N as u64));
        revisions
    })
}

// Bound 5: 8,723 executions, 1 s.
#[test]
fn two_transfers_of_one_shard() {
    assert_eq!(transfers("write: two transfers of one shard", Some(5), [2, 3]), [[3, 4], [4, 3]]);
}

// Bound 3: 152,555 executions, 24 s.
#[test]
fn three_transfers_of_one_shard() {
    assert_eq!(transfers("write: three transfers of one shard", Some(3), [2, 3, 4]).len(), 6);
}

// No bound: 1,479 executions, 0.5 s.
#[test]
fn a_split_against_a_merge() {
    let table = halves();
    let outcomes = check("write: a split against a merge of the same shard", None, move || {
        let lists = [vec![Change::split(LOWER, "f")], vec![Change::merge(LOWER, UPPER)]];
        let (last, results) = race(&table, lists);
        let [split, merge] = results.map(|mut list| list.remove(0));
        let gone = Err(Error::NoSuchShard { shard: LOWER });
        if split.is_ok() {
            assert_eq!((merge, starts(&last)), (gone, vec![&b""[..], b"f", b"m"]));
        } else {
            assert_eq!((split, merge, starts(&last)), (gone, Ok(3), vec![&b""[..]]));
        }
        last.len()
    });
    assert_eq!(outcomes, [1, 3]);
}

// Bound 4: 119,330 executions, 20 s.
#[test]
fn two_changes_each() {
    let table = halves();
    let outcomes = check("write: two writers of two changes", Some(4), move || {
        let lists = [(UPPER, LOWER, "f"), (LOWER, UPPER, "t")]
            .map(|(moved, halved, at)| vec![Change::transfer(moved, NodeId(2)), Change::split(halved, at)]);
        let (last, results) = race(&table, lists);
        assert_eq!(starts(&last), [&b""[..], b"f", b"m", b"t"]);
        results.map(|list| list.into_iter().map(Result::ok).collect::<Vec<_>>())
    });
    // All orders. A transfer is refused if the other's split comes first, which it does in two of them.
    assert_eq!(outcomes.len(), 6);
    assert_eq!(outcomes.iter().flatten().flatten().filter(|revision| revision.is_none()).count(), 2);
}
