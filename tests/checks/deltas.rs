//! Deltas: in order and over several versions they lead a copy to the very table; one that is lost or for another table is
//! refused; and what is altered, put on a wrong table or made up is refused, or leads to a table that is sound.

use shardway::{Delta, Error, NodeId, Table};

use super::bulk::Grown;
use crate::dense::follow::{assert_delta_leads, copy};
use crate::dense::script::Script;

/// A table and what became of it, each version one revision later.
fn versions(kind: u8, bytes: &[u8]) -> Vec<Table> {
    let mut script = Script::new(bytes);
    let mut versions = vec![if kind % 4 == 1 { Table::empty() } else { Table::whole(NodeId(1)) }];
    if kind % 4 == 0 {
        let mut grown = Grown::new(&mut script);
        while !script.is_over() {
            grown.change(&mut script);
            versions.push(grown.table.clone());
        }
    }
    while let Some(changes) = script.transaction(&versions[versions.len() - 1]) {
        if let Ok((next, _)) = versions[versions.len() - 1].apply(&changes) {
            versions.push(next);
        }
    }
    versions.dedup();
    versions
}

fn check_in_order(versions: &[Table]) {
    let mut follower = copy(&versions[0]);
    for pair in versions.windows(2) {
        let delta = pair[0].delta(&pair[1]);
        let before = follower.clone();
        follower = follower.apply_delta(&delta).expect("the delta that is due");
        assert_eq!(follower, pair[1]);
        let again = Error::StaleRevision { expected: delta.from, found: delta.to };
        assert_eq!(follower.apply_delta(&delta), Err(again), "it came twice");
        assert_eq!(before, pair[0], "an old version has changed");
    }
    follower.verify().unwrap();
}

/// Makes a delta believable at each place where it says which tables it is about, as whoever forges one would.
fn force(table: &Table, mut delta: Delta) {
    (delta.from, delta.from_digest) = (table.revision(), table.digest());
    for _ in 0..2 {
        match table.apply_delta(&delta) {
            Ok(led) => return led.verify().unwrap(),
            Err(Error::OtherTable { found, .. }) => delta.to_digest = found,
            Err(_) => return,
        }
    }
    unreachable!("it was told the digest");
}

/// The delta with some bytes altered.
fn altered(delta: &Delta, places: &[u8]) -> Option<Delta> {
    let mut written = postcard::to_allocvec(delta).unwrap();
    for change in places.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([change[0], change[1]])) % written.len();
        written[place] = change[2];
    }
    postcard::from_bytes(&written).ok()
}

fn round_trip(delta: &Delta) {
    assert_eq!(&postcard::from_bytes::<Delta>(&postcard::to_allocvec(delta).unwrap()).unwrap(), delta);
    assert_eq!(&serde_json::from_slice::<Delta>(&serde_json::to_vec(delta).unwrap()).unwrap(), delta);
}

pub(crate) fn run(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let longest = if kind % 4 == 0 { 36 } else { 300 };
    let (script, places) = bytes.split_at(bytes.len().min(longest) / 2);
    let versions = versions(*kind, script);
    check_in_order(&versions);

    let mut draws = Script::new(places);
    let mut any = || &versions[draws.below(versions.len().min(256))];
    for _ in 0..4 {
        let (old, new, other) = (any(), any(), any());
        assert_delta_leads(old, new);
        let delta = old.delta(new);
        round_trip(&delta);
        let mut onward = delta.clone();
        onward.to = other.revision().max(delta.to) + 1;
        onward.next_id = delta.next_id.max(other.to_image().next_id);
        onward.floor = other.to_image().floor;
        for hostile in [Some(delta.clone()), Some(onward), altered(&delta, places)].into_iter().flatten() {
            force(other, hostile.clone());
            force(old, hostile);
        }
    }
    if let Ok(delta) = postcard::from_bytes::<Delta>(bytes) {
        force(&versions[versions.len() - 1], delta);
    }
    if let Ok(delta) = serde_json::from_slice::<Delta>(bytes) {
        force(&versions[versions.len() - 1], delta);
    }
}
