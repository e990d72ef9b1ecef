//! Taking turns: what is compared is measured in the same seconds, and an outlier is outvoted.

use std::time::{Duration, Instant};

/// Lets everyone have a turn in each round, and gives the median of what each one's turns came to.
pub(crate) fn medians<C>(
    rounds: usize,
    contenders: &mut [C],
    mut turn: impl FnMut(&mut C) -> f64,
) -> Vec<f64> {
    let mut figures = vec![Vec::with_capacity(rounds); contenders.len()];
    for _ in 0..rounds {
        for (contender, figures) in contenders.iter_mut().zip(&mut figures) {
            figures.push(turn(contender));
        }
    }
    figures.into_iter().map(median).collect()
}

pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Look-ups that are timed as one: so few that most blocks are over before the scheduler takes the core away.
const BLOCK: usize = 1 << 10;

/// What one look-up takes in the middle one of all blocks. Everything is done once before, for the contender before has left
/// the caches full of its own: that is no property of this one.
pub(crate) fn warm<T>(all: &[T], mut work: impl FnMut(&[T])) -> f64 {
    work(all);
    median(all.chunks(BLOCK).map(|block| each(block.len(), || work(block))).collect())
}

/// What one look-up takes each of two who take turns block by block, each with every block in the end: for two who look into the
/// same table and are nearly equal.
pub(crate) fn side_by_side<C, T>(
    rounds: usize,
    mut contenders: [&mut C; 2],
    all: &[T],
    work: impl Fn(&mut C, &[T]),
) -> [f64; 2] {
    contenders.iter_mut().for_each(|contender| work(contender, all));
    let mut figures = [Vec::new(), Vec::new()];
    for round in 0..2 * rounds {
        for (place, block) in all.chunks(4 * BLOCK).enumerate() {
            let who = (place + round) % 2;
            figures[who].push(each(block.len(), || work(contenders[who], block)));
        }
    }
    figures.map(median)
}

/// What each of so many took.
pub(crate) fn each(count: usize, work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    nanoseconds(began.elapsed()) / count as f64
}

pub(crate) fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
