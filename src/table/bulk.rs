//! Building a table of many records at once. Records in key order, as tables write them, are taken in batch by batch: each is
//! looked over, summed up, and made a part of both trees while it is in the nearest caches. Any others are put in order before,
//! and that is also where is found out what is wrong with them.

use std::hint::black_box;

use super::digest::Sum;
use super::ids::{self, Ids};
use super::index::{self, Index};
use super::lineage::Lineage;
use super::nodes::Nodes;
use super::operations::Operations;
use super::{FIRST_REVISION, Floor, Table};
use crate::counter;
use crate::error::Error;
use crate::shard::{ShardId, ShardRecord};

/// How many records are taken in together: as many as make full leaves of both trees, and little enough for a near cache.
const BATCH: usize = index::FULL_LEAF * ids::FULL_LEAF / 2;
const _: () = assert!(BATCH % index::FULL_LEAF == 0 && BATCH % ids::FULL_LEAF == 0);

/// What becomes of records that are in key order.
struct Taken {
    index: Index,
    /// If their ids ascend, too.
    ids: Option<Ids>,
    greatest_id: Option<ShardId>,
    sum: Sum,
}

/// A table of these shards, in any order, and operations. Whether the operations fit the shards is for
/// [`Table::verify`] to see, except that there are none on a shard that is in no operation.
pub(super) fn build(mut records: Vec<ShardRecord>, operations: Operations) -> Result<Table, Error> {
    let taken = match take_in(&mut records, &operations) {
        Some(taken) => taken,
        None => {
            put_in_order(&mut records, &operations)?;
            // Not to be seen: they are in order now, and nothing is wrong with them.
            let what = || "sound records in order are not taken in".into();
            take_in(&mut records, &operations).ok_or_else(|| Error::Broken { what: what() })?
        }
    };
    let ids = match taken.ids {
        Some(ids) => ids,
        None => Ids::from_sorted(by_id(&records)?.into_iter().map(|(id, record)| (id, record.range.start()))),
    };
    Ok(Table {
        ids,
        index: taken.index,
        operations,
        revision: FIRST_REVISION,
        nodes: Nodes::default(),
        lineage: Lineage::default(),
        next_id: taken.greatest_id.map_or(Ok(1), |id| counter::next(id.0, "supply of shard ids"))?,
        floor: Floor::default(),
        records: taken.sum,
        replaced_bytes: 0,
    })
}

/// Takes in records batch by batch, with their replicas in any order, unless they are not in key order themselves or something is
/// wrong with one of them.
fn take_in(records: &mut [ShardRecord], operations: &Operations) -> Option<Taken> {
    let (mut index, mut ids, mut sum) =
        (index::Builder::default(), Some(ids::Builder::default()), Sum::default());
    let (mut rest, mut last, mut greatest_id) = (records, None::<&ShardRecord>, None);
    while !rest.is_empty() {
        // The last batch is not a small one, so that no leaf is.
        let count = if rest.len() < 2 * BATCH { rest.len() } else { BATCH };
        let (batch, behind) = rest.split_at_mut(count);
        touch(batch);
        for record in &mut *batch {
            if !record.has_settled_replicas() {
                record.settle_replicas().ok()?;
            }
        }
        let batch = &*batch;
        for record in batch {
            if !follows(record, last, operations) {
                return None;
            }
            if last.is_some_and(|last| last.id >= record.id) {
                ids = None;
            }
            greatest_id = greatest_id.max(Some(record.id));
            sum.add(record);
            last = Some(record);
        }
        index.add(batch);
        if let Some(ids) = &mut ids {
            ids.add(batch.iter().map(|record| (record.id, record.range.start())));
        }
        rest = behind;
    }
    Some(Taken { index: index.finish(), ids: ids.map(ids::Builder::finish), greatest_id, sum })
}

/// Looks at a byte of each key. Keys lie wherever they were made: so those of a batch are waited for all together, and not one by
/// one by what has more to do with each.
fn touch(batch: &[ShardRecord]) {
    let bytes = batch.iter().filter_map(|record| record.range.start().first());
    black_box(bytes.fold(0, |all, byte| all ^ byte));
}

/// Whether a record is sound, but perhaps for its id, and comes after the one before.
fn follows(record: &ShardRecord, last: Option<&ShardRecord>, operations: &Operations) -> bool {
    last.is_none_or(|last| !last.range.end().is_above(record.range.start()))
        && expect_sound(record, operations).is_ok()
}

fn expect_sound(record: &ShardRecord, operations: &Operations) -> Result<(), Error> {
    record.expect_room()?;
    record.expect_no_operation().or_else(|error| operations.on(record.id).map(|_| ()).ok_or(error))
}

