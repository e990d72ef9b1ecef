//! How long things took, and what it costs to know.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// The greatest latency that is told from greater ones.
const CEILING: Duration = Duration::from_secs(60);
/// Three: within a thousandth.
const DIGITS: u8 = 3;

/// Latencies in nanoseconds.
#[derive(Clone)]
pub(crate) struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        let made = Histogram::new_with_max(nanoseconds(CEILING), DIGITS);
        Self(made.expect("a minute, to three digits, is within what a histogram can be made for"))
    }
}

impl Latencies {
    #[inline]
    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(nanoseconds(latency));
    }

    pub(crate) fn add(&mut self, others: &Self) {
        self.0.add(&others.0).expect("all histograms have the same bounds");
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that so large a part of all, from 0 to 1, does not exceed.
    pub(crate) fn quantile(&self, part: f64) -> u64 {
        self.0.value_at_quantile(part)
    }

    pub(crate) fn greatest(&self) -> u64 {
        self.0.max()
    }
}

/// What two looks at the clock take: it is in every latency.
pub(crate) fn clock_cost() -> u64 {
    let mut latencies = Latencies::default();
    for _ in 0..100_000 {
        latencies.record(Instant::now().elapsed());
    }
    latencies.quantile(0.5)
}

/// How many a second.
pub(crate) fn rate(count: usize, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { count as f64 / time.as_secs_f64() }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
