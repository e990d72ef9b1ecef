//! What a client knows of shards: a table with gaps, filled from answers. Which answer is newer is the business of
//! `table/learning`, publication that of the router; what is here is when to load ([`flight`]: each missing part once) and when to
//! forget ([`ages`]).

mod ages;
mod error;
mod flight;

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::change::{Change, Outcome};
use crate::error::Error;
use crate::key::{Key, KeyRange};
use crate::node::Node;
use crate::router::{Reader, Retained, Router, Snapshot, Watch, telemetry};
use crate::shard::{NodeId, Refusal, Route, Shard, ShardRecord, Timestamp, Token};
use crate::sync::block_on;
use crate::table::{Learned, Table};
use ages::Ages;
use flight::{Boarding, Flights, Landing, Lead};

pub use error::LoadError;

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

/// What a loader is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Missing {
    /// The key whose owner is wanted.
    pub key: Key,
    /// All that is missing around it. A loader may bring as much of it as it likes, in any order, and as much beyond it.
    pub part: KeyRange,
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

    fn update(&self, denied: Option<Token>, records: &[ShardRecord], now: Timestamp) -> Learned {
        let learned = self.router.publish_next(|table| table.learn(denied, records, now));
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
        self.router.publish_next(|table| table.forget([token.shard], |shard| shard.token() == token)) > 0
    }

    /// Forgets all routes that a node leads, and says how many those were. O(log n) for each, and for each run of neighbours.
    pub fn forget_node(&self, node: NodeId) -> usize {
        self.router.publish_next(|table| {
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
        self.router.publish_next(|table| {
            let all: Vec<_> = table.shards().map(Shard::id).collect();
            table.forget(all, |_| true)
        })
    }

    fn forget_hinted(&self, hints: &[ages::Hint]) -> usize {
        self.router.publish_next(|table| {
            let is_true =
                |hint: &&ages::Hint| table.shard(hint.1).is_some_and(|shard| shard.updated() == hint.0);
            table.forget(hints.iter().filter(is_true).map(|hint| hint.1), |_| true)
        })
    }
}

/// Loading.
impl RouteCache {
    /// The route for `key`: the one that is known, or else what `load` brings, which is learned as of `now`.
    ///
    /// Each missing part is loaded once, however many callers wait for it: the first loads, and the others (on threads or in
    /// tasks) wait, and take what it brought. One whose key it did not bring loads what is then still missing. A load that
    /// panics harms nobody but its caller: one of those that waited loads in its place. To find a route that is known costs what
    /// [`resolve`](Self::resolve) does.
    ///
    /// Blocks while another one loads: in `async` code use [`resolve_or_load_async`](Self::resolve_or_load_async). `load` may ask this cache
    /// for anything but the part that it is to load, which would wait for itself.
    ///
    /// # Errors
    ///
    /// [`LoadError::Failed`] with the error of the load, also if another caller made it; [`LoadError::NoOwner`] if it brought nothing
    /// for the key; [`LoadError::Refused`] if what it brought for the key is no newer than what is known beside it.
    pub fn resolve_or_load<E>(
        &self,
        key: impl AsRef<[u8]>,
        now: Timestamp,
        load: impl FnOnce(Missing) -> Result<Vec<ShardRecord>, E>,
    ) -> Result<Route, LoadError>
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let key = key.as_ref();
        if let Ok(route) = self.resolve(key) {
            return Ok(route);
        }
        let boarded = block_on(self.board(key), None).unwrap_or(Err(LoadError::NoOwner))?;
        match boarded {
            Boarded::Found(route) => Ok(route),
            Boarded::Lead(lead) => {
                let loaded = load(Missing { key: key.into(), part: lead.part().clone() });
                self.land(lead, key, loaded, now)
            }
        }
    }

    /// [`resolve_or_load`](Self::resolve_or_load) for `async` code, on any runtime. A future that is dropped while it loads harms nobody:
    /// one of those that waited loads in its place.
    ///
    /// # Errors
    ///
    /// Those of [`resolve_or_load`](Self::resolve_or_load).
    ///
    /// ```
    /// use shardway::{KeyRange, NodeId, RouteCache, ShardId, ShardRecord, Timestamp};
    ///
    /// async fn ask_the_cluster(key: shardway::Key) -> std::io::Result<Vec<ShardRecord>> {
    ///     Ok(vec![ShardRecord::new(ShardId(1), KeyRange::full(), NodeId(1))])
    /// }
    ///
    /// # futures_lite::future::block_on(async {
    /// let cache = RouteCache::new();
    /// let route = cache.resolve_or_load_async("user/4711", Timestamp(0), |missing| ask_the_cluster(missing.key)).await?;
    /// assert_eq!(route.leader, NodeId(1));
    /// # Ok::<(), shardway::LoadError>(())
    /// # }).unwrap();
    /// ```
    pub async fn resolve_or_load_async<E, L>(
        &self,
        key: impl AsRef<[u8]>,
        now: Timestamp,
        load: impl FnOnce(Missing) -> L,
    ) -> Result<Route, LoadError>
    where
        L: Future<Output = Result<Vec<ShardRecord>, E>>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let key = key.as_ref();
        if let Ok(route) = self.resolve(key) {
            return Ok(route);
        }
        match self.board(key).await? {
            Boarded::Found(route) => Ok(route),
            Boarded::Lead(lead) => {
                let loaded = load(Missing { key: key.into(), part: lead.part().clone() }).await;
                self.land(lead, key, loaded, now)
            }
        }
    }

    /// Waits until the route is there, or it is for this caller to load it.
    async fn board(&self, key: &[u8]) -> Result<Boarded<'_>, LoadError> {
        let look = || {
            let table = self.snapshot();
            table.resolve(key).map_err(|_| table.gap_at(key).unwrap_or_else(KeyRange::full))
        };
        loop {
            let waiting = match self.shared.flights.board(key, look) {
                Boarding::Found(route) => return Ok(Boarded::Found(route)),
                Boarding::Lead(lead) => return Ok(Boarded::Lead(lead)),
                Boarding::Wait(waiting) => waiting,
            };
            let is_for_key = waiting.is_for(key);
            match waiting.await {
                Landing::Nothing(error) if is_for_key || matches!(error, LoadError::Failed(_)) => {
                    return Err(error);
                }
                Landing::Landed | Landing::Nothing(_) | Landing::GivenUp => {}
            }
        }
    }

    /// Learns what was loaded, and lets those who wait go on.
    fn land<E>(
        &self,
        lead: Lead<'_>,
        key: &[u8],
        loaded: Result<Vec<ShardRecord>, E>,
        now: Timestamp,
    ) -> Result<Route, LoadError>
    where
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let records = match loaded {
            Ok(records) => records,
            Err(error) => {
                let error = LoadError::failed(error);
                lead.land(Landing::Nothing(error.clone()));
                return Err(error);
            }
        };
        if cfg!(shardway_broken = "landed_before_learned") {
            lead.land(Landing::Landed);
            return self.learn_for(key, &records, now).0;
        }
        let (route, learned) = self.learn_for(key, &records, now);
        lead.land(route.clone().map_or_else(Landing::Nothing, |_| Landing::Landed));
        self.settle(&learned, now);
        route
    }

    /// The route for the key in the very table that the records led to: a moment later it may be forgotten.
    fn learn_for(
        &self,
        key: &[u8],
        records: &[ShardRecord],
        now: Timestamp,
    ) -> (Result<Route, LoadError>, Learned) {
        self.router.publish_next(|table| {
            let (next, learned) = table.learn(None, records, now);
            let route = next.as_ref().unwrap_or(table).resolve(key);
            let refused = learned.refused.iter().find(|(place, _)| records[*place].range.contains(key));
            let error = || refused.map_or(LoadError::NoOwner, |(_, error)| LoadError::Refused(error.clone()));
            let route = route.map_err(|_| error());
            (next, (route, learned))
        })
    }
}

/// What [`RouteCache::board`] comes to.
enum Boarded<'c> {
    Found(Route),
    Lead(Lead<'c>),
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
