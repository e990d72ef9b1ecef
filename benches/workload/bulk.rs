//! Work on many things at once, measured by the thing.

use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput};
use fastrand::Rng;

pub(crate) struct Bulk<'c> {
    pub(crate) criterion: &'c mut Criterion,
    pub(crate) what: &'c str,
    pub(crate) shards: usize,
}

impl Bulk<'_> {
    /// The input is made before the time is taken, and the output freed after it.
    pub(crate) fn run<I, O>(
        &mut self,
        how: &str,
        elements: usize,
        input: impl Fn() -> I,
        routine: impl Fn(I) -> O,
    ) {
        let mut group = self.criterion.benchmark_group(format!("{}/{how}", self.what));
        group.sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(elements as u64));
        group.bench_function(BenchmarkId::from_parameter(self.shards), |bencher| {
            bencher.iter_batched(&input, &routine, BatchSize::PerIteration);
        });
    }
}

pub(crate) fn shuffled<T>(mut items: Vec<T>) -> Vec<T> {
    Rng::with_seed(0).shuffle(&mut items);
    items
}
