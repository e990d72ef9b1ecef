//! What reading hostile bytes allocates: never much more than there are, whatever they promise. A decoder that believed a
//! length would ask for all of it.

#![cfg(feature = "serde")]

mod counting;

use serde::de::DeserializeOwned;
use shardway::{Change, Delta, KeyRange, Node, Operation, ShardRecord, Table, TableImage};

/// What a decoder may set aside for a sequence before it has seen its items: serde stops at a mebibyte for each, and the
/// deepest types have three inside each other.
const AHEAD: usize = 4 << 20;

fn read<T: DeserializeOwned>(bytes: &[u8]) -> usize {
    counting::peak(|| {
        let _ = postcard::from_bytes::<T>(bytes);
        let _ = serde_json::from_slice::<T>(bytes);
    })
}

fn assert_modest(bytes: &[u8], what: &str) {
    let peaks = [
        read::<Table>(bytes),
        read::<TableImage>(bytes),
        read::<Change>(bytes),
        read::<ShardRecord>(bytes),
        read::<Operation>(bytes),
        read::<KeyRange>(bytes),
        read::<Node>(bytes),
        read::<Delta>(bytes),
    ];
    for peak in peaks {
        assert!(peak <= AHEAD + 64 * bytes.len(), "{peak} bytes for {} of {what}", bytes.len());
    }
}

/// A number as postcard writes it: seven bits at a time.
fn number(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or(0));
    bytes
}

#[test]
fn promises_of_more_are_not_believed() {
    let written = postcard::to_allocvec(&Table::whole(shardway::NodeId(1))).unwrap();
    for promised in [1 << 20, 1 << 32, 1 << 40, u64::MAX] {
        let length = number(promised);
        // At every place where a length might be, and in place of all that follows.
        for place in 0..=written.len() {
            assert_modest(&[&written[..place], &length, &written[place..]].concat(), "a length put in");
            assert_modest(&[&written[..place], &length].concat(), "a length at the end");
        }
    }
}

#[test]
fn depth_and_size_cost_no_more_than_they_are() {
    assert_modest("[".repeat(200_000).as_bytes(), "brackets");
    assert_modest(r#"{"shards":"#.repeat(20_000).as_bytes(), "tables inside tables");
    assert_modest(&[0xff; 100_000], "ones");
    assert_modest(&[0; 100_000], "zeros");
    let long = format!(r#"{{"start":"{}","end":null}}"#, "x".repeat(1 << 20));
    assert_modest(long.as_bytes(), "a long key");
}
