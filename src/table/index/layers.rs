//! Telling keys apart whose heads are equal, by further heads: those of the bytes that follow what such keys agree on next.
//! So a search goes down a few layers of heads, and compares in between what it went over with one of the keys. How the
//! first layer picks its bytes is not known here.
//!
//! The layers of eight bytes are those of Masstree (Mao, Kohler and Morris, 2012), within one node, and what keys agree on is
//! gone over as in a Patricia trie (Morrison, 1968).

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use super::columns::word;

/// How many layers there are at most below the first. Keys that are equal in all of them are compared in full.
const MOST: usize = 8;

/// The layers below the first, from the uppermost down. Nodes in which no heads tie have none.
#[derive(Clone)]
pub(super) struct Layers<const N: usize>(Arc<[Layer<N>]>);

/// For each key that has the head of a neighbour in all layers above: one more head of it.
struct Layer<const N: usize> {
    /// Where the bytes of the head start: all keys with equal heads above agree up to there, and not on the byte there.
    /// [`NOWHERE`] if no head tells.
    at: [u16; N],
    /// The first key with an equal head.
    from: [u8; N],
    /// The first key with an equal head in the layer above. Asked of the uppermost, whose own is not among these.
    above: [u8; N],
    heads: [u64; N],
}

/// For keys that one of them is the beginning of, within its last head, and for those that part too far behind.
const NOWHERE: u16 = u16::MAX;

/// A run of keys with equal heads, and what is known of a key that has the same head: it agrees with them up to `base`, and
/// up to `known` if it is that long.
#[derive(Clone)]
pub(super) struct Ties {
    pub(super) places: Range<usize>,
    pub(super) base: usize,
    pub(super) known: usize,
}

impl<const N: usize> Layers<N> {
    /// For keys with these heads in the first layer. O(bytes of the keys that tie).
    pub(super) fn of<'k>(
        heads: &[i64],
        base: usize,
        known: usize,
        key: &impl Fn(usize) -> &'k [u8],
    ) -> Option<Self> {
        let mut ties: Vec<Ties> = equal_runs(heads, 1..heads.len())
            .filter(|run| run.len() > 1)
            .map(|places| Ties { places, base, known })
            .collect();
        let mut layers = Vec::new();
        while !ties.is_empty() && layers.len() < MOST {
            let mut layer = Layer { at: [NOWHERE; N], from: [0; N], above: [0; N], heads: [u64::MAX; N] };
            ties = ties.into_iter().flat_map(|ties| layer.part(ties, key)).collect();
            layers.push(layer);
        }
        let uppermost = layers.first_mut()?;
        for run in equal_runs(heads, 1..heads.len()) {
            uppermost.above[run.clone()].fill(narrow(run.start));
        }
        Some(Self(layers.into()))
    }

    /// The first key that has the head of this one in the first layer.
    #[inline(always)]
    pub(super) fn first_like(&self, place: usize) -> usize {
        self.0.first().map_or(place, |uppermost| usize::from(uppermost.above[place]))
    }

    /// How many keys are at most `key`, which has the head of some; and how many bytes it is known to have in common with
    /// the keys on both sides of it, if both are among these.
    #[inline]
    pub(super) fn rank<'k>(
        layers: Option<&Self>,
        key: &[u8],
        ties: Ties,
        keys: &impl Fn(usize) -> &'k [u8],
    ) -> (usize, usize) {
        let Ties { places: Range { start: mut from, end: mut to }, mut base, mut known } = ties;
        let unsure = base;
        for layer in layers.map_or(&[][..], |layers| &layers.0) {
            if to - from == 1 || layer.at[from] == NOWHERE {
                break;
            }
            let at = usize::from(layer.at[from]);
            match compare_up_to(at, key, keys(from), base, known) {
                Ordering::Less => return (from, unsure),
                Ordering::Greater => return (to, unsure),
                Ordering::Equal => {}
            }
            let head = word(key, at);
            let upto = from + at_most(&layer.heads[from..to], head);
            if upto == from || layer.heads[upto - 1] != head {
                return (upto, if upto > from && upto < to { at } else { unsure });
            }
            (from, to, base, known) = (usize::from(layer.from[upto - 1]), upto, at, at + size_of::<u64>());
        }
        (among(key, from..to, base, keys), unsure)
    }
}

impl<const N: usize> Layer<N> {
    /// Finds heads that part some keys, and gives those of them that still tie.
    fn part<'k>(&mut self, ties: Ties, key: &impl Fn(usize) -> &'k [u8]) -> Vec<Ties> {
        let Ties { places, base, known } = ties;
        let agreed = agreed(key(places.start), key(places.end - 1), base);
        let Some(at) = u16::try_from(agreed).ok().filter(|at| *at != NOWHERE && agreed >= known) else {
            return Vec::new();
        };
        for place in places.clone() {
            (self.at[place], self.heads[place]) = (at, word(key(place), agreed));
        }
        let ties = |places| Ties { places, base: agreed, known: agreed + size_of::<u64>() };
        for run in equal_runs(&self.heads, places.clone()) {
            self.from[run.clone()].fill(narrow(run.start));
        }
        equal_runs(&self.heads, places).filter(|run| run.len() > 1).map(ties).collect()
    }
}

fn narrow(place: usize) -> u8 {
    u8::try_from(place).unwrap_or(u8::MAX)
}

/// The runs of equal heads among some.
fn equal_runs<T: PartialEq>(heads: &[T], places: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut from = places.start;
    heads[places].chunk_by(|one, next| one == next).map(move |run| {
        let start = from;
        from += run.len();
        start..from
    })
}

/// How many of the heads, which ascend, are at most `most`. Without a branch for each.
#[inline]
fn at_most(heads: &[u64], most: u64) -> usize {
    heads.partition_point(|head| *head <= most)
}

/// How many keys are at most `key`, given that those before some places are, and that all agree up to `base`.
#[inline]
fn among<'k>(key: &[u8], places: Range<usize>, base: usize, keys: &impl Fn(usize) -> &'k [u8]) -> usize {
    let Range { start: mut low, end: mut high } = places;
    while low < high {
        let middle = usize::midpoint(low, high);
        if keys(middle)[base..] <= key[base..] { low = middle + 1 } else { high = middle }
    }
    low
}

/// How the first bytes of a key compare with those of `model`, which has so many. They agree up to `base`, and up to `known`
/// if the key is that long.
#[inline]
fn compare_up_to(at: usize, key: &[u8], model: &[u8], base: usize, known: usize) -> Ordering {
    match key.get(known..at) {
        Some([]) => Ordering::Equal,
        Some(rest) => rest.cmp(&model[known..at]),
        // It ends before.
        None => key[base..].cmp(&model[base..at]),
    }
}

/// How many bytes two keys have in common at their beginning, which are equal up to `from`.
pub(super) fn agreed(one: &[u8], other: &[u8], from: usize) -> usize {
    let differ = |(here, there): (&u8, &u8)| here != there;
    let shorter = one.len().min(other.len());
    let parts = one[from..shorter].iter().zip(&other[from..shorter]).position(differ);
    parts.map_or(shorter, |at| from + at)
}
