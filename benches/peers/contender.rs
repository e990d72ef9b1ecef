//! Whom look-ups are measured of: shardway by each of its ways in, its peers, and the limit.

use std::hint::black_box;

use shardway::{Reader, Refusal, Route, Router, ShardRecord, Snapshot};

use crate::limit::StaticTree;
use crate::workload::cells::{
    LockedTree, ParkingTree, SwappedArchived, SwappedPersistent, SwappedSorted, SwappedTree,
};
use crate::workload::concurrent;
use crate::workload::published::Published;
use crate::workload::shards;

pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) pass: Box<dyn Pass>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Kind {
    Shardway,
    Peer,
    /// A peer that takes keys of one length only.
    Inline,
    /// No peer: it can't be changed, and where keys differ late it is wrong.
    Limit,
}

/// One look-up after the other, or some at once.
pub(crate) trait Pass {
    fn pass(&mut self, keys: &[&[u8]]);

    /// What the pass finds.
    fn answers(&mut self, keys: &[&[u8]]) -> Vec<Option<Route>>;
}

impl<F: FnMut(&[u8]) -> Option<Route>> Pass for F {
    fn pass(&mut self, keys: &[&[u8]]) {
        for key in keys {
            black_box(&self(key));
        }
    }

    fn answers(&mut self, keys: &[&[u8]]) -> Vec<Option<Route>> {
        keys.iter().map(|key| self(key)).collect()
    }
}

/// One of shardway's ways in. Compilers decide whether they make a closure a part of the loop around it; these are made to be a
/// part of their callers, whatever is around them.
trait Resolve {
    fn resolve_one(&mut self, key: &[u8]) -> Option<Route>;
}

impl Resolve for Reader {
    #[inline(always)]
    fn resolve_one(&mut self, key: &[u8]) -> Option<Route> {
        self.resolve(key).ok()
    }
}

impl Resolve for Router {
    #[inline(always)]
    fn resolve_one(&mut self, key: &[u8]) -> Option<Route> {
        self.resolve(key).ok()
    }
}

impl Resolve for Snapshot {
    #[inline(always)]
    fn resolve_one(&mut self, key: &[u8]) -> Option<Route> {
        self.resolve(key).ok()
    }
}

/// By one of these.
struct In<R>(R);

impl<R: Resolve> Pass for In<R> {
    fn pass(&mut self, keys: &[&[u8]]) {
        for key in keys {
            black_box(&self.0.resolve_one(key));
        }
    }

    fn answers(&mut self, keys: &[&[u8]]) -> Vec<Option<Route>> {
        keys.iter().map(|key| self.0.resolve_one(key)).collect()
    }
}

/// By a finder that borrows what it looks into.
struct Behind<P>(P);

impl<P: Published> Pass for Behind<P> {
    fn pass(&mut self, keys: &[&[u8]]) {
        self.0.finder().pass(keys);
    }

    fn answers(&mut self, keys: &[&[u8]]) -> Vec<Option<Route>> {
        self.0.finder().answers(keys)
    }
}

/// [`Reader::resolve_many`].
pub(crate) struct Batches {
    reader: Reader,
    size: usize,
    answers: Vec<Result<Route, Refusal>>,
}

impl Batches {
    pub(crate) fn new(router: &Router, size: usize) -> Self {
        Self { reader: router.reader(), size, answers: Vec::with_capacity(size) }
    }
}

impl Pass for Batches {
    fn pass(&mut self, keys: &[&[u8]]) {
        for batch in keys.chunks(self.size) {
            self.reader.resolve_many(batch, &mut self.answers);
            black_box(&self.answers);
        }
    }

    fn answers(&mut self, keys: &[&[u8]]) -> Vec<Option<Route>> {
        let mut all = Vec::with_capacity(keys.len());
        for batch in keys.chunks(self.size) {
            self.reader.resolve_many(batch, &mut self.answers);
            all.extend(self.answers.iter().map(|answer| answer.ok()));
        }
        all
    }
}

impl Contender {
    pub(crate) fn new(name: impl Into<String>, kind: Kind, pass: impl Pass + 'static) -> Self {
        Self { name: name.into(), kind, pass: Box::new(pass) }
    }

    fn peer(name: &str, find: impl FnMut(&[u8]) -> Option<Route> + 'static) -> Self {
        Self::new(name, Kind::Peer, find)
    }

    fn published<P: Published + 'static>(records: &[ShardRecord]) -> Self {
        Self::new(P::name(), Kind::Peer, Behind(P::of(records)))
    }
}

/// The one that is compared with the peers.
pub(crate) const COMPARED: &str = "shardway Reader::resolve";
pub(crate) const ROUTER: &str = "shardway Router::resolve";
pub(crate) const TABLE: &str = "shardway Table::resolve";
pub(crate) const BATCH: usize = 64;

pub(crate) fn shardway(router: &Router) -> Vec<Contender> {
    let new =
        |name: &str, find: Box<dyn Pass>| Contender { name: name.into(), kind: Kind::Shardway, pass: find };
    vec![
        new(COMPARED, Box::new(In(router.reader()))),
        new(ROUTER, Box::new(In(router.clone()))),
        new(TABLE, Box::new(In(router.snapshot()))),
        new(&format!("shardway Reader::resolve_many, {BATCH}"), Box::new(Batches::new(router, BATCH))),
    ]
}

pub(crate) fn all(records: &[ShardRecord], inline: bool) -> Vec<Contender> {
    let mut all = shardway(&shards::router(records));
    all.extend([
        Contender::published::<ParkingTree>(records),
        Contender::published::<LockedTree>(records),
        Contender::published::<SwappedTree>(records),
        Contender::published::<SwappedSorted>(records),
        Contender::published::<SwappedArchived>(records),
        Contender::published::<SwappedPersistent>(records),
        Contender::peer("crossbeam SkipMap", concurrent::skip_map(records)),
        Contender::peer("scc TreeIndex", concurrent::tree_index(records)),
        Contender::peer("ConcurrentMap", concurrent::concurrent_map(records)),
        Contender::peer("left-right BTreeMap", concurrent::left_right_tree(records)),
        Contender::peer("parking_lot RwLock<RangeMap>", concurrent::locked_ranges(records)),
    ]);
    if inline {
        let find = concurrent::locked_inline(records);
        all.push(Contender::new("parking_lot RwLock<BTreeMap<[u8; 16]>>", Kind::Inline, find));
    }
    all.push(Contender::new("limit: static tree of u64 heads", Kind::Limit, StaticTree::of(records)));
    all
}
