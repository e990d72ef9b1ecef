//! What a client knows of shards: a table with gaps, filled from answers. Which answer is newer is the business of
//! `table/learning`, publication that of the router; what is here is what a client
//! can do with it. [`loading`] loads what is missing, with [`flight`] to see that each part is loaded once; [`ages`] has what to
//! forget first.

mod ages;
mod error;
mod flight;
mod loading;

use std::convert::Infallible;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::change::{Change, Outcome};
use crate::error::Error;
use crate::node::Node;
use crate::router::{Reader, Retained, Router, Snapshot, Watch, telemetry};
use crate::shard::{NodeId, Refusal, Route, Shard, ShardRecord, Timestamp, Token};
use crate::table::{Learned, Table};
use ages::Ages;
use flight::Flights;

pub use error::LoadError;
pub use loading::Missing;

/// The routes that a client has learned: share it, read it without locks, and have each missing part loaded once.
///
/// It is a table with gaps that is filled from answers, and read as the one of a [`Router`] is: by a [`Reader`] in each thread, at
/// the same price, or by a [`Snapshot`]. A client that asks by what it finds here, and sends the [`Token`] along, is either
/// served or told better; so an old route costs one request, and never a wrong answer.
///
/// **What is newer.** A route takes the place of all that it overlaps, and of what was known of its shard elsewhere, if its epoch
/// is newer than each of theirs: of the same shard, greater; of others, greater in the counter of the range, since whoever owns
/// a key next has a greater one. If it is not, it is refused whole. What is known in a part of the keyspace never goes back, in
/// whatever order answers come; only what is forgotten may be learned again in an older state, and does no harm.
///
/// **What to do with a denial** ([`Table::admit`], at the node):
///
/// | denial | here |
/// |---|---|
/// | `Stale { current }` | [`cure`](Self::cure) with the token and the records that came back |
/// | `NoOwner` | `cure` with the token and no record: the next look-up loads |
/// | `WrongNode { route }`, `NodeDown` | ask `route.leader`, or [`forget`](Self::forget) the token |
/// | `Ahead`, `NotServing` | nothing: ask again a little later |
/// | no answer at all | [`forget_node`](Self::forget_node): it may have lost its shards |
///
/// A route that was learned is always active here: what a shard is doing at the time is for its node to say, since it can
/// change without the epoch.
///
/// Time is the caller's: what is learned "now" is as old later as the difference says, and `updated` of a shard is when it was
/// learned. Nothing is forgotten behind the caller's back but by [`bounded`](Self::bounded): then what was learned or confirmed
/// longest ago goes first. What is in use is not known: reads write nothing.
///
/// Clones share all. To read takes no lock; learning is lock-free, but for a note of the time; to load takes a lock for
/// as long as it takes to look who loads already.
///
/// ```
/// use shardway::{Access, Change, Denial, LoadError, NodeId, RouteCache, Router, ShardRecord, Timestamp};
///
/// // At the storage nodes.
/// let cluster = Router::whole(NodeId(1));
/// let load = |key: &[u8]| -> Result<Vec<ShardRecord>, std::io::Error> {
///     Ok(cluster.snapshot().owner(key).map(|shard| shard.to_record()).into_iter().collect())
/// };
///
/// // At a client: the first look-up loads, and later ones find.
/// let cache = RouteCache::new();
/// let route = cache.resolve_or_load("user/4711", Timestamp(0), |missing| load(missing.key.as_bytes()))?;
/// assert_eq!(cache.reader().resolve("user/5000"), Ok(route));
///
/// // The shard is split; who asks by the old route is denied, and the denial brings the cure.
/// cluster.split(route.shard, "user/5000")?;
/// let table = cluster.snapshot();
/// let Err(Denial::Stale { current }) = table.admit(NodeId(1), route.token(), "user/4711", Access::Read) else { panic!() };
/// cache.cure(route.token(), current.map(|shard| shard.to_record()), Timestamp(1));
/// let route = cache.resolve("user/4711")?;
/// assert!(table.admit(route.leader, route.token(), "user/4711", Access::Read).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The rules are those of TiKV's region cache and CockroachDB's range cache, with epochs in the place of leases and generations.
#[derive(Clone)]
pub struct RouteCache {
    router: Router,
    shared: Arc<Shared>,
}

struct Shared {
    flights: Flights,
    ages: Ages,
    most: usize,
}

/// Making a cache, and reading.
impl RouteCache {
    /// A cache that knows nothing, and keeps whatever it learns until it is told to forget.
    #[must_use]
    pub fn new() -> Self {
        Self::bounded(NonZeroUsize::MAX)
    }

    /// A cache that forgets what it learned longest ago when it knows more than `most` routes.
    #[must_use]
    pub fn bounded(most: NonZeroUsize) -> Self {
        let shared = Shared { flights: Flights::default(), ages: Ages::default(), most: most.get() };
        Self { router: Router::new(Table::empty()), shared: Arc::new(shared) }
    }

    /// A handle for the hot path of one thread. What it says of a key that is missing here is [`Refusal::NoOwner`].
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.router.reader()
    }

    /// The route that is known for `key`. O(log n); no lock, no allocation. On the hot path ask a [`reader`](Self::reader).
    ///
    /// # Errors
    ///
    /// [`Refusal::NoOwner`] if none is known.
    #[inline]
    pub fn resolve(&self, key: impl AsRef<[u8]>) -> Result<Route, Refusal> {
        self.router.resolve(key)
    }

    /// All that is known now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.router.snapshot()
    }

    /// Follows what is known: see [`Router::watch`].
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.router.watch()
    }

    /// What replaced tables keep in memory: see [`Router::retained`].
    #[must_use]
    pub fn retained(&self) -> Retained {
        self.router.retained()
    }

    /// Frees every replaced table that nobody holds: see [`Router::reclaim`].
    pub fn reclaim(&self) -> usize {
        self.router.reclaim()
    }
}

