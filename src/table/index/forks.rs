//! Telling the keys of a node apart where eight bytes do not do: by one byte for each two neighbours, the first on which they
//! differ. So many bytes of a key that is looked for are picked and compared at once, and say which way it would turn at every
//! fork of the trie of all keys; of the keys whose turns it takes the last is the one that it has most in common with. A comparison
//! with that one tells how much that is, and so between which two keys it belongs: with no branch that depends on the key.
//!
//! That is the blind search of String B-trees (Ferragina and Grossi, 1999) in a Patricia trie (Morrison, 1968), which finds one key
//! by what may be known of few bytes and then compares once; and the search for all keys at once whose turns are among those
//! taken is that of HOT (Binna and others, 2018), on bytes instead of bits.
//!
//! All of it lies in the words that otherwise hold heads, as bytes of which the first is the lowest of a word.

use super::keys::Keys;
use super::wide::{Lanes, Sixteen};

/// How many keys are looked at together, and bytes of a key.
const LANES: usize = 16;
/// How far the bytes that tell keys apart may lie from each other, in so many bytes.
pub(super) const NEAR: usize = 2;
pub(super) const FAR: usize = 4;
const WORD: usize = size_of::<u64>();

/// How many times sixteen keys there are room for.
const fn units(most: usize) -> usize {
    most.div_ceil(LANES)
}

/// For each key but the first two, the fork at which it and the one before part.
struct Fork {
    /// Where the byte stands that tells, from the end of the prefix of all on.
    place: u8,
    /// What the key has there. The one before has less, or has ended.
    byte: u8,
}

/// The words for `len` keys, of which the first takes no part, and all others agree on their first `base` bytes. `None` if they
/// part too far behind. O(bytes on which neighbours agree, and the square of the number of keys).
pub(super) fn words<'k, const N: usize>(
    len: usize,
    base: usize,
    key: &impl Fn(usize) -> &'k [u8],
) -> Option<([i64; N], bool)> {
    let mut bytes = Bytes([0; N]);
    let mut farthest = 0;
    // One that no key ever takes, where there is no key.
    let never = 1;
    let mut turns = [never; N];
    for place in 1..len {
        // Where there is none before: all keys have so many bytes in common.
        let mut fork = Fork { place: 0, byte: 0 };
        if place > 1 {
            let at = agreed(key(place - 1), key(place), base);
            let near = u8::try_from(at - base).ok().filter(|near| usize::from(*near) < FAR * LANES)?;
            fork = Fork { place: near, byte: *key(place).get(at)? };
            farthest = farthest.max(near);
        }
        bytes.set(place_of(N, place), fork.place);
        bytes.set(byte_of(N, place), fork.byte);
        // The turns of a key are those of the one before up to where they part.
        let before = if place > 1 { turns[place - 1] } else { 0 };
        let shallower = |earlier: &usize| before >> earlier & 1 != 0 && bytes.get(place_of(N, *earlier)) < fork.place;
        let kept = (2..place).filter(shallower).fold(0, |kept, earlier| kept | 1 << earlier);
        turns[place] = if place > 1 { kept | 1 << place } else { 0 };
    }
    for lane in 0..units(N) * LANES {
        let turns: u64 = turns.get(lane).copied().unwrap_or(never);
        for (plane, byte) in turns.to_le_bytes().into_iter().take(N / 8).enumerate() {
            bytes.set(turn_of(N, plane, lane), byte);
        }
    }
    Some((bytes.0, usize::from(farthest) < NEAR * LANES))
}

/// Where the byte of a lane lies: of its place, of the byte there, and eight of its turns.
const fn place_of(_: usize, lane: usize) -> usize {
    lane
}

const fn byte_of(most: usize, lane: usize) -> usize {
    units(most) * LANES + lane
}

const fn turn_of(most: usize, plane: usize, lane: usize) -> usize {
    (2 + plane) * units(most) * LANES + lane
}

struct Bytes<const N: usize>([i64; N]);

impl<const N: usize> Bytes<N> {
    const FITS: () = assert!(turn_of(N, N / 8, 0) <= N * WORD && N % 8 == 0 && N < 64);

    fn set(&mut self, at: usize, byte: u8) {
        const { Self::FITS }
        let (word, shift) = (&mut self.0[at / WORD], at % WORD * 8);
        *word = *word & !(0xff << shift) | i64::from(byte) << shift;
    }

    fn get(&self, at: usize) -> u8 {
        byte(&self.0, at)
    }
}

#[inline(always)]
fn byte<const N: usize>(words: &[i64; N], at: usize) -> u8 {
    (words[at / WORD] >> (at % WORD * 8)) as u8
}

