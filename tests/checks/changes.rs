//! All changes, in any order, against the dense model, with every index checked after each transaction and every old version
//! at the end.

use shardway::{NodeId, Table};

use crate::dense::{Dense, check};

pub(crate) fn run(bytes: &[u8]) {
    match bytes.split_first() {
        Some((0..128, script)) => check::run(script, Table::whole(NodeId(1)), Dense::whole(NodeId(1))),
        Some((_, script)) => check::run(script, Table::empty(), Dense::empty()),
        None => return,
    };
}
