//! The bytes of a key behind the prefix of a node, as far as forks may lie, and what is done with them at all forks at once. What forks
//! are, and what follows from all that, is the business of [`super::forks`]; how it is done on sixty-four bytes where a processor
//! has room for them, that of [`super::wide`].

use super::forks::{WORD, byte_of, fork_of, turns_of};
use super::wide::{LANES, Sixteen};

/// How many sixteens of bytes the forks of a node may lie apart: mostly these, or else one more. With two, more nodes need more, and
/// nobody can guess which; with four for all, all take as long as the longest.
pub(super) const NEAR: usize = 3;
pub(super) const FAR: usize = 4;

/// How many bytes there are at most: a bit for each.
const MOST: usize = 64;

/// A bit for each lane.
const ALL: u64 = (1 << LANES) - 1;

/// See the module. What is said of forks and keys comes as a bit for each of them; bits beyond those that there are mean nothing.
pub(super) trait Stretch: Copy {
    /// Of a key that has at least `base` bytes; zeros behind its end.
    fn of(key: &[u8], base: usize) -> Self;

    /// The forks of a node at which the key does not turn up.
    fn missing<const N: usize>(self, words: &[i64; N]) -> u64;

    /// The keys that turn up at none of these forks. None beyond those that there are.
    fn ways<const N: usize>(words: &[i64; N], missing: u64) -> u64;

    /// How many bytes `key`, whose stretch this is, has in common with another one that has the same `base` bytes, behind these and
    /// as far as this goes; and whether it is not less. The other one's bytes go `onward` beyond its end.
    fn compare(self, key: &[u8], other: &[u8], onward: &[u8], base: usize) -> (usize, bool);

    /// The forks that lie at most so many bytes behind the prefix.
    fn within<const N: usize>(words: &[i64; N], length: usize) -> u64;

    /// Whether two keys, which have so many bytes, have the same ones in between.
    fn agree_between(one: &[u8], other: &[u8], from: usize, to: usize) -> bool;
}

/// How many bytes two have in common at their beginning, but no more than `whole`; and whether the first one is not less. Of so many
/// bytes it is known where they `differ`, and at which of these the first one is `less`; what is said beyond the end of one means
/// nothing.
#[inline(always)]
pub(super) fn parting(differ: u64, less: u64, one: &[u8], other: &[u8], whole: usize) -> (usize, bool) {
    // Where the shorter one ends they differ, and it is less. In arithmetic: nobody can guess which one it is, and where.
    let shorter = one.len().min(other.len());
    let end = if shorter < whole { 1 << shorter } else { 0 };
    let less = less & !end | if one.len() < other.len() { end } else { 0 };
    let differ = differ | end;
    if differ == 0 {
        return (whole, one[whole..] >= other[whole..]);
    }
    (differ.trailing_zeros() as usize, less & differ & differ.wrapping_neg() == 0)
}

/// By sixteens, as many as are there and one after the other.
#[derive(Clone, Copy)]
pub(super) struct Sixteens<S, const REACH: usize>([S; REACH]);

/// Which of sixteen bytes to take so that those from a place on come first, and zeros behind: from that place on.
const ONWARD: [u8; 2 * LANES] = {
    let mut places = [0x80; 2 * LANES];
    let (mut at, mut place) = (0, 0);
    while at < LANES {
        places[at] = place;
        (at, place) = (at + 1, place + 1);
    }
    places
};

impl<S: Sixteen, const REACH: usize> Sixteens<S, REACH> {
    /// Of bytes that go on for long enough behind the end of a key, with whatever is there.
    #[inline(always)]
    fn of_long(bytes: &[u8], base: usize) -> Option<Self> {
        let bytes = bytes.get(base..base + REACH * LANES)?;
        let mut stretch = Self([S::spread(0, 0); REACH]);
        let mut at = 0;
        for sixteen in &mut stretch.0 {
            *sixteen = S::load(bytes, at);
            at += LANES;
        }
        Some(stretch)
    }

    /// The bytes at sixteen places.
    #[inline(always)]
    fn pick(&self, places: S) -> S {
        const { assert!(REACH == NEAR && NEAR == 3 || REACH == FAR && FAR == 4) };
        let [first, second, third, last] = [0, 1, 2, REACH - 1].map(|at| self.0[at].pick(places));
        let lower = first.or_if::<4>(second, places);
        let upper = if REACH == FAR { third.or_if::<4>(last, places) } else { third };
        lower.or_if::<5>(upper, places)
    }
}

