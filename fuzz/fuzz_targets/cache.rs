//! The question of `tests/checks/cache.rs`, asked of whatever bytes the fuzzer finds: any will do.

#![no_main]
#![allow(dead_code, reason = "the other questions come along")]

#[path = "../../tests/checks/mod.rs"]
mod checks;
#[path = "../../tests/dense/mod.rs"]
mod dense;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::cache::run(bytes));
