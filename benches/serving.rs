//! What does a node or a client do around look-ups, and what does that cost by hand over a `BTreeMap`?
//!
//! `cargo bench --bench serving`, or a part of it: `cargo bench --bench serving -- group/`. With `-- --test` only small
//! tables, unless `SHARDWAY_BENCH_LARGE` is set. Four questions: whether to admit a request, which keys of a batch go
//! together, which shards a scan meets, and what differs between two versions. Read the throughput: requests, keys, shards
//! and differences a second.
//!
//! What one writes by hand is in [`workload::by_hand`]: a map from starts to routes, of one thread alone. It sees to no
//! gap, and what lets threads share it while it changes is on nobody's bill here. Each pair is compared before it is timed.

mod workload;

use std::cell::LazyCell;
use std::collections::HashMap;
use std::ops::Deref;

use criterion::{Criterion, Throughput};
use shardway::{Access, Direction, Group, Grouping, NodeId, ShardRecord, Table, Token};

use workload::apart::moved;
use workload::by_hand;
use workload::keys::{KeySet, Queries};
use workload::maps::{Map, Persistent, Tree};
use workload::shards::{self, Targets, owner};

const KEYS: KeySet = KeySet::TableRow;
/// Keys in a batch, shards in a scan, differences between two versions.
const BATCH: usize = 512;
const SCAN: usize = 100;
const MOVES: usize = 100;

/// The same shards.
struct Both {
    table: Table,
    tree: Tree,
}

fn main() {
    let mut criterion = workload::criterion();
    let queries = KEYS.queries();
    for count in workload::sizes([1_000, 100_000, 1_000_000]) {
        // What a filter leaves out is never built.
        let records = LazyCell::new(|| shards::records(KEYS, count));
        let both = LazyCell::new(|| Both { table: shards::table(&records), tree: Tree::of(&records) });
        let mut bench =
            Bench { criterion: &mut criterion, count, queries: &queries, records: &records, both: &both };
        bench.admit();
        bench.group("random", |_| {});
        bench.group("sorted", |batch| batch.sort_unstable());
        bench.scan();
        bench.diff();
    }
    criterion.final_summary();
}

struct Bench<'b> {
    criterion: &'b mut Criterion,
    count: usize,
    queries: &'b Queries,
    records: &'b dyn Deref<Target = Vec<ShardRecord>>,
    both: &'b dyn Deref<Target = Both>,
}

