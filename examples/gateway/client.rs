//! A client: loads the table once, and from then on learns from refusals alone.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use shardway::{KeyEnd, KeyRange};

use super::cluster::{Belief, Cluster, Gateway, Reply};
use super::{Failure, KEYS, REQUESTS};

pub(crate) struct Client<'c> {
    gateway: Gateway<'c>,
    number: u64,
    /// By where ranges start: all keys, without gap or overlap.
    beliefs: BTreeMap<Vec<u8>, Belief>,
    acknowledged: HashMap<String, u64>,
    told: Told,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Told {
    requests: u64,
    pub(crate) stale: u64,
    fenced: u64,
    pub(crate) learned: u64,
    pub(crate) loads: u64,
    pub(crate) missed: u64,
}

impl<'c> Client<'c> {
    pub(crate) fn new(cluster: &'c Cluster, number: u64) -> Self {
        let mut gateway = Gateway::new(cluster);
        let loaded = gateway.load();
        let beliefs = loaded.into_iter().map(|belief| (belief.range.start().to_vec(), belief)).collect();
        let told = Told { loads: 1, ..Told::default() };
        Self { gateway, number, beliefs, acknowledged: HashMap::new(), told }
    }

    pub(crate) fn told(&self) -> Told {
        self.told
    }

    /// Writes and reads keys that nobody else writes.
    pub(crate) fn work(&mut self, over: &AtomicBool) -> Result<(), Failure> {
        for turn in (0..).take_while(|turn| *turn < REQUESTS || !over.load(Ordering::Relaxed)) {
            // A factor that is prime to the number of keys: each comes, in no order.
            let key = format!("user/{:06}/{}", turn / 2 * 1_237 % KEYS, self.number);
            if turn % 2 == 0 {
                self.ask(&key, Some(turn))?;
                self.acknowledged.insert(key, turn);
            } else {
                let found = self.ask(&key, None)?;
                self.told.missed += u64::from(found.as_ref() != self.acknowledged.get(&key));
            }
        }
        Ok(())
    }

    fn ask(&mut self, key: &str, write: Option<u64>) -> Result<Option<u64>, Failure> {
        self.told.requests += 1;
        loop {
            let (_, belief) =
                self.beliefs.range(..=key.as_bytes().to_vec()).next_back().ok_or("no belief")?;
            match self.gateway.ask(belief, key, write)? {
                Reply::Value(value) => return Ok(value),
                Reply::Stale(cure) => {
                    self.told.stale += 1;
                    cure.into_iter().try_for_each(|belief| self.learn(belief))?;
                }
                Reply::Fenced => {
                    self.told.fenced += 1;
                    thread::yield_now();
                }
            }
        }
    }

    /// What is left of older beliefs on both sides stays, as old as it is: whoever asks by it will be told.
    fn learn(&mut self, news: Belief) -> Result<(), Failure> {
        self.told.learned += 1;
        let overlaps = |belief: &&Belief| belief.range.overlaps(&news.range);
        let old: Vec<_> = self.beliefs.values().filter(overlaps).cloned().collect();
        for belief in old {
            self.beliefs.remove(belief.range.start());
            if belief.range.start() < news.range.start() {
                let range =
                    KeyRange::new(belief.range.start().into(), KeyEnd::At(news.range.start().into()))?;
                self.beliefs.insert(range.start().to_vec(), Belief { range, ..belief.clone() });
            }
            if let Some(end) = news.range.end().key().filter(|end| belief.range.end().is_above(end)) {
                let (_, range) = belief.range.split_at(end)?;
                self.beliefs.insert(end.to_vec(), Belief { range, ..belief });
            }
        }
        self.beliefs.insert(news.range.start().to_vec(), news);
        Ok(())
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, stale, fenced, learned, loads, missed } = self;
        write!(f, "{requests} | {stale} | {fenced} | {learned} | {loads} | {missed}")
    }
}
