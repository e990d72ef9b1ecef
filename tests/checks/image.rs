//! What is read from bytes that anybody may have written: an error, or something sound that is written as it was read.

use serde::Serialize;
use serde::de::DeserializeOwned;
use shardway::{Change, Key, KeyRange, Node, NodeId, Operation, ShardRecord, Table, TableImage, Token};

use crate::dense::script::Script;

/// Whether both forms of a value are read as what it is.
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_vec(value).unwrap();
    assert_eq!(&serde_json::from_slice::<T>(&text).unwrap(), value);
    let bytes = postcard::to_allocvec(value).unwrap();
    assert_eq!(&postcard::from_bytes::<T>(&bytes).unwrap(), value);
}

fn read<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(bytes) {
        round_trip(&value);
    }
    if let Ok(value) = postcard::from_bytes::<T>(bytes) {
        round_trip(&value);
    }
}

/// A table is sound however it was read, and so is what comes of it.
fn read_table(bytes: &[u8]) {
    for table in
        [serde_json::from_slice::<Table>(bytes).ok(), postcard::from_bytes(bytes).ok()].into_iter().flatten()
    {
        table.verify().unwrap();
        round_trip(&table);
        for shard in table.shards() {
            assert_eq!(table.resolve(shard.start()), Ok(shard.route()));
        }
        for passing in table.passings() {
            let _ = table.fate(Token {
                shard: passing.shard,
                epoch: shardway::Epoch { range: passing.epoch, members: 1 },
            });
        }
        if let Some(shard) = table.shards().next() {
            // Counters may be at their end: an error, and never a table that is broken.
            let changes =
                [Change::split(shard.id(), shard.range().to_key_range().midpoint().unwrap_or(Key::empty()))];
            if let Ok((next, _)) = table.apply(&changes) {
                next.verify().unwrap();
            }
        }
    }
}

/// What a script makes of a table, in both forms, with some bytes altered.
fn altered(bytes: &[u8]) {
    let (script, places) = bytes.split_at(bytes.len() / 2);
    let mut script = Script::new(script);
    let mut table = Table::whole(NodeId(1));
    while let Some(changes) = script.transaction(&table) {
        table = table.apply(&changes).map_or(table, |(next, _)| next);
    }
    round_trip(&table);
    for mut written in [serde_json::to_vec(&table).unwrap(), postcard::to_allocvec(&table).unwrap()] {
        for change in places.chunks_exact(3) {
            let place = usize::from(u16::from_be_bytes([change[0], change[1]])) % written.len();
            written[place] = change[2];
        }
        read_table(&written);
    }
}

pub(crate) fn run(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 8 {
        0 => read_table(bytes),
        1 => read::<Change>(bytes),
        2 => read::<ShardRecord>(bytes),
        3 => read::<Operation>(bytes),
        4 => read::<KeyRange>(bytes),
        5 => read::<TableImage>(bytes),
        6 => read::<Node>(bytes),
        _ => altered(&bytes[..bytes.len().min(300)]),
    }
}
