//! Two tables and what differs between them: with a common past, and with none.

use shardway::{NodeId, Table};

use super::bulk::Grown;
use crate::dense::check::assert_diff_is_complete;
use crate::dense::follow::assert_moves_are_complete;
use crate::dense::script::Script;

fn changed(mut table: Table, bytes: &[u8]) -> Table {
    let mut script = Script::new(bytes);
    while let Some(changes) = script.transaction(&table) {
        if let Ok((next, _)) = table.apply(&changes) {
            table = next;
        }
    }
    table
}

fn both_ways(one: &Table, other: &Table) {
    assert_diff_is_complete(one, other);
    assert_diff_is_complete(other, one);
    assert_diff_is_complete(one, one);
    assert_moves_are_complete(one, other);
    assert_moves_are_complete(other, one);
}

pub(crate) fn run(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let bytes = &bytes[..bytes.len().min(600)];
    let (past, rest) = bytes.split_at(bytes.len() / 3);
    let (left, right) = rest.split_at(rest.len() / 2);
    if kind % 4 == 0 {
        // Tables of several levels.
        let mut script = Script::new(&past[..past.len().min(24)]);
        let mut grown = Grown::new(&mut script);
        while !script.is_over() {
            grown.change(&mut script);
        }
        let branch = |bytes: &[u8]| {
            let (mut grown, mut script) = (grown.clone(), Script::new(&bytes[..bytes.len().min(18)]));
            while !script.is_over() {
                grown.change(&mut script);
            }
            grown.table
        };
        return both_ways(&branch(left), &branch(right));
    }
    let origin = if kind % 4 == 1 { Table::empty() } else { Table::whole(NodeId(1)) };
    let common = changed(origin, past);
    let other = if kind % 4 == 3 { Table::from_image(common.to_image()).unwrap() } else { common.clone() };
    both_ways(&changed(common, left), &changed(other, right));
}
