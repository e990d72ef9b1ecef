//! Changes, records and whole tables as text and as bytes, and back; and what is altered on the way is refused.

#![cfg(feature = "serde")]

use serde::Serialize;
use serde::de::DeserializeOwned;
use shardway::{
    Change, Epoch, Key, KeyRange, Naming, NodeId, Policy, Progress, ShardId, ShardRecord, Table, Timestamp,
};

fn table() -> Table {
    let table = Table::whole(NodeId(1));
    let (table, _) = table
        .apply(&[
            Change::split_naming(ShardId(1), b"m\x00\xff", Naming::KeepLower).at(Timestamp(7)),
            Change::add_replica(ShardId(2), NodeId(3)),
            Change::begin_split(ShardId(1), "c", Naming::Fresh),
            Change::begin_transfer(ShardId(2), NodeId(2)).at(Timestamp(8)),
            Change::report_progress(ShardId(2), Progress::new(0.1).unwrap()).at(Timestamp(9)),
        ])
        .unwrap();
    table
}

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    let bytes = postcard::to_allocvec(value).unwrap();
    assert_eq!(&postcard::from_bytes::<T>(&bytes).unwrap(), value);
}

#[test]
fn everything_round_trips_as_text_and_as_bytes() {
    let table = table();
    round_trip(&table);
    round_trip(&table.to_image());
    round_trip(&table.shard(ShardId(2)).unwrap().to_record());
    for key in [Key::empty(), Key::from([0, 0xff, b'\\', b'"']), Key::from("ключ")] {
        round_trip(&key);
        round_trip(&KeyRange::from(key..));
    }
    for change in [
        Change::register(ShardRecord::new(ShardId(3), KeyRange::full(), NodeId(1))),
        Change::split(ShardId(1), b"\xff").at(Timestamp(3)),
        Change::merge(ShardId(1), ShardId(2)).if_revision(5).if_version(ShardId(1), 2),
        Change::report_progress(ShardId(1), Progress::ALL).if_epoch(ShardId(1), Epoch::FIRST),
    ] {
        round_trip(&change);
    }
}

#[test]
fn text_is_made_for_people() {
    let change = Change::split(ShardId(7), b"user/\x00").at(Timestamp(3));
    let text = r#"{"action":{"split":{"shard":7,"at":"user/\\x00","naming":"fresh"}},"at":3,"expect":[]}"#;
    assert_eq!(serde_json::to_string(&change).unwrap(), text);
    let short = r#"{"action":{"split":{"shard":7,"at":"m","naming":"fresh"}}}"#;
    assert_eq!(serde_json::from_str::<Change>(short).unwrap(), Change::split(ShardId(7), "m"));
}

#[test]
fn what_is_loaded_is_validated() {
    let refused = |from: &str, to: &str| {
        let text = serde_json::to_string(&table()).unwrap();
        assert!(text.contains(from), "{text}");
        serde_json::from_str::<Table>(&text.replacen(from, to, 1)).expect_err("it is altered").to_string()
    };
    assert!(
        refused(r#""state":"splitting""#, r#""state":"active""#)
            .contains("is active while a split is under way")
    );
    assert!(refused(r#""next_id":3"#, r#""next_id":1"#).contains("in use"));
    assert!(refused(r#""id":2"#, r#""id":1"#).contains("exists already"));
    assert!(refused(r#""progress":0.1"#, r#""progress":1.1"#).contains("between 0 and 1"));
    assert!(
        refused(r#""start":"m\\x00\\xff","end":null"#, r#""start":"b","end":"a""#).contains("holds no key")
    );
    assert!(refused(r#""start":"m\\x00\\xff""#, r#""start":"l""#).contains("overlaps"));
    assert!(refused(r#""revision":2"#, r#""revision":2,"colour":"blue""#).contains("unknown field"));
    assert!(refused(r#"m\\x00"#, r#"m\\x0"#).contains("not a key"));
    assert!(serde_json::from_str::<Policy>("{}").is_err());
}
