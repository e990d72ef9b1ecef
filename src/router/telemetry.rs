//! What publishing tells of itself, to the subscriber of `tracing` (feature `tracing`) and the recorder of `metrics` (feature
//! `metrics`) that the program has installed; without these features, nothing. Look-ups never come by here.
//!
//! All is told after the fact and under no lock: a subscriber or recorder may look keys up and publish, and one that panics is
//! heard of in the writer's own panic, when the table is published or refused already.

use crate::error::Error;
use crate::table::Table;

use super::Retained;

/// One call that is to publish, from its beginning to what came of it.
pub(crate) struct Telling {
    #[cfg(feature = "tracing")]
    span: tracing::span::EnteredSpan,
    /// The core reads no clock; who measures how long publishing takes has to.
    #[cfg(feature = "metrics")]
    began: std::time::Instant,
    retries: u64,
}

impl Telling {
    pub(super) fn begin() -> Self {
        Self {
            #[cfg(feature = "tracing")]
            span: {
                use tracing::field::Empty;
                tracing::debug_span!(
                    "publish",
                    base = Empty,
                    revision = Empty,
                    shards = Empty,
                    retries = Empty
                )
                .entered()
            },
            #[cfg(feature = "metrics")]
            began: std::time::Instant::now(),
            retries: 0,
        }
    }

    /// Another writer was faster.
    pub(super) fn retry(&mut self) {
        self.retries += 1;
        #[cfg(feature = "metrics")]
        metrics::counter!(RETRIES).increment(1);
    }

    pub(super) fn published(self, base: u64, revision: u64, shards: usize) {
        #[cfg(feature = "metrics")]
        {
            metrics::counter!(PUBLISHES).increment(1);
            #[allow(clippy::cast_precision_loss, reason = "gauges are floats")]
            for (gauge, value) in [(REVISION, revision as f64), (SHARDS, shards as f64)] {
                metrics::gauge!(gauge).set(value);
            }
            metrics::histogram!(SECONDS).record(self.began.elapsed().as_secs_f64());
        }
        #[cfg(feature = "tracing")]
        {
            let Self { span, retries, .. } = &self;
            span.record("base", base)
                .record("revision", revision)
                .record("shards", shards)
                .record("retries", retries);
            tracing::debug!(base, revision, shards, retries, "published");
        }
        let _ = (base, revision, shards, self.retries);
    }

    pub(super) fn refused(&self, table: &Table, error: &Error) {
        #[cfg(feature = "tracing")]
        self.span.record("base", table.revision()).record("retries", self.retries);
        let _ = table;
        refused(error);
    }
}

/// Something was asked for and refused.
pub(crate) fn refused(error: &Error) {
    #[cfg(feature = "metrics")]
    metrics::counter!(REFUSALS, "kind" => error.kind()).increment(1);
    #[cfg(feature = "tracing")]
    tracing::info!(kind = error.kind(), reason = %error, "refused");
    let _ = error;
}

/// Somebody has looked what replaced tables keep.
pub(super) fn retained(retained: &Retained) {
    #[cfg(feature = "metrics")]
    #[allow(clippy::cast_precision_loss, reason = "gauges are floats")]
    for (gauge, value) in [(TABLES, retained.tables as f64), (BYTES, retained.bytes as f64)] {
        metrics::gauge!(gauge).set(value);
    }
    let _ = retained;
}

#[cfg(feature = "metrics")]
mod names {
    pub(super) const REVISION: &str = "shardway_revision";
    pub(super) const SHARDS: &str = "shardway_shards";
    pub(super) const PUBLISHES: &str = "shardway_publishes_total";
    pub(super) const RETRIES: &str = "shardway_retries_total";
    pub(super) const REFUSALS: &str = "shardway_refusals_total";
    pub(super) const TABLES: &str = "shardway_retained_tables";
    pub(super) const BYTES: &str = "shardway_retained_bytes";
    pub(super) const SECONDS: &str = "shardway_publish_seconds";
}
#[cfg(feature = "metrics")]
use names::{BYTES, PUBLISHES, REFUSALS, RETRIES, REVISION, SECONDS, SHARDS, TABLES};

/// Tells the recorder of `metrics` what each of this library's metrics is. To be called once, when the recorder is installed.
///
/// | metric | kind | |
/// |---|---|---|
/// | `shardway_publishes_total` | counter | tables that were published |
/// | `shardway_retries_total` | counter | times that a writer began again, since another one was faster |
/// | `shardway_refusals_total` | counter | transactions, deltas and routes that were refused, by `kind`: [`Error::kind`] |
/// | `shardway_publish_seconds` | histogram | how long a call that published took, from its beginning on |
/// | `shardway_revision`, `shardway_shards` | gauges | of the table that was published last |
/// | `shardway_retained_tables`, `shardway_retained_bytes` | gauges | what `Router::retained` said last |
///
/// Ask [`Router::retained`](super::Router::retained) before each scrape.
///
/// Counters and the histogram are sums over all routers and caches of the process, and gauges are of the one that told last: where
/// several matter, let a recorder's own scope or labels tell them apart, or read each router's `revision` and `retained` instead.
#[cfg(feature = "metrics")]
pub fn describe_metrics() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!(PUBLISHES, "tables that were published");
    describe_counter!(RETRIES, "times that a writer began again, since another one was faster");
    describe_counter!(REFUSALS, "transactions, deltas and routes that were refused, by kind");
    describe_histogram!(SECONDS, Unit::Seconds, "how long a call that published took");
    describe_gauge!(REVISION, "of the table that was published last");
    describe_gauge!(SHARDS, "in the table that was published last");
    describe_gauge!(TABLES, "replaced tables that are still in memory");
    describe_gauge!(BYTES, Unit::Bytes, "what replaced tables keep in memory, about");
}
