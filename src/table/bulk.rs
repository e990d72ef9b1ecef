//! Building a table of many records at once. Records in key order, as tables write them, are looked over once and then taken in
//! batch by batch: what a batch is made of, its part of both trees and of the digest, and the end of its records, is done while
//! it is in the nearest caches. Any others are put in order before, and that is also where is found out what is wrong with them.

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

/// In which order the ids of records in key order are.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Ascending,
    Any,
}

/// A table of these shards, in any order, and operations. Whether the operations fit the shards is for
/// [`Table::verify`] to see, except that there are none on a shard that is in no operation.
pub(super) fn build(mut records: Vec<ShardRecord>, operations: Operations) -> Result<Table, Error> {
    let order = match order_of(&records, &operations) {
        Some(order) => order,
        None => put_in_order(&mut records, &operations)?,
    };
    let by_id = match order {
        Order::Ascending => None,
        Order::Any => Some(ids_of(&records)?),
    };
    let last = records.iter().map(|record| record.id).max();
    let next_id = last.map_or(Ok(1), |last| counter::next(last.0, "supply of shard ids"))?;
    let (index, along, sum) = take_in(records, by_id.is_none());
    Ok(Table {
        ids: by_id.unwrap_or(along),
        index,
        operations,
        revision: FIRST_REVISION,
        nodes: Nodes::default(),
        lineage: Lineage::default(),
        next_id,
        floor: Floor::default(),
        records: sum,
        replaced_bytes: 0,
    })
}

/// The order of the ids, if the records are in key order and nothing is wrong with them but perhaps ids that are there twice.
fn order_of(records: &[ShardRecord], operations: &Operations) -> Option<Order> {
    let (mut order, mut last) = (Order::Ascending, None::<&ShardRecord>);
    for record in records {
        let is_free = || operations.on(record.id).is_some() || record.expect_no_operation().is_ok();
        if !record.has_settled_replicas() || record.expect_room().is_err() || !is_free() {
            return None;
        }
        if let Some(last) = last {
            if last.range.end().is_above(record.range.start()) {
                return None;
            }
            if last.id >= record.id {
                order = Order::Any;
            }
        }
        last = Some(record);
    }
    Some(order)
}

/// Puts records in key order, or says what is wrong with them.
fn put_in_order(records: &mut [ShardRecord], operations: &Operations) -> Result<Order, Error> {
    for record in &mut *records {
        record.settle_replicas()?;
        record.expect_room()?;
        if operations.on(record.id).is_none() {
            record.expect_no_operation()?;
        }
    }
    records.sort_unstable_by_key(|record| record.id);
    if let Some(pair) = records.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Err(Error::ShardExists { shard: pair[0].id, range: pair[0].range.clone() });
    }
    records.sort_unstable_by(|one, other| one.range.start().cmp(other.range.start()));
    for pair in records.windows(2) {
        let (owner, next) = (&pair[0], &pair[1]);
        if owner.range.overlaps(&next.range) {
            let (range, owned) = (next.range.clone(), owner.range.clone());
            return Err(Error::Overlap { shard: next.id, range, owner: owner.id, owned });
        }
    }
    Ok(Order::Any)
}

/// The index by id of records in any order of ids.
fn ids_of(records: &[ShardRecord]) -> Result<Ids, Error> {
    let mut by_id: Vec<(ShardId, &ShardRecord)> = records.iter().map(|record| (record.id, record)).collect();
    by_id.sort_unstable_by_key(|(id, _)| *id);
    match by_id.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(Error::ShardExists { shard: pair[0].0, range: pair[0].1.range.clone() }),
        None => Ok(Ids::from_sorted(by_id.into_iter().map(|(id, record)| (id, record.range.start())))),
    }
}

/// What becomes of records in key order: the index, that by id, if their ids ascend, and their sum.
fn take_in(records: Vec<ShardRecord>, ids_ascend: bool) -> (Index, Ids, Sum) {
    let (mut index, mut ids, mut sum) = (index::Builder::default(), ids::Builder::default(), Sum::default());
    let mut rest = records.into_iter();
    while rest.len() > 0 {
        // The last batch is not a small one, so that no leaf is.
        let count = if rest.len() < 2 * BATCH { rest.len() } else { BATCH };
        let batch = &rest.as_slice()[..count];
        index.add(batch);
        if ids_ascend {
            ids.add(batch.iter().map(|record| (record.id, record.range.start())));
        }
        batch.iter().for_each(|record| sum.add(record));
        rest.by_ref().take(count).for_each(drop);
    }
    (index.finish(), ids.finish(), sum)
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