impl<S: Sixteen, const REACH: usize> Stretch for Sixteens<S, REACH> {
    /// Does not copy it, since a load that spans several stores has to wait for them.
    #[inline(always)]
    fn of(key: &[u8], base: usize) -> Self {
        let mut stretch = Self([S::spread(0, 0); REACH]);
        let Some(last) = key.len().checked_sub(LANES) else {
            let mut bytes = [0; LANES];
            bytes[..key.len() - base].copy_from_slice(&key[base..]);
            stretch.0[0] = S::load(&bytes, 0);
            return stretch;
        };
        let mut at = base;
        for sixteen in &mut stretch.0 {
            let from = at.min(last);
            *sixteen = S::load(key, from).pick(S::load(&ONWARD, (at - from).min(LANES)));
            at += LANES;
        }
        stretch
    }

    #[inline(always)]
    fn missing<const N: usize>(self, words: &[i64; N]) -> u64 {
        let mut turns = 0;
        for lane in (0..N).step_by(LANES) {
            let found = self.pick(S::of(words, fork_of(lane) / WORD));
            turns |= found.at_least(S::of(words, byte_of(N, lane) / WORD)) << lane;
        }
        !turns
    }

    #[inline(always)]
    fn ways<const N: usize>(words: &[i64; N], missing: u64) -> u64 {
        let none = S::spread(0, 0);
        let mut ways = 0;
        for lane in (0..N).step_by(LANES) {
            let mut lacking = none;
            for plane in 0..N / 8 {
                let turns = S::of(words, turns_of(N, plane, lane) / WORD);
                lacking = lacking.or(turns.and(S::spread(missing, plane)));
            }
            ways |= none.at_least(lacking) << lane;
        }
        ways
    }

    #[inline(always)]
    fn compare(self, key: &[u8], other: &[u8], onward: &[u8], base: usize) -> (usize, bool) {
        let others = match Self::of_long(onward, base) {
            Some(others) => others,
            None => Self::of(other, base),
        };
        let (mut equal, mut not_less, mut at) = (0, 0, 0);
        while at < REACH {
            let (mine, others) = (self.0[at], others.0[at]);
            equal |= mine.equal(others) << (at * LANES);
            not_less |= mine.at_least(others) << (at * LANES);
            at += 1;
        }
        let whole = REACH * LANES;
        let compared = u64::MAX >> (MOST - whole);
        parting(!equal & compared, !not_less, &key[base..], &other[base..], whole)
    }

    #[inline(always)]
    fn within<const N: usize>(words: &[i64; N], length: usize) -> u64 {
        let length = S::spread(length as u64, 0);
        let mut within = 0;
        for lane in (0..N).step_by(LANES) {
            within |= length.at_least(S::of(words, fork_of(lane) / WORD)) << lane;
        }
        within
    }

    #[inline(always)]
    fn agree_between(one: &[u8], other: &[u8], from: usize, to: usize) -> bool {
        let Some(last) = to.checked_sub(2 * LANES) else { return one[from..to] == other[from..to] };
        let same = |at| S::load(one, at).equal(S::load(other, at));
        // Mostly that is all, and how much more there is nobody can guess.
        if same(last) & same(last + LANES) != ALL {
            return false;
        }
        let mut at = from;
        while at < last {
            if same(at) != ALL {
                return false;
            }
            at += LANES;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::index::heads::{INNER, LEAF};
    use crate::table::index::wide::{Even, Lanes, Narrow, Processor, Search};
    use crate::table::random::Random;

    /// All that is asked of a stretch: of words whatever is in them, and of two keys, the same up to `base`.
    #[derive(Clone, Copy)]
    struct All<'k, const N: usize> {
        words: &'k [i64; N],
        missing: u64,
        one: &'k [u8],
        /// The other one, and what lies behind it.
        other: (&'k [u8], &'k [u8]),
        base: usize,
        agreed: usize,
    }

    #[derive(PartialEq, Debug)]
    struct Answers {
        missing: u64,
        ways: u64,
        within: Vec<u64>,
        compared: (usize, bool),
        is_same_between: bool,
    }

    /// Runs where such searches do.
    struct Apart<const REACH: usize, S>(S);

    impl<const N: usize, const REACH: usize> Search<()> for Apart<REACH, All<'_, N>> {
        type Found = Answers;

        #[inline(always)]
        fn run<L: Lanes>(self, (): ()) -> Answers {
            L::apart(Inside::<REACH, _>(self.0), ())
        }
    }

