//! What a client knows, in the plainest way: a list of routes over points, and the rules of learning and forgetting over all of
//! it each time.

use shardway::{Epoch, NodeId, RouteCache, ShardId, ShardRecord, ShardState, Timestamp, Token};

use super::{POINTS, Refused, key, range};

/// One route: its points are from `lower` on, below `upper`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Known {
    pub(crate) id: ShardId,
    pub(crate) lower: usize,
    pub(crate) upper: usize,
    pub(crate) epoch: Epoch,
    pub(crate) leader: NodeId,
    pub(crate) replicas: Vec<NodeId>,
    pub(crate) learned: Timestamp,
}

impl Known {
    pub(crate) fn token(&self) -> Token {
        Token { shard: self.id, epoch: self.epoch }
    }

    pub(crate) fn to_record(&self) -> ShardRecord {
        let mut record = ShardRecord::new(self.id, range(self.lower, self.upper), self.leader);
        record.epoch = self.epoch;
        record.replicas.clone_from(&self.replicas);
        record.state = ShardState::Offline;
        record
    }

    fn excludes(&self, other: &Self) -> bool {
        self.id == other.id || self.lower.max(other.lower) < self.upper.min(other.upper)
    }

    fn is_newer_than(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.epoch, other.epoch);
        if self.id == other.id {
            ours.range >= theirs.range && ours.members >= theirs.members && ours != theirs
        } else {
            ours.range > theirs.range
        }
    }
}

/// What learning one route comes to.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Lesson {
    New { replaced: usize },
    Known,
    Refused(Refused),
}

#[derive(Default)]
pub(crate) struct Knowledge {
    pub(crate) routes: Vec<Known>,
}

impl Knowledge {
    pub(crate) fn learn(&mut self, mut told: Known, now: Timestamp) -> Lesson {
        told.replicas.sort_unstable();
        told.learned = now;
        if told.replicas.windows(2).any(|pair| pair[0] == pair[1]) {
            return Lesson::Refused("DuplicateReplica");
        }
        if told.replicas.contains(&told.leader) {
            return Lesson::Refused("LeaderAsReplica");
        }
        let same = |known: &&mut Known| {
            (known.token(), known.lower, known.upper) == (told.token(), told.lower, told.upper)
        };
        if let Some(known) = self.routes.iter_mut().find(same) {
            known.learned = known.learned.max(now);
            return Lesson::Known;
        }
        let before = self.routes.len();
        if self.routes.iter().any(|known| known.excludes(&told) && !told.is_newer_than(known)) {
            return Lesson::Refused("NotNewer");
        }
        self.routes.retain(|known| !known.excludes(&told));
        let replaced = before - self.routes.len();
        self.routes.push(told);
        self.routes.sort_unstable_by_key(|known| known.lower);
        Lesson::New { replaced }
    }

    /// Says how many those were.
    pub(crate) fn forget(&mut self, test: impl Fn(&Known) -> bool) -> usize {
        let before = self.routes.len();
        self.routes.retain(|known| !test(known));
        before - self.routes.len()
    }

    pub(crate) fn forget_oldest(&mut self, most: usize) {
        while self.routes.len() > most {
            let oldest = self.routes.iter().min_by_key(|known| (known.learned, known.id)).unwrap().id;
            self.forget(|known| known.id == oldest);
        }
    }

    /// The cache knows this, and nothing else.
    pub(crate) fn assert_same(&self, cache: &RouteCache) {
        let table = cache.snapshot();
        table.verify().unwrap();
        let found: Vec<_> = table.shards().map(|shard| shard.to_record()).collect();
        let as_known = |known: &Known| {
            let mut record = known.to_record();
            record.state = ShardState::Active;
            record.updated = known.learned;
            record
        };
        assert_eq!(found, self.routes.iter().map(as_known).collect::<Vec<_>>());
        for point in 0..POINTS {
            let owner = self.routes.iter().find(|known| (known.lower..known.upper).contains(&point));
            assert_eq!(cache.resolve(key(point)).ok().map(|route| route.token()), owner.map(Known::token));
            let gap = table.gap_at(key(point));
            assert_eq!(gap.is_some(), owner.is_none());
            if let Some(gap) = gap {
                let below = self.routes.iter().map(|known| known.upper).filter(|end| *end <= point).max();
                let above = self.routes.iter().map(|known| known.lower).filter(|start| *start > point).min();
                assert_eq!(gap, range(below.unwrap_or(0), above.unwrap_or(POINTS)));
            }
        }
    }
}
