//! Heads from the bytes at which neighbours part, for keys whose bytes vary in many places, as those of paths do. A head of
//! these few bytes tells the keys of a node apart, but says nothing of the bytes between: so a search by heads is blind, and
//! one comparison with the full key that it comes to shows where the searched key really parts from the others.
//!
//! That is how a Patricia trie searches (Morrison, 1968), and the discriminative bits of HOT (Binna and others, 2018).

use std::cmp::Ordering;

use super::columns::word;

/// The places in a key, ascending, whose bytes make its head: the first eight, and eight more to tell keys apart that are
/// equal there. The last one is repeated if there are fewer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Spots([u16; 2 * EIGHT]);

/// As many bytes as make an integer.
const EIGHT: usize = size_of::<u64>();

impl Spots {
    /// The first places at which neighbours among these keys part, unless there is none, or it is too far off, or heads would
    /// not be in order: where one key has a zero and another has ended.
    pub(super) fn of<'k>(keys: impl Iterator<Item = &'k [u8]> + Clone) -> Option<Self> {
        let mut found: Vec<usize> =
            keys.clone().zip(keys.clone().skip(1)).map(|(one, next)| parting(one, next, 0).0).collect();
        found.sort_unstable();
        found.dedup();
        found.truncate(2 * EIGHT);
        let last = *found.last()?;
        let has_zero = |at: usize| keys.clone().any(|key| key.get(at) == Some(&0));
        let has_end = |at: usize| keys.clone().any(|key| key.len() <= at);
        if last >= usize::from(u16::MAX) || found.iter().any(|at| has_end(*at) && has_zero(*at)) {
            return None;
        }
        found.resize(2 * EIGHT, last);
        Some(Self(std::array::from_fn(|place| u16::try_from(found[place]).unwrap_or(u16::MAX))))
    }

    #[inline(always)]
    pub(super) fn head(&self, key: &[u8]) -> u64 {
        bytes(key, &self.0[..EIGHT])
    }

    #[inline(always)]
    pub(super) fn second_head(&self, key: &[u8]) -> u64 {
        bytes(key, &self.0[EIGHT..])
    }

    /// How many spots are less than `at`.
    #[inline(always)]
    fn before(&self, at: usize) -> usize {
        let at = u16::try_from(at).unwrap_or(u16::MAX);
        usize::from(self.0.iter().map(|spot| u16::from(*spot < at)).sum::<u16>())
    }
}

/// The bytes of `key` at some spots, as a big-endian integer, zeros behind its end.
#[inline(always)]
fn bytes(key: &[u8], spots: &[u16]) -> u64 {
    let add = |head: u64, byte: u8| head << 8 | u64::from(byte);
    match spots.last() {
        Some(last) if usize::from(*last) < key.len() => {
            spots.iter().fold(0, |head, spot| add(head, key[usize::from(*spot)]))
        }
        _ => spots.iter().fold(0, |head, spot| add(head, byte(key, *spot))),
    }
}

#[inline]
fn byte(key: &[u8], spot: u16) -> u8 {
    key.get(usize::from(spot)).copied().unwrap_or(0)
}

/// Where two keys part that are equal up to `from`, and how the first one compares to the other.
#[inline]
pub(super) fn parting(one: &[u8], other: &[u8], from: usize) -> (usize, Ordering) {
    let shorter = one.len().min(other.len());
    let (mut here, mut there) =
        (one[from..shorter].chunks_exact(EIGHT), other[from..shorter].chunks_exact(EIGHT));
    let mut at = from;
    for (here, there) in here.by_ref().zip(there.by_ref()) {
        if here != there {
            return parting_in(at, word(here, 0), word(there, 0));
        }
        at += EIGHT;
    }
    let (here, there) = (word(here.remainder(), 0), word(there.remainder(), 0));
    if here == there { (shorter, one.len().cmp(&other.len())) } else { parting_in(at, here, there) }
}

#[inline]
fn parting_in(at: usize, here: u64, there: u64) -> (usize, Ordering) {
    (at + ((here ^ there).leading_zeros() / 8) as usize, here.cmp(&there))
}

/// What the comparison with a full key says of the place of a key among heads.
pub(super) enum Verdict {
    /// What the heads say is right.
    AsHeadsSay,
    /// The key comes before (or after) all keys that have the same bytes as the compared one at so many of the spots: they
    /// agree with each other where the key departs from them.
    BeforeAll(usize),
    AfterAll(usize),
}

/// For a key that parts from `other`, with the head of which its own has more in common than with any, at `at`.
#[inline(always)]
pub(super) fn judge(key: &[u8], other: &[u8], (at, order): (usize, Ordering), spots: &Spots) -> Verdict {
    let before = spots.before(at);
    let Some(&next) = spots.0.get(before) else { return Verdict::AsHeadsSay };
    let is_spot = usize::from(next) == at;
    match order {
        Ordering::Equal => Verdict::AsHeadsSay,
        _ if is_spot && byte(key, next) != byte(other, next) => Verdict::AsHeadsSay,
        Ordering::Less => Verdict::BeforeAll(before),
        Ordering::Greater if is_spot => Verdict::AsHeadsSay,
        Ordering::Greater => Verdict::AfterAll(before),
    }
}

/// The first so many bytes of an integer.
pub(super) fn first_bytes(count: usize) -> u64 {
    let rest = u32::try_from(8 * count).ok().and_then(|bits| u64::MAX.checked_shr(bits));
    !rest.unwrap_or(0)
}