    struct Inside<const REACH: usize, S>(S);

    impl<const N: usize, const REACH: usize> Search<()> for Inside<REACH, All<'_, N>> {
        type Found = Answers;

        #[inline(always)]
        fn run<L: Lanes>(self, (): ()) -> Answers {
            let All { words, missing, one, other: (other, onward), base, agreed } = self.0;
            let stretch = L::Stretch::<REACH>::of(one, base);
            let there = (1 << N) - 1;
            let (same, is_above) = stretch.compare(one, other, onward, base);
            let mut within = Vec::new();
            for length in [0, 1, 17, 47, 48, 63, 64] {
                within.push(L::Stretch::<REACH>::within(words, length) & there);
            }
            Answers {
                missing: stretch.missing(words) & there,
                ways: L::Stretch::<REACH>::ways(words, missing),
                within,
                // Some go further than forks do.
                compared: (same.min(REACH * LANES), is_above),
                is_same_between: L::Stretch::<REACH>::agree_between(one, other, agreed, base),
            }
        }
    }

    /// Whether all say the same, and what is known to be right.
    fn agree<const N: usize, const REACH: usize>(asked: All<'_, N>) {
        let run = || Apart::<REACH, _>(asked);
        let expected = run().run::<Narrow>(());
        let (one, (other, _), base) = (asked.one, asked.other, asked.base);
        let same = one[base..].iter().zip(&other[base..]).take_while(|(one, other)| one == other).count();
        assert_eq!(expected.compared, (same.min(REACH * LANES), one[base..] >= other[base..]));
        assert_eq!(expected.is_same_between, one[asked.agreed..base] == other[asked.agreed..base]);
        assert_eq!(run().run::<Even>(()), expected);
        for processor in Processor::each() {
            assert_eq!(processor.run(run(), ()), expected);
        }
    }

    /// Places that are close enough, then whatever there may be.
    fn words<const N: usize, const REACH: usize>(random: &mut Random) -> [i64; N] {
        let mut bytes = |most| std::array::from_fn(|_| u8::try_from(random.below(most)).unwrap_or(0));
        std::array::from_fn(|word| {
            let most = if word < byte_of(N, 0) / WORD { REACH * LANES } else { 256 };
            i64::from_le_bytes(bytes(most))
        })
    }

    fn agree_on_random_ones<const N: usize, const REACH: usize>() {
        let mut random = Random(N as u64 * 8 + REACH as u64);
        for _ in 0..if cfg!(miri) { 6 } else { 20_000 } {
            let words = words::<N, REACH>(&mut random);
            let base = [0, 1, 15, 16, 33, 64, 65, 130][random.below(8)];
            let lengths = [0, 1, 15, 16, 47, 48, 49, 63, 64, 65, 100];
            let key = |random: &mut Random| vec![b'k'; base + lengths[random.below(lengths.len())]];
            let (mut one, mut other) = (key(&mut random), key(&mut random));
            for key in [&mut one, &mut other] {
                for _ in 0..random.below(3) {
                    if let Some(behind) = (key.len() - base).checked_sub(1) {
                        key[base + random.below(behind + 1)] = random.one_of(&[0, b'k', 0xff]);
                    }
                }
            }
            let agreed = random.below(base + 1);
            if agreed < base && random.below(4) == 0 {
                one[agreed + random.below(base - agreed)] = b'l';
            }
            let missing = (0..8).fold(0, |bits, at| bits | (random.below(256) as u64) << (at * 8))
                & [u64::MAX, 1, 0][random.below(3)];
            let (length, behind) = (other.len(), random.below(100));
            other.extend(std::iter::repeat_n(random.one_of(&[0, b'k', 0xff]), behind));
            let other = (&other[..length], &other[..]);
            agree::<N, REACH>(All { words: &words, missing, one: &one, other, base, agreed });
        }
    }

    #[test]
    fn every_processor_sees_the_same_in_a_stretch() {
        agree_on_random_ones::<INNER, NEAR>();
        agree_on_random_ones::<INNER, FAR>();
        agree_on_random_ones::<LEAF, NEAR>();
        agree_on_random_ones::<LEAF, FAR>();
    }
}