/// Learning.
impl RouteCache {
    /// Learns what is newer than what is known, each record by itself, and publishes it all at once. O(log n) for each, and for
    /// each route that it takes the place of.
    ///
    /// ```
    /// use shardway::{Error, KeyRange, NodeId, RouteCache, ShardId, ShardRecord, Timestamp};
    ///
    /// let cache = RouteCache::new();
    /// let whole = ShardRecord::new(ShardId(1), KeyRange::full(), NodeId(1));
    /// let mut half = ShardRecord::new(ShardId(2), KeyRange::from("m"..), NodeId(2));
    /// half.epoch.range = 2;
    ///
    /// assert_eq!(cache.learn([whole.clone()], Timestamp(0)).new, [ShardId(1)]);
    /// assert_eq!(cache.learn([half], Timestamp(1)).replaced, 1);
    /// assert!(cache.resolve("a").is_err(), "of what is left of the old shard nothing is known");
    /// assert!(matches!(cache.learn([whole], Timestamp(2)).refused[..], [(0, Error::NotNewer { .. })]));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn learn(&self, records: impl IntoIterator<Item = ShardRecord>, now: Timestamp) -> Learned {
        self.update(None, &records.into_iter().collect::<Vec<_>>(), now)
    }

    /// Forgets the route of a token that was denied, if it is still what is known, and learns what the denial brought, at once:
    /// no reader finds the one gone and the other not yet there.
    pub fn cure(
        &self,
        denied: Token,
        records: impl IntoIterator<Item = ShardRecord>,
        now: Timestamp,
    ) -> Learned {
        self.update(Some(denied), &records.into_iter().collect::<Vec<_>>(), now)
    }

    /// Publishes what `next` makes of what is known; it refuses nothing.
    fn publish<R>(&self, mut next: impl FnMut(&Table) -> (Option<Table>, R)) -> R {
        let Ok(said) = self.router.publish_next(|table, _| {
            let (next, said) = next(table);
            Ok::<_, Infallible>((next.map(Arc::new), said))
        });
        said
    }

    fn update(&self, denied: Option<Token>, records: &[ShardRecord], now: Timestamp) -> Learned {
        let learned = self.publish(|table| table.learn(denied, records, now));
        self.settle(&learned, now);
        learned
    }

    /// Notes when the routes were learned, and forgets the oldest if there are too many.
    fn settle(&self, learned: &Learned, now: Timestamp) {
        let Shared { ages, most, .. } = &*self.shared;
        learned.refused.iter().for_each(|(_, error)| telemetry::refused(error));
        let heard = learned.new.iter().chain(&learned.known).copied();
        ages.note(heard, now, || self.snapshot());
        loop {
            let excess = self.snapshot().len().saturating_sub(*most);
            let oldest = ages.take_oldest(excess, |_| true);
            if oldest.is_empty() {
                return;
            }
            self.forget_hinted(&oldest);
        }
    }

    /// What is known of a node, for who connects to it and for who chooses among copies.
    ///
    /// # Errors
    ///
    /// [`Error::Exhausted`] at the last revision.
    pub fn put_node(&self, node: Node) -> Result<Outcome, Error> {
        self.router.apply(Change::put_node(node))
    }
}

/// Forgetting. What is forgotten is missing, and the next who wants it loads it.
impl RouteCache {
    /// Forgets the route of a token, if it is still what is known: compare and forget, so that who was denied late does not throw
    /// away what was learned meanwhile. Says whether it was. O(log n).
    pub fn forget(&self, token: Token) -> bool {
        self.publish(|table| table.forget([token.shard], |shard| shard.token() == token)) > 0
    }

    /// Forgets all routes that a node leads, and says how many those were. O(log n) for each, and for each run of neighbours.
    pub fn forget_node(&self, node: NodeId) -> usize {
        self.publish(|table| {
            let led: Vec<_> = table.led_by(node).map(Shard::id).collect();
            table.forget(led, |_| true)
        })
    }

    /// Forgets all routes that were learned, or heard again, more than `age` before `now`, and says how many those were. O(log n)
    /// for each.
    pub fn forget_older(&self, age: Duration, now: Timestamp) -> usize {
        self.forget_hinted(&self.shared.ages.take_oldest(usize::MAX, |learned| now.since(learned) > age))
    }

    /// Forgets all routes, and says how many those were. O(n log n).
    pub fn clear(&self) -> usize {
        self.publish(|table| {
            let all: Vec<_> = table.shards().map(Shard::id).collect();
            table.forget(all, |_| true)
        })
    }

    fn forget_hinted(&self, hints: &[ages::Hint]) -> usize {
        self.publish(|table| {
            let is_true =
                |hint: &&ages::Hint| table.shard(hint.1).is_some_and(|shard| shard.updated() == hint.0);
            table.forget(hints.iter().filter(is_true).map(|hint| hint.1), |_| true)
        })
    }
}

impl Default for RouteCache {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RouteCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteCache").field("routes", &self.snapshot().len()).finish_non_exhaustive()
    }
}
