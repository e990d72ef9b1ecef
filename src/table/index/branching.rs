//! Heads from the bytes at which neighbours part, for keys whose bytes vary in many places, as those of paths do. A head of
//! these few bytes tells the keys of a node apart, but says nothing of the bytes between: so a search by heads is blind, and
//! one comparison with the full key that it comes to shows where the searched key really parts from the others.
//!
//! That is how a Patricia trie searches (Morrison, 1968), and the discriminative bits of HOT (Binna and others, 2018).

use std::cmp::Ordering;

use super::columns::word;

/// The places in a key, ascending, whose bytes make the head; the last one is repeated if there are fewer than eight.
pub(super) type Spots = [u16; 8];

/// The first places at which neighbours among these keys part, unless there is none, or it is too far off, or heads would
/// not be in order: where one key has a zero and another has ended.
pub(super) fn spots<'k>(keys: impl Iterator<Item = &'k [u8]> + Clone) -> Option<Spots> {
    let mut found: Vec<usize> =
        keys.clone().zip(keys.clone().skip(1)).map(|(one, next)| parting(one, next, 0).0).collect();
    found.sort_unstable();
    found.dedup();
    found.truncate(Spots::default().len());
    let last = *found.last()?;
    let has_zero = |at: usize| keys.clone().any(|key| key.get(at) == Some(&0));
    let has_end = |at: usize| keys.clone().any(|key| key.len() <= at);
    if last >= usize::from(u16::MAX) || found.iter().any(|at| has_end(*at) && has_zero(*at)) {
        return None;
    }
    let at = |place: usize| found.get(place).copied().unwrap_or(last);
    Some(std::array::from_fn(|place| u16::try_from(at(place)).unwrap_or(u16::MAX)))
}

/// The bytes of `key` there, as a big-endian integer, zeros behind its end.
#[inline]
pub(super) fn head(key: &[u8], spots: &Spots) -> u64 {
    spots.iter().fold(0, |head, spot| head << 8 | u64::from(byte(key, *spot)))
}

#[inline]
fn byte(key: &[u8], spot: u16) -> u8 {
    key.get(usize::from(spot)).copied().unwrap_or(0)
}

/// Where two keys part that are equal up to `from`, and how the first one compares to the other.
#[inline]
pub(super) fn parting(one: &[u8], other: &[u8], from: usize) -> (usize, Ordering) {
    let shorter = one.len().min(other.len());
    let mut at = from;
    while at < shorter {
        let (here, there) = (word(one, at), word(other, at));
        if here != there {
            let parting = at + ((here ^ there).leading_zeros() / 8) as usize;
            // What looks like a zero may be an end.
            if parting < shorter {
                return (parting, here.cmp(&there));
            }
            break;
        }
        at += 8;
    }
    (shorter, one.len().cmp(&other.len()))
}

/// What the comparison with a full key says of the place of a key among heads.
pub(super) enum Verdict {
    /// What the heads say is right.
    AsHeadsSay,
    /// The key comes before (or after) all keys whose heads have the same first bits as the compared one's, under this
    /// mask: they agree with each other where the key departs from them.
    BeforeAll(u64),
    AfterAll(u64),
}

/// For a key that parts from `other`, with the head of which its own has more in common than with any, at `at`.
#[inline]
pub(super) fn judge(key: &[u8], other: &[u8], (at, order): (usize, Ordering), spots: &Spots) -> Verdict {
    let before = spots.iter().filter(|spot| usize::from(**spot) < at).count();
    let Some(next) = spots.get(before) else { return Verdict::AsHeadsSay };
    let mask = !u64::MAX.checked_shr(8 * narrow(before)).unwrap_or(0);
    match order {
        Ordering::Equal => Verdict::AsHeadsSay,
        _ if usize::from(*next) == at && byte(key, *next) != byte(other, *next) => Verdict::AsHeadsSay,
        Ordering::Less => Verdict::BeforeAll(mask),
        Ordering::Greater if usize::from(*next) == at => Verdict::AsHeadsSay,
        Ordering::Greater => Verdict::AfterAll(mask),
    }
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
