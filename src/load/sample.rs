//! Where in a shard its load is: some of the keys that were asked for, each with the share of the load that it stands for.

use std::collections::BTreeMap;

use crate::key::{Key, KeyEnd, KeyRange};

/// How many keys are kept of one shard.
const MOST: usize = 128;
/// With fewer samples nothing is said.
const FEW: usize = 8;
/// The lighter side of a cut has at least this share of the load.
const LEAST_SHARE: f64 = 0.2;

/// Keys with weights, which fade as the load does.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Samples(Vec<(Key, f64)>);

/// Where to cut a shard in two, and which share of its load the lower part has.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Cut {
    pub(super) at: Key,
    pub(super) below: f64,
}

impl Samples {
    pub(super) fn push(&mut self, key: Key, weight: f64) {
        self.0.push((key, weight));
        if self.0.len() > 2 * MOST {
            self.thin_out();
        }
    }

    pub(super) fn fade(&mut self, left: f64) {
        self.0.iter_mut().for_each(|(_, weight)| *weight *= left);
    }

    pub(super) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
        if self.0.len() > 2 * MOST {
            self.thin_out();
        }
    }

    /// How many requests they stand for.
    pub(super) fn weight(&self) -> f64 {
        self.0.iter().map(|(_, weight)| weight).sum()
    }

    /// Keeps the heaviest, which are the newest, and of equals the last that came; they stand for the others too.
    fn thin_out(&mut self) {
        let before = self.weight();
        self.0.reverse();
        self.0.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        self.0.truncate(MOST);
        self.0.reverse();
        let (now, whole) = (self.weight(), before);
        if now > 0.0 {
            self.fade(whole / now);
        }
    }

    /// Takes out the keys of a range.
    pub(super) fn split_off(&mut self, range: KeyRange<&[u8]>) -> Self {
        let (off, rest) = std::mem::take(&mut self.0).into_iter().partition(|(key, _)| range.contains(key));
        self.0 = rest;
        Self(off)
    }

    /// Where half of the load is below, as nearly as keys allow: not at all where one key has most of it. The shortest such key.
    pub(super) fn cut(&self, range: KeyRange<&[u8]>) -> Option<Cut> {
        let mut by_key = BTreeMap::<&Key, f64>::new();
        for (key, weight) in self.0.iter().filter(|(key, _)| range.contains(key)) {
            *by_key.entry(key).or_default() += weight;
        }
        let total = by_key.values().sum::<f64>();
        if self.0.len() < FEW || total <= 0.0 {
            return None;
        }
        let (mut below, mut best) = (0.0, None::<(f64, f64, &Key, &Key)>);
        for ((before, weight), after) in by_key.iter().zip(by_key.keys().skip(1)) {
            below += weight;
            let off = (below / total - 0.5).abs();
            if best.is_none_or(|(least, ..)| off < least) {
                best = Some((off, below, *before, *after));
            }
        }
        let (off, below, before, after) = best?;
        (off <= 0.5 - LEAST_SHARE).then(|| Cut { at: separator(before, after), below: below / total })
    }
}

/// The shortest key above the one and not above the other, which is greater.
fn separator(before: &Key, after: &Key) -> Key {
    let between = KeyRange::new(before.clone(), KeyEnd::At(after.clone())).and_then(|range| range.midpoint());
    between.ok().filter(|key| key.as_bytes().len() < after.as_bytes().len()).unwrap_or_else(|| after.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(keys: impl IntoIterator<Item = (u8, u32)>) -> Samples {
        let mut samples = Samples::default();
        for (key, weight) in keys {
            samples.push(Key::from([key]), f64::from(weight));
        }
        samples
    }

    fn cut(samples: &Samples) -> Option<(Key, f64)> {
        samples.cut(KeyRange::full().as_bytes()).map(|cut| (cut.at, cut.below))
    }

    #[test]
    fn a_cut_halves_the_load_and_not_the_keys() {
        let even = samples((0..100).map(|key| (key, 1)));
        assert_eq!(cut(&even), Some((Key::from([50]), 0.5)));
        let skewed = samples((0..100).map(|key| (key, if key < 10 { 9 } else { 1 })));
        assert_eq!(cut(&skewed), Some((Key::from([10]), 0.5)));
        let in_part = even.cut(KeyRange::from([80]..).as_bytes()).unwrap();
        assert_eq!((in_part.at, in_part.below), (Key::from([90]), 0.5));
    }

    #[test]
    fn a_load_that_can_not_be_halved_is_not_cut() {
        assert_eq!(cut(&samples((0..50).map(|_| (7, 1)))), None, "one key");
        assert_eq!(
            cut(&samples((0..50).map(|key| (key, if key == 20 { 1_000 } else { 1 })))),
            None,
            "mostly one"
        );
        assert_eq!(cut(&samples((0..7).map(|key| (key, 1)))), None, "too few to say");
        assert_eq!(cut(&Samples::default()), None);
        assert_eq!(cut(&samples((0..10).map(|key| (key, 0)))), None, "faded away");
    }

    #[test]
    fn thinning_out_keeps_the_newest_and_the_sum() {
        let mut samples = samples((0..200).map(|_| (1, 1)));
        samples.fade(0.5);
        (0..100).for_each(|_| samples.push(Key::from([2]), 1.0));
        assert!(samples.0.len() <= 2 * MOST);
        assert!((samples.weight() - 200.0).abs() < 1e-9);
        assert!(samples.0.iter().filter(|(key, _)| *key == Key::from([2])).count() > 50);
    }

    #[test]
    fn the_shortest_key_between_two_is_taken() {
        let key = |text: &str| Key::from(text);
        assert_eq!(separator(&key("user/000123/a"), &key("user/999/b")), key("user/5"));
        assert_eq!(separator(&key("a"), &key("b")), key("b"));
        assert_eq!(separator(&key("a"), &key("a\0")), key("a\0"));
    }

    #[test]
    fn parts_have_shares() {
        let mut all = samples((0..100).map(|key| (key, 1)));
        let upper = all.split_off(KeyRange::from([75]..).as_bytes());
        assert_eq!((upper.weight(), all.weight()), (25.0, 75.0));
    }
}
