//! The route that is known, or else the one that is loaded: what is done with a load that lands. Who loads and who waits is in
//! [`super::flight`].

use std::error::Error as StdError;
use std::future::Future;

use super::flight::{Boarding, Landing, Lead};
use super::{LoadError, RouteCache};
use crate::key::{Key, KeyRange};
use crate::shard::{Route, ShardRecord, Timestamp};
use crate::sync::{block_on, broken};
use crate::table::Learned;

/// What a loader is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Missing {
    /// The key whose owner is wanted.
    pub key: Key,
    /// All that is missing around it. A loader may bring as much of it as it likes, in any order, and as much beyond it.
    pub part: KeyRange,
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
    /// Blocks while another one loads: in `async` code use [`resolve_or_load_async`](Self::resolve_or_load_async). `load` may ask
    /// this cache for anything but the part that it is to load, which would wait for itself.
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

    /// [`resolve_or_load`](Self::resolve_or_load) for `async` code, on any runtime. A future that is dropped while it loads harms
    /// nobody: one of those that waited loads in its place.
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
        if broken("landed_before_learned") {
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
        self.publish(|table| {
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