/// How many of `len` keys are at most `key`, which agrees with all but the first on their first `base` bytes and is not less than
/// the first; and how many bytes it is known to have in common with the keys on both sides of it, if both are among these and
/// not the first.
#[inline(always)]
pub(super) fn rank<L: Lanes, const N: usize, const REACH: usize>(
    words: &[i64; N],
    len: usize,
    base: usize,
    key: &[u8],
    keys: &Keys,
) -> (usize, usize) {
    keys.prefetch_offsets();
    let sixteen = |at: usize| L::Bytes::of(words, at / WORD);
    let window = Window::<L::Bytes, REACH>::of(key, base);
    let mut taken = 0;
    for unit in 0..units(N) {
        let (place, byte) = (sixteen(place_of(N, unit * LANES)), sixteen(byte_of(N, unit * LANES)));
        taken |= u64::from(window.pick(place).at_least(byte)) << (unit * LANES);
    }
    // The lowest stands for what no key takes.
    let missing = !taken | 1;
    let mut likely = 0;
    for unit in 0..units(N) {
        let mut lacking = L::Bytes::spread(0, 0);
        for plane in 0..N / 8 {
            let turns = sixteen(turn_of(N, plane, unit * LANES));
            lacking = lacking.or(turns.and(L::Bytes::spread(missing, plane)));
        }
        likely |= u64::from(L::Bytes::spread(0, 0).at_least(lacking)) << (unit * LANES);
    }
    // The first of those that take part lacks nothing.
    let nearest = 63 - (likely | 2).leading_zeros() as usize;
    let (agrees, is_above) = window.compare(key, keys, nearest, base);
    let agrees = L::Bytes::spread(agrees, 0);
    let mut outer = 1 << len;
    for unit in 0..units(N) {
        outer |= u64::from(agrees.at_least(sixteen(place_of(N, unit * LANES)))) << (unit * LANES);
    }
    // It parts from all keys that the nearest one has more in common with, on the same side.
    let below = 63 - (outer & ((2 << nearest) - 1) | 2).leading_zeros();
    let above = (outer & !((2 << nearest) - 1)).trailing_zeros();
    // In arithmetic: nobody can guess on which side it is.
    let rank = (below ^ (below ^ above) & u32::from(is_above).wrapping_neg()) as usize;
    (rank, base + usize::from(byte(words, place_of(N, rank.min(N - 1)))))
}

/// Sixteen bytes of a key from its prefix on, and as many more of them as are within reach; zeros behind its end.
struct Window<S, const REACH: usize>([S; REACH]);

/// Which bytes to take of sixteen, so that those from a place on come first, and zeros behind.
const FROM: [u8; 2 * LANES] = {
    let mut from = [0x80; 2 * LANES];
    let mut at = 0;
    while at < LANES {
        from[at] = at as u8;
        at += 1;
    }
    from
};

impl<S: Sixteen, const REACH: usize> Window<S, REACH> {
    /// Of a key that has at least `base` bytes. Does not copy it, since a load that spans several stores has to wait for them.
    #[inline(always)]
    fn of(key: &[u8], base: usize) -> Self {
        let Some(last) = key.len().checked_sub(LANES) else { return Self::of_short(key, base) };
        let mut sixteens = [S::spread(0, 0); REACH];
        let mut at = base;
        for sixteen in &mut sixteens {
            let from = at.min(last);
            let past = (at - from).min(LANES);
            *sixteen = S::load(key, from).pick(S::load(&FROM, past));
            at += LANES;
        }
        Self(sixteens)
    }

    #[inline(always)]
    fn of_short(key: &[u8], base: usize) -> Self {
        let mut bytes = [0; LANES];
        let rest = &key[base..];
        bytes[..rest.len()].copy_from_slice(rest);
        let mut sixteens = [S::spread(0, 0); REACH];
        sixteens[0] = S::load(&bytes, 0);
        Self(sixteens)
    }

    /// Whatever follows, if there is enough.
    #[inline(always)]
    fn in_midst(bytes: &[u8], base: usize) -> Option<Self> {
        let bytes = bytes.get(base..base + REACH * LANES)?;
        let mut sixteens = [S::spread(0, 0); REACH];
        let mut at = 0;
        for sixteen in &mut sixteens {
            *sixteen = S::load(bytes, at);
            at += LANES;
        }
        Some(Self(sixteens))
    }

    /// The bytes at sixteen places.
    #[inline(always)]
    fn pick(&self, places: S) -> S {
        let pair = |at: usize| self.0[at].pick(places).or_if::<4>(self.0[at + 1].pick(places), places);
        if REACH == NEAR { pair(0) } else { pair(0).or_if::<5>(pair(REACH - 2), places) }
    }

    /// How many bytes the key has in common with another one that agrees up to `base`, from there on, as far as they are within reach;
    /// and whether it is not less.
    #[inline(always)]
    fn compare(&self, key: &[u8], keys: &Keys, place: usize, base: usize) -> (u64, bool) {
        let (other, beyond) = keys.get_with_more(place);
        let others = match Self::in_midst(beyond, base) {
            Some(others) => others,
            None => Self::of(other, base),
        };
        let (mut equal, mut above) = (0, 0);
        let mut at = 0;
        while at < REACH {
            equal |= u64::from(self.0[at].equal(others.0[at])) << (at * LANES);
            above |= u64::from(self.0[at].at_least(others.0[at])) << (at * LANES);
            at += 1;
        }
        let parts_at = ((!equal).trailing_zeros() as usize).min(REACH * LANES);
        let shorter = key.len().min(other.len()) - base;
        if parts_at == REACH * LANES && shorter > parts_at {
            return (parts_at as u64, key[base + parts_at..] >= other[base + parts_at..]);
        }
        // In arithmetic: nobody can guess which of them is greater.
        let parts = parts_at < shorter;
        let is_above = parts & (above >> (parts_at & 63) & 1 != 0) | !parts & (key.len() >= other.len());
        (parts_at.min(shorter) as u64, is_above)
    }
}

/// How many bytes two keys have in common at their beginning, which are equal up to `from`.
pub(super) fn agreed(one: &[u8], other: &[u8], from: usize) -> usize {
    let differ = |(here, there): (&u8, &u8)| here != there;
    let shorter = one.len().min(other.len());
    let parts = one[from..shorter].iter().zip(&other[from..shorter]).position(differ);
    parts.map_or(shorter, |at| from + at)
}
