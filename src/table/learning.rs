//! A table that is filled from answers, as a client's is: what it is told is learned where it is newer than what it knows, and
//! forgotten without a trace. Nothing is remembered of what went, and no id is ever used up: the truth is elsewhere.

use super::Table;
use super::draft::Draft;
use crate::counter;
use crate::error::Error;
use crate::shard::{Shard, ShardId, ShardRecord, ShardState, Timestamp, Token};

/// What came of telling a table of shards.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Learned {
    /// The shards that were news, in the order in which they were told.
    pub new: Vec<ShardId>,
    /// The shards that were known so already. They count as learned anew, as far as age goes.
    pub known: Vec<ShardId>,
    /// How many shards that were known are not any more, since a newer one owns some of their keys.
    pub replaced: usize,
    /// The places of the others among what was told, counted from 0, and why each was refused. None of them has altered anything.
    pub refused: Vec<(usize, Error)>,
}

impl Table {
    /// The table with what the records say, each judged by itself and in their order, as of `now`; `None` if that alters
    /// nothing. Before that, the shard of a token that was found to be stale is forgotten.
    pub(crate) fn learn(
        &self,
        stale: Option<Token>,
        records: &[ShardRecord],
        now: Timestamp,
    ) -> (Option<Self>, Learned) {
        let mut next = self.clone();
        let mut draft = Draft::of(&mut next);
        let mut learned = Learned::default();
        let mut is_altered =
            stale.is_some_and(|token| draft.forget(|shard| shard.token() == token, token.shard));
        for (place, record) in records.iter().enumerate() {
            match draft.learn(record.clone(), now) {
                Ok(Lesson::New { replaced }) => {
                    learned.new.push(record.id);
                    learned.replaced += replaced;
                    is_altered = true;
                }
                Ok(Lesson::Known { is_later }) => {
                    learned.known.push(record.id);
                    is_altered |= is_later;
                }
                Err(error) => learned.refused.push((place, error)),
            }
        }
        match draft.count_on(is_altered) {
            Ok(()) => (is_altered.then_some(next), learned),
            Err(error) => {
                let refused = (0..records.len()).map(|place| (place, error.clone())).collect();
                (None, Learned { refused, ..Learned::default() })
            }
        }
    }

    /// The table without those of these shards of which the test holds, and how many those are; `None` if none are.
    pub(crate) fn forget(
        &self,
        shards: impl IntoIterator<Item = ShardId>,
        test: impl Fn(Shard<'_>) -> bool,
    ) -> (Option<Self>, usize) {
        let mut next = self.clone();
        let mut draft = Draft::of(&mut next);
        let forgotten = shards.into_iter().filter(|shard| draft.forget(&test, *shard)).count();
        match draft.count_on(forgotten > 0) {
            Ok(()) => ((forgotten > 0).then_some(next), forgotten),
            Err(_) => (None, 0),
        }
    }
}

/// What one record came to.
enum Lesson {
    New { replaced: usize },
    Known { is_later: bool },
}

impl Draft<'_> {
    fn forget(&mut self, test: impl Fn(Shard<'_>) -> bool, shard: ShardId) -> bool {
        let record = self.table.shard(shard).filter(|shard| test(*shard)).map(Shard::to_record);
        if let Some(record) = &record {
            self.replace(std::slice::from_ref(record), &[]);
        }
        record.is_some()
    }

    /// A record takes the place of all that it overlaps, and of what is known of its shard elsewhere, if it is newer than each
    /// of them; or of none.
    fn learn(&mut self, mut record: ShardRecord, now: Timestamp) -> Result<Lesson, Error> {
        // What a shard is doing is not in its epoch, so nobody would say that it is over.
        record.state = ShardState::Active;
        record.updated = now;
        record.settle_replicas()?;
        record.expect_room()?;
        counter::next(record.id.0, "supply of shard ids")?;

        let elsewhere = self.table.shard(record.id).filter(|shard| !shard.range().overlaps(&record.range));
        let in_its_place: Vec<_> =
            self.table.range(&record.range).chain(elsewhere).map(Shard::to_record).collect();
        if let [known] = &in_its_place[..] {
            if (known.id, known.epoch, &known.range) == (record.id, record.epoch, &record.range) {
                return Ok(self.confirm(known, now));
            }
        }
        if let Some(known) = in_its_place.iter().find(|known| !is_newer(&record, known)) {
            return Err(Error::NotNewer {
                shard: record.id,
                epoch: record.epoch,
                known: known.id,
                known_epoch: known.epoch,
                range: known.range.clone(),
            });
        }
        self.reserve(record.id)?;
        match &in_its_place[..] {
            [known] if known.range == record.range => self.replace(&in_its_place, &[record]),
            _ => {
                in_its_place.iter().for_each(|known| self.replace(std::slice::from_ref(known), &[]));
                self.replace(&[], &[record]);
            }
        }
        Ok(Lesson::New { replaced: in_its_place.len() })
    }

    /// What is known was heard again.
    fn confirm(&mut self, known: &ShardRecord, now: Timestamp) -> Lesson {
        let is_later = now > known.updated;
        if is_later {
            let record = ShardRecord { updated: now, ..known.clone() };
            self.replace(std::slice::from_ref(known), &[record]);
        }
        Lesson::Known { is_later }
    }
}

/// Whether a record was true later than another one that it excludes: they are of one shard, or share a key. Whoever owns a key
/// next has a greater range counter, under whatever name.
fn is_newer(record: &ShardRecord, known: &ShardRecord) -> bool {
    if record.id == known.id { record.epoch > known.epoch } else { record.epoch.range > known.epoch.range }
}