impl Bench<'_> {
    /// Requests whose senders are right, at the node that they belong to.
    fn admit(&mut self) {
        let Self { criterion, count, queries, records, both } = self;
        let requests = LazyCell::new(|| {
            let request = |key| {
                let route = owner(records, key).route();
                let (by_table, by_hand) = (
                    both.table.admit(route.leader, route.token(), key, Access::Read).ok(),
                    by_hand::admit(&both.tree, route.leader, route.token(), key),
                );
                assert_eq!((by_table, by_hand), (Some(route), Some(route)));
                (route.leader, route.token())
            };
            queries.iter().map(request).collect::<Vec<(NodeId, Token)>>()
        });
        let mut group = criterion.benchmark_group(format!("admit/{count}"));
        group.throughput(Throughput::Elements(1));
        group.bench_function("Table::admit", |bencher| {
            let (table, requests, mut turn) = (&both.table, &*requests, 0);
            bencher.iter(|| {
                turn = (turn + 1) % requests.len();
                let (node, token) = requests[turn];
                table.admit(node, token, queries.at(turn), Access::Read).ok()
            });
        });
        group.bench_function("BTreeMap by hand", |bencher| {
            let (tree, requests, mut turn) = (&both.tree, &*requests, 0);
            bencher.iter(|| {
                turn = (turn + 1) % requests.len();
                let (node, token) = requests[turn];
                by_hand::admit(tree, node, token, queries.at(turn))
            });
        });
    }

    fn group(&mut self, order: &str, arrange: impl Fn(&mut [&[u8]])) {
        let Self { criterion, count, queries, both, .. } = self;
        let batches = LazyCell::new(|| {
            let all: Vec<_> = queries.iter().collect();
            let mut batches: Vec<_> = all.chunks_exact(BATCH).map(<[_]>::to_vec).collect();
            batches.iter_mut().for_each(|batch| arrange(batch));
            check_groups(both, &batches[0]);
            batches
        });
        let mut group = criterion.benchmark_group(format!("group/{order}/{count}"));
        group.throughput(Throughput::Elements(BATCH as u64));
        let mut turn = 0_usize;
        let mut next = || {
            turn = (turn + 1) % batches.len();
            &batches[turn][..]
        };
        let mut by_shard = Grouping::new();
        group.bench_function("Table::group_by_shard", |bencher| {
            bencher.iter(|| {
                both.table.group_by_shard(next(), &mut by_shard);
                by_shard.groups().len()
            });
        });
        group.bench_function("BTreeMap and HashMap by hand, by shard", |bencher| {
            bencher.iter(|| by_hand::group(&both.tree, next(), |route| route.shard).len());
        });
        let mut by_leader = Grouping::new();
        group.bench_function("Table::group_by_leader", |bencher| {
            bencher.iter(|| {
                both.table.group_by_leader(next(), &mut by_leader);
                by_leader.groups().len()
            });
        });
        group.bench_function("BTreeMap and HashMap by hand, by leader", |bencher| {
            bencher.iter(|| by_hand::group(&both.tree, next(), |route| route.leader).len());
        });
    }

    /// From a random key on; the sum of ids stands for what is done with each shard.
    fn scan(&mut self) {
        let Self { criterion, count, queries, both, .. } = self;
        let mut group = criterion.benchmark_group(format!("scan/{count}"));
        group.throughput(Throughput::Elements(SCAN as u64));
        let by_range = |key| both.table.range(key..).take(SCAN).map(|shard| shard.id().0).sum::<u64>();
        let by_scan = |key: &[u8]| {
            let ranges = [key..];
            let scan = both.table.scan(&ranges, Direction::Forward).expect("keys are above");
            scan.take(SCAN).map(|shard| shard.id().0).sum::<u64>()
        };
        let by_hand =
            |key: &[u8]| by_hand::walk(&both.tree, key).take(SCAN).map(|route| route.shard.0).sum::<u64>();
        let mut turn = 0_usize;
        let mut next = || {
            turn += 1;
            queries.at(turn)
        };
        let check = LazyCell::new(|| {
            for key in queries.iter().take(1_000) {
                assert!(by_range(key) == by_hand(key) && by_scan(key) == by_hand(key));
            }
        });
        group.bench_function("Table::range", |bencher| {
            LazyCell::force(&check);
            bencher.iter(|| by_range(next()));
        });
        group.bench_function("Table::scan", |bencher| bencher.iter(|| by_scan(next())));
        group.bench_function("BTreeMap by hand", |bencher| bencher.iter(|| by_hand(next())));
    }

    fn diff(&mut self) {
        let Self { criterion, count, records, both, .. } = self;
        let newer = LazyCell::new(|| {
            let map = Persistent::of(records);
            let (table, map) = moved(&both.table, &map, &mut Targets::of(records), MOVES);
            let tree: Tree = map.iter().map(|(start, route)| (start.as_bytes().into(), *route)).collect();
            assert_eq!(both.table.diff(&table).count(), by_hand::differences(&both.tree, &tree));
            Both { table, tree }
        });
        let mut group = criterion.benchmark_group(format!("difference/{count}"));
        group.throughput(Throughput::Elements(MOVES as u64));
        group.bench_function("Table::diff", |bencher| {
            bencher.iter(|| both.table.diff(&newer.table).count());
        });
        group.bench_function("BTreeMap by hand", |bencher| {
            bencher.iter(|| by_hand::differences(&both.tree, &newer.tree));
        });
    }
}

/// A contender that is wrong may be as fast as it likes.
fn check_groups(both: &Both, batch: &[&[u8]]) {
    fn found<T, I>(group: Group<'_, T>, of: impl Fn(T) -> I) -> (I, Vec<usize>) {
        (of(group.of), group.positions.to_vec())
    }
    let (mut by_shard, mut by_leader) = (Grouping::new(), Grouping::new());
    both.table.group_by_shard(batch, &mut by_shard);
    both.table.group_by_leader(batch, &mut by_leader);
    let shards: HashMap<_, _> = by_shard.groups().map(|group| found(group, |route| route.shard)).collect();
    let leaders: HashMap<_, _> = by_leader.groups().map(|group| found(group, |leader| leader.node)).collect();
    assert_eq!(shards, by_hand::group(&both.tree, batch, |route| route.shard));
    assert_eq!(leaders, by_hand::group(&both.tree, batch, |route| route.leader));
}
