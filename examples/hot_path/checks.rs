//! A tally of checks: how many passed, how many did not, and what the first of those had to say.

/// How many failures of each thread are kept as text. One bug fails millions of checks.
const TOLD: usize = 2;

#[derive(Default, Debug)]
pub(crate) struct Checks {
    passed: u64,
    failed: u64,
    first: Vec<String>,
}

impl Checks {
    pub(crate) fn expect(&mut self, holds: bool, failure: impl FnOnce() -> String) {
        if holds {
            self.passed += 1;
            return;
        }
        self.failed += 1;
        if self.first.len() < TOLD {
            self.first.push(failure());
        }
    }

    pub(crate) fn expect_ok(&mut self, result: Result<(), String>) {
        self.expect(result.is_ok(), || result.err().unwrap_or_default());
    }

    pub(crate) fn add(&mut self, others: Self) {
        self.passed += others.passed;
        self.failed += others.failed;
        self.first.extend(others.first);
    }

    pub(crate) fn passed(&self) -> u64 {
        self.passed
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed
    }

    pub(crate) fn first_failures(&self) -> &[String] {
        &self.first
    }
}