/// Puts records in key order, or says what is wrong with them.
fn put_in_order(records: &mut [ShardRecord], operations: &Operations) -> Result<(), Error> {
    for record in &mut *records {
        record.settle_replicas()?;
        expect_sound(record, operations)?;
    }
    by_id(records)?;
    records.sort_unstable_by(|one, other| one.range.start().cmp(other.range.start()));
    for pair in records.windows(2) {
        let (owner, next) = (&pair[0], &pair[1]);
        if owner.range.overlaps(&next.range) {
            let (range, owned) = (next.range.clone(), owner.range.clone());
            return Err(Error::Overlap { shard: next.id, range, owner: owner.id, owned });
        }
    }
    Ok(())
}

/// Records in the order of their ids, of which none may be there twice.
fn by_id(records: &[ShardRecord]) -> Result<Vec<(ShardId, &ShardRecord)>, Error> {
    let mut by_id: Vec<_> = records.iter().map(|record| (record.id, record)).collect();
    by_id.sort_unstable_by_key(|(id, _)| *id);
    match by_id.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(Error::ShardExists { shard: pair[0].0, range: pair[0].1.range.clone() }),
        None => Ok(by_id),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::key::{Key, KeyEnd, KeyRange};
    use crate::shard::{NodeId, Shard, ShardState};

    /// In key order, with gaps here and there, and ids that ascend.
    fn records(count: usize) -> Vec<ShardRecord> {
        let key = |at: usize| Key::from(&u32::try_from(at).unwrap().to_be_bytes());
        let record = |place: usize| {
            let end = match place + 1 == count {
                true => KeyEnd::Unbounded,
                false => KeyEnd::At(key(3 * place + 2 + place % 2)),
            };
            let range = KeyRange::new(key(3 * place), end).unwrap();
            let mut record = ShardRecord::new(ShardId(10 + place as u64), range, NodeId(place as u64 % 5));
            record.replicas = vec![NodeId(7), NodeId(8 + place as u64 / 50)];
            record
        };
        (0..count).map(record).collect()
    }

    fn table(records: Vec<ShardRecord>) -> Result<Table, Error> {
        build(records, Operations::default())
    }

    #[test]
    fn records_in_any_order_make_the_same_table() {
        let sizes = [
            0,
            1,
            2,
            31,
            43,
            BATCH - 1,
            BATCH,
            BATCH + 1,
            2 * BATCH - 1,
            2 * BATCH,
            2 * BATCH + 1,
            5 * BATCH + 50,
        ];
        for count in sizes.into_iter().filter(|count| !cfg!(miri) || *count < 50) {
            let in_order = records(count);
            let built = table(in_order.clone()).unwrap();
            built.verify().unwrap();
            assert!(built.shards().map(Shard::to_record).eq(in_order.iter().cloned()), "{count}");
            let mut shuffled = in_order.clone();
            shuffled.iter_mut().for_each(|record| record.replicas.reverse());
            shuffled.sort_by_key(|record| record.id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            assert_eq!(table(shuffled).unwrap(), built, "{count}");

            // In key order, and their ids are not.
            let mut renamed = in_order;
            (0..).zip(&mut renamed).for_each(|(place, record)| record.id.0 = 1_000_000 - place);
            let built = table(renamed.clone()).unwrap();
            built.verify().unwrap();
            assert!(built.shards().map(Shard::to_record).eq(renamed), "{count}");
        }
    }

    #[test]
    fn replicas_in_any_order_are_taken_in_at_once() {
        let in_order = records(if cfg!(miri) { 50 } else { 3 * BATCH });
        let mut turned = in_order.clone();
        turned.iter_mut().step_by(2).for_each(|record| record.replicas.reverse());
        let taken = take_in(&mut turned, &Operations::default()).unwrap();
        assert!(turned == in_order && taken.ids.is_some(), "nothing is left to be put in order");
        assert!(taken.index.run(&[], KeyEnd::Unbounded).map(Shard::to_record).eq(in_order));
    }

    #[test]
    fn what_is_wrong_with_records_in_order_is_found() {
        let count = if cfg!(miri) { 50 } else { 3 * BATCH };
        type Fault = (&'static str, fn(&mut [ShardRecord], usize));
        let faults: [Fault; 5] = [
            ("id", |records, at| records[at].id = records[at / 2].id),
            ("overlap", |records, at| records[at].range = records[at - 1].range.clone()),
            ("replica", |records, at| records[at].replicas[1] = NodeId(7)),
            ("leader", |records, at| records[at].leader = NodeId(7)),
            ("state", |records, at| records[at].state = ShardState::Merging),
        ];
        for (name, spoil) in faults {
            for at in [1, count / 2, count - 2] {
                let mut records = records(count);
                spoil(&mut records, at);
                let error = table(records).unwrap_err();
                let is_expected = match name {
                    "id" => matches!(error, Error::ShardExists { .. }),
                    "overlap" => matches!(error, Error::Overlap { .. }),
                    "replica" => matches!(error, Error::DuplicateReplica { .. }),
                    "leader" => matches!(error, Error::LeaderAsReplica { .. }),
                    _ => true,
                };
                assert!(is_expected, "{name} at {at}: {error}");
            }
        }
    }
}
