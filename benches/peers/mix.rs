//! In which order keys are asked for, and how often each.

use std::iter::repeat_with;

use fastrand::Rng;

use crate::workload::keys::Queries;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Mix {
    /// Each once, in no order.
    Uniform,
    /// A few hot ones again and again, scattered over the keyspace.
    Zipf,
    /// Each once, in ascending order.
    Sequential,
}

const EXPONENT: f64 = 0.99;

impl Mix {
    pub(crate) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// As many as are in the pool, which is in no order. They lie in memory as they are asked for.
    pub(crate) fn of(self, pool: &Queries) -> Queries {
        match self {
            Self::Uniform => Queries::of(pool.iter()),
            Self::Zipf => {
                let mut total = 0.0;
                let weights = (1..=pool.len()).map(|rank| (rank as f64).powf(-EXPONENT));
                let upto: Vec<f64> = weights
                    .map(|weight| {
                        total += weight;
                        total
                    })
                    .collect();
                let mut random = Rng::with_seed(0);
                let rank = || {
                    let drawn = random.f64() * total;
                    upto.partition_point(|upto| *upto <= drawn)
                };
                Queries::of(repeat_with(rank).take(pool.len()).map(|rank| pool.at(rank)))
            }
            Self::Sequential => {
                let mut keys: Vec<_> = pool.iter().collect();
                keys.sort_unstable();
                Queries::of(keys)
            }
        }
    }
}
