//! All changes, in any order, against the dense model of the property tests, with every index and every old version checked
//! after each transaction. Any bytes are a script.
//!
//! `cargo fuzz run changes` (with nightly), or `cargo fuzz run -s none changes` on stable. What it finds becomes a test in
//! `tests/properties.rs` by handing the bytes to `run`.

#![no_main]

#[path = "../../tests/dense/mod.rs"]
mod dense;

use dense::Dense;
use dense::check::run;
use libfuzzer_sys::fuzz_target;
use shardway::{NodeId, Table};

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((0..128, script)) => run(script, Table::whole(NodeId(1)), Dense::whole(NodeId(1))),
        Some((_, script)) => run(script, Table::empty(), Dense::empty()),
        None => return,
    };
});
