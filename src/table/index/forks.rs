//! Telling the keys of a node apart where eight bytes do not do: by one byte for each two neighbours, the first on which they
//! differ. These bytes of a key that is looked for are picked and compared at once, and say which way it would turn at every fork in
//! the trie of all keys. Of the keys whose turns are among them the last is the one that it has most in common with; a comparison
//! with that one tells how much, and so between which two keys it belongs. No branch depends on the key.
//!
//! That is the blind search of String B-trees (Ferragina and Grossi, 1999) in a Patricia trie (Morrison, 1968), which finds one key
//! by what may be known of few bytes and then compares once; the search for all keys at once whose turns are among those taken
//! is that of HOT (Binna and others, 2018), on bytes instead of bits.
//!
//! All of it lies in the words that otherwise hold heads, as bytes of which the first is the lowest of a word, sixteen lanes after
//! the other: the place of each fork, the byte there, and a bit for each fork at which the key of a lane turns up, in planes of
//! eight. What is done with all forks at once is the business of [`super::stretch`].

use super::keys::Keys;
use super::stretch::{FAR, NEAR, Stretch};
use super::wide::LANES;

/// How many bytes a word has.
pub(super) const WORD: usize = size_of::<u64>();

/// What tells the keys of a node apart.
pub(super) struct Forks<const N: usize> {
    pub(super) words: [i64; N],
    /// Whether all lie as close as [`NEAR`] says.
    pub(super) are_near: bool,
}

impl<const N: usize> Forks<N> {
    const FITS: () = assert!(turns_of(N, N / 8, 0) <= N * WORD && N % 8 == 0 && N < 64);

    /// For `len` keys, of which the first takes no part, and all others agree on their first `base` bytes. `None` if they part too
    /// far behind that. O(bytes on which neighbours agree).
    pub(super) fn of<'k>(len: usize, base: usize, key: &impl Fn(usize) -> &'k [u8]) -> Option<Self> {
        let () = Self::FITS;
        let mut forks = Self { words: [0; N], are_near: true };
        // The bit of the first key stands for a turn that none takes, and so for no key.
        let mut turns = [1_u64; N];
        turns[1..len.min(2)].fill(0);
        for place in 2..len {
            let at = agreed(key(place - 1), key(place), base);
            let distance = u8::try_from(at - base).ok().filter(|at| usize::from(*at) < FAR * LANES)?;
            forks.are_near &= usize::from(distance) < NEAR * LANES;
            forks.set(fork_of(place), distance);
            forks.set(byte_of(N, place), *key(place).get(at)?);
            // The way to a key is that to the one before up to the fork of both.
            let mut way = turns[place - 1];
            while let Some(last) = way.checked_ilog2() {
                if byte(&forks.words, fork_of(last as usize)) < distance {
                    break;
                }
                way &= !(1 << last);
            }
            turns[place] = way | 1 << place;
        }
        for lane in 0..lanes(N) {
            let turns = turns.get(lane).copied().unwrap_or(1).to_le_bytes();
            for (plane, turns) in turns.into_iter().take(N / 8).enumerate() {
                forks.set(turns_of(N, plane, lane), turns);
            }
        }
        Some(forks)
    }

    fn set(&mut self, at: usize, byte: u8) {
        let (word, shift) = (&mut self.words[at / WORD], at % WORD * 8);
        *word = *word & !(0xff << shift) | i64::from(byte) << shift;
    }
}

#[inline(always)]
fn byte<const N: usize>(words: &[i64; N], at: usize) -> u8 {
    (words[at / WORD] >> (at % WORD * 8)).to_le_bytes()[0]
}

/// How many lanes there are: a multiple of sixteen.
pub(super) const fn lanes(most: usize) -> usize {
    units(most) * LANES
}

/// How many times sixteen lanes there are.
const fn units(most: usize) -> usize {
    most.div_ceil(LANES)
}

/// Where it is said how far behind the prefix the key of a lane and the one before part. For the first two, and where there is no key,
/// that is no way.
pub(super) const fn fork_of(lane: usize) -> usize {
    lane
}

/// Where the byte is that the key has there. The one before has less, or has ended.
pub(super) const fn byte_of(most: usize, lane: usize) -> usize {
    units(most) * LANES + lane
}

/// Where the bits are of eight forks.
pub(super) const fn turns_of(most: usize, plane: usize, lane: usize) -> usize {
    (2 + plane) * units(most) * LANES + lane
}

/// What a key that is looked for is known to have in common with all but the first, and what these have among each other.
#[derive(Clone, Copy)]
pub(super) struct Common {
    pub(super) agreed: usize,
    pub(super) base: usize,
}

/// How many of `len` keys are at most `key`, which is not less than the first; and how many bytes it is known to have in common
/// with the keys on both sides of it, if both are among these and not the first.
#[inline(always)]
pub(super) fn rank<S: Stretch, const N: usize>(
    words: &[i64; N],
    len: usize,
    common: Common,
    key: &[u8],
    keys: &Keys,
) -> (usize, usize) {
    let Common { agreed, base } = common;
    if key.len() < base {
        return outside(len, common, key, keys);
    }
    keys.prefetch_offsets();
    let stretch = S::of(key, base);
    let ways = S::ways(words, stretch.missing(words) | 1);
    // The second key turns up nowhere, so it is always one of them.
    let nearest = 63 - (ways | 2).leading_zeros() as usize;
    let (other, onward) = keys.get_and_onward(nearest);
    if agreed < base && !S::agree_between(key, other, agreed, base) {
        return outside(len, common, key, keys);
    }
    let (length, is_above) = stretch.compare(key, other, onward, base);
    let ends = S::within(words, length) | 1 << len;
    // Keys that have more in common with the nearest than this one has are all on one side of it.
    let upto = (2 << nearest) - 1;
    let below = 63 - (ends & upto | 2).leading_zeros();
    let above = (ends & !upto).trailing_zeros();
    // In arithmetic: nobody can guess on which side.
    let rank = (below ^ (below ^ above) & u32::from(is_above).wrapping_neg()) as usize;
    (rank, agreed.max(base + usize::from(byte(words, fork_of(rank.min(N - 1))))))
}

/// [`rank`] of a key that departs from all others before they do, forks or not.
#[inline(never)]
pub(super) fn outside(len: usize, common: Common, key: &[u8], keys: &Keys) -> (usize, usize) {
    let prefix = &keys.get(1)[..common.base];
    (if key < prefix { 1 } else { len }, common.agreed)
}

/// How many bytes two keys have in common at their beginning, which are equal up to `from`.
pub(super) fn agreed(one: &[u8], other: &[u8], from: usize) -> usize {
    let differ = |(here, there): (&u8, &u8)| here != there;
    let shorter = one.len().min(other.len());
    let parts = one[from..shorter].iter().zip(&other[from..shorter]).position(differ);
    parts.map_or(shorter, |at| from + at)
}
