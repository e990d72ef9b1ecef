//! Searching among the keys of one node by fixed-width heads. Which nodes there are, and what they hold, is not known here.
//!
//! The head of a key is made of eight of its bytes, as one big-endian integer, picked so that heads are ordered as their
//! keys are, except that different keys may have equal heads. So a search is one rank among integers that lie side by side,
//! and full comparisons only where heads tie. There are three ways to pick the bytes:
//!
//! - those that follow the prefix on which all keys agree, where they tell the keys apart;
//! - the first on which the keys do *not* all agree, over gaps on which they do: [`super::columns`];
//! - those at which neighbours part: [`super::branching`]. Only then it takes a full comparison every time.
//!
//! The first key of a node takes no part: a search comes to a node only for keys that are not less, and the first key of a
//! table is mostly the empty one, which agrees with no other.
//!
//! The idea is that of the partial keys of HOT (Binna and others, 2018) and of the feature bytes of FB+-trees (2025).

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use super::branching::{Spots, Verdict, first_bytes, judge, parting};
use super::columns::{Columns, Seen, word};
use super::wide::Lanes;

/// How many heads share a cache line.
const LINE: usize = 8;

/// How many keys a leaf holds at most: the more, the fewer levels there are to go down, and the more is copied with a change.
pub(super) const LEAF: usize = 48;
/// How many children an inner node has at most: a copy of it counts a reference to each, which is most of what it costs.
pub(super) const INNER: usize = 24;

/// The heads of a node's keys, in ascending order. What a search needs first fills one cache line, and the heads the
/// following ones.
#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Heads<const N: usize> {
    /// How many keys there are.
    len: u8,
    /// Whether the bytes of a head simply follow the prefix, so that [`Picked`] has nothing to say.
    is_plain: bool,
    /// How many bytes all keys agree on before the first on which they don't; no more than fit.
    prefix: u16,
    /// The last sixteen bytes of the prefix, or as many as it has, so that it mostly takes no key to compare with: what
    /// starts at [`prefix_places`].
    prefix_words: [u64; 2],
    /// The first head of each line but the first; the greatest integer where there is none.
    firsts: [u64; LEAF / LINE - 1],
    picked: Picked,
    /// Ascending; that of the first key is zero, and the greatest integer stands where there is none.
    heads: [u64; N],
}

/// How the bytes of a head are picked. In one line of its own, which a search needs only if it has something to say.
#[derive(Clone)]
#[repr(align(64))]
enum Picked {
    /// Those that follow the prefix.
    Plainly,
    /// The first on which the keys do not all agree.
    Columns(Columns),
    /// Those at which neighbours part. For keys with one head there are the bytes at more such places.
    Spots(Spots, Arc<[u64]>),
}

/// So many of the keys may have the head of another one before a full comparison with every search is the better way.
const FEW_TIES: usize = 3;

impl<const N: usize> Heads<N> {
    /// Of `len` keys, in ascending order. O(bytes of the keys on which they differ).
    pub(super) fn of<'k>(len: usize, key: impl Fn(usize) -> &'k [u8]) -> Self {
        let (model, last): (&[u8], &[u8]) = if len < 2 { (&[], &[]) } else { (key(1), key(len - 1)) };
        let prefix = parting(model, last, 0).0.min(usize::from(u16::MAX));
        let mut heads = Self {
            len: u8::try_from(len).unwrap_or(u8::MAX),
            prefix: u16::try_from(prefix).unwrap_or(u16::MAX),
            is_plain: true,
            prefix_words: prefix_places(prefix).map(|from| word(model, from)),
            firsts: [u64::MAX; LEAF / LINE - 1],
            picked: Picked::Plainly,
            heads: [u64::MAX; N],
        };
        heads.fill(&key);
        if heads.ties() > 0 {
            heads.try_out(Columns::of(prefix, len, &key).map(Picked::Columns), &key);
        }
        if heads.ties() > FEW_TIES {
            let spots = Spots::of((1..len).map(&key));
            let more = |spots: &Spots| (0..len).map(|place| spots.second_head(key(place))).collect();
            heads.try_out(spots.map(|spots| Picked::Spots(spots, more(&spots))), &key);
        }
        heads
    }

    /// Picks bytes in another way, if fewer keys tie so.
    fn try_out<'k>(&mut self, picked: Option<Picked>, key: &impl Fn(usize) -> &'k [u8]) {
        if let Some(picked) = picked {
            let mut other = Self { is_plain: false, picked, ..self.clone() };
            other.fill(key);
            if other.ties() < self.ties() {
                *self = other;
            }
        }
    }

    fn fill<'k>(&mut self, key: &impl Fn(usize) -> &'k [u8]) {
        for place in 1..self.len() {
            self.heads[place] = self.head(key(place));
        }
        self.settle();
    }

    /// How many keys have the head of the one before.
    fn ties(&self) -> usize {
        self.heads[..self.len()].windows(2).skip(1).filter(|pair| pair[0] == pair[1]).count()
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    #[cfg(test)]
    pub(super) fn way(&self) -> &'static str {
        match self.picked {
            Picked::Plainly => "plainly",
            Picked::Columns(_) => "in columns",
            Picked::Spots(..) => "where neighbours part",
        }
    }

    /// How many bytes all keys agree on before the first on which they don't.
    #[inline]
    fn agreed(&self) -> usize {
        usize::from(self.prefix)
    }

    /// How many keys are at most `key`, which is not less than the first one, and whose first `agreed` bytes are known to
    /// be those of all the others; and how many bytes are known of a key that turns out to stand between two of them.
    #[inline(always)]
    pub(super) fn rank<'k, L: Lanes>(
        &self,
        key: &[u8],
        agreed: usize,
        keys: impl Fn(usize) -> &'k [u8],
    ) -> (usize, usize) {
        // Plain nodes, which most are, do not touch the line of the other ways.
        if !self.is_plain {
            if let Picked::Spots(spots, more) = &self.picked {
                let rank = self.search_blindly::<L>(spots, more, key, agreed, keys);
                return (rank, self.agreed().max(agreed));
            }
        }
        if self.agreed() > agreed && !self.has_prefix(key, agreed, || keys(1)) {
            let model = &keys(1)[..self.agreed()];
            return (if key < model { 1 } else { self.len() }, agreed);
        }
        let seen = if self.is_plain { Seen::Head(word(key, self.agreed())) } else { self.look_at(key) };
        let rank = match seen {
            Seen::Before(head) => self.count_below::<L>(head),
            Seen::After(head) => self.count_to::<L>(head),
            Seen::Head(head) => {
                let rank = self.count_to::<L>(head);
                if rank > 1 && self.heads[rank - 1] == head {
                    self.untie(key, self.count_below::<L>(head), rank, keys)
                } else {
                    rank
                }
            }
        };
        (rank, self.agreed().max(agreed))
    }

    /// The rank of `key` among all, which has the head of the keys from one place up to another.
    #[cold]
    fn untie<'k>(&self, key: &[u8], from: usize, to: usize, keys: impl Fn(usize) -> &'k [u8]) -> usize {
        let (mut low, mut high) = (from, to);
        while low < high {
            let middle = usize::midpoint(low, high);
            if keys(middle) <= key { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// What the bytes at which neighbours part say of `key`.
    #[inline(always)]
    fn look<L: Lanes>(&self, spots: &Spots, more: &[u64], key: &[u8]) -> Look {
        let first = spots.head(key);
        let rank = self.count_to::<L>(first);
        if rank < 2 || self.heads[rank - 1] != first {
            let nearest = nearest(&self.heads, first, 1..self.len(), rank);
            return Look { rank, ties: rank, nearest };
        }
        let (from, to) = (self.count_below::<L>(first), rank);
        let second = spots.second_head(key);
        let (below, upto) = within(more, from..to, second, second);
        let nearest = if below < upto { below } else { nearest(more, second, from..to, upto) };
        Look { rank: upto, ties: below, nearest }
    }

    #[inline(always)]
    fn search_blindly<'k, L: Lanes>(
        &self,
        spots: &Spots,
        more: &[u64],
        key: &[u8],
        agreed: usize,
        keys: impl Fn(usize) -> &'k [u8],
    ) -> usize {
        if self.len() < 2 {
            return self.len();
        }
        let Look { mut rank, ties, nearest: mut place } = self.look::<L>(spots, more, key);
        let mut found = parting(key, keys(place), agreed);
        let (mut low, mut high) = (ties, rank);
        while low < high {
            let middle = usize::midpoint(low, high);
            let here = parting(key, keys(middle), agreed);
            if here.0 > found.0 {
                (place, found) = (middle, here);
            }
            if here.1 == Ordering::Less {
                high = middle
            } else {
                low = middle + 1
            }
            rank = low;
        }
        match judge(key, keys(place), found, spots) {
            Verdict::AsHeadsSay => rank,
            Verdict::BeforeAll(bytes) => self.alike::<L>(more, place, bytes).0,
            Verdict::AfterAll(bytes) => self.alike::<L>(more, place, bytes).1,
        }
    }

    /// The keys with the same first so many bytes of both heads as the one at `place`: from where to where.
    fn alike<L: Lanes>(&self, more: &[u64], place: usize, bytes: usize) -> (usize, usize) {
        let head = self.heads[place];
        let mask = first_bytes(bytes);
        let block = (self.count_below::<L>(head & mask), self.count_to::<L>(head | !mask));
        match bytes.checked_sub(size_of::<u64>()) {
            None => block,
            Some(bytes) => {
                let (head, mask) = (more[place], first_bytes(bytes));
                within(more, block.0..block.1, head & mask, head | !mask)
            }
        }
    }

    /// Takes the heads of `gone` keys from a place on out and puts those of `new` keys there; `keys` are all as they will
    /// be. Makes all heads anew where the new keys do not fit the way in which heads are made.
    pub(super) fn splice<'k>(
        &mut self,
        from: usize,
        gone: usize,
        new: usize,
        keys: impl Fn(usize) -> &'k [u8],
    ) {
        let len = self.len() + new - gone;
        // What was the first key takes part now; or a few keys that went together have little in common with those to come.
        let takes_part = from == 0 && gone == 0;
        let fresh = from.max(1)..from + new;
        // Some key that has been there.
        let model = if from > 1 { 1 } else { len.saturating_sub(1) };
        let fits = |place| {
            !fresh.contains(&model)
                && self.has_prefix(keys(place), 0, || keys(model))
                && matches!(self.look_at(keys(place)), Seen::Head(_))
        };
        let is_blind = matches!(self.picked, Picked::Spots(..));
        if len <= LINE || is_blind || new > 0 && (takes_part || !fresh.clone().all(fits)) {
            *self = Self::of(len, keys);
            return;
        }
        let before = self.len();
        self.heads.copy_within(from + gone..before, from + new);
        self.len = u8::try_from(len).unwrap_or(u8::MAX);
        for place in fresh {
            self.heads[place] = self.head(keys(place));
        }
        self.settle();
        let ties = |place: usize| place > 1 && place < len && self.heads[place] == self.heads[place - 1];
        if new > 0 && (from..=from + new).any(ties) {
            *self = Self::of(len, keys);
        }
    }

    /// What follows from the heads that are in use.
    fn settle(&mut self) {
        let len = self.len();
        self.heads[len..].fill(u64::MAX);
        self.heads[0] = if len > 0 { 0 } else { u64::MAX };
        for (line, first) in self.firsts.iter_mut().enumerate() {
            *first = self.heads.get((line + 1) * LINE).copied().unwrap_or(u64::MAX);
        }
    }

    /// How many heads are at most `head`, at least the first key's: first the line is found, then the place in it. Without a
    /// branch.
    #[inline(always)]
    fn count_to<L: Lanes>(&self, head: u64) -> usize {
        let line = L::at_most(&self.firsts[..N / LINE - 1], head);
        let within = L::at_most(&self.heads[line * LINE..(line + 1) * LINE], head);
        // Unused places count for the greatest head.
        (line * LINE + within).min(self.len())
    }

    fn count_below<L: Lanes>(&self, head: u64) -> usize {
        head.checked_sub(1).map_or(1, |below| self.count_to::<L>(below))
    }

    /// The head of a key that agrees with the others where they agree.
    #[inline]
    fn head(&self, key: &[u8]) -> u64 {
        match &self.picked {
            Picked::Spots(spots, _) => spots.head(key),
            Picked::Columns(columns) => columns.head(key),
            Picked::Plainly => word(key, self.agreed()),
        }
    }

    /// A key that has the prefix, as the node sees it.
    #[inline]
    fn look_at(&self, key: &[u8]) -> Seen {
        match &self.picked {
            Picked::Columns(columns) => columns.see(key),
            Picked::Plainly | Picked::Spots(..) => Seen::Head(self.head(key)),
        }
    }

    /// Whether a key that agrees on its first `agreed` bytes agrees on the whole prefix, which `model` has. Mostly a few
    /// bytes are left, and they are at hand.
    #[inline]
    fn has_prefix<'k>(&self, key: &[u8], agreed: usize, model: impl FnOnce() -> &'k [u8]) -> bool {
        let prefix = self.agreed();
        let Some(rest) = key.get(agreed..prefix) else { return false };
        match (rest.len(), prefix) {
            (0, _) => true,
            (_, 0..8) => {
                (word(key, 0) ^ self.prefix_words[0]) >> (u64::BITS - 8 * u32::from(self.prefix)) == 0
            }
            (0..=16, _) => {
                let [first, last] = prefix_places(prefix);
                word(key, last) == self.prefix_words[1]
                    && (rest.len() <= 8 || word(key, first) == self.prefix_words[0])
            }
            _ => *rest == model()[agreed..prefix],
        }
    }
}

/// A place that was found by heads alone.
struct Look {
    /// If the heads are right, so many keys are at most the one that is searched.
    rank: usize,
    /// From here on up to the rank keys have the same heads as it has.
    ties: usize,
    /// A key whose heads have as many first bits in common with its own as any.
    nearest: usize,
}

/// Of two neighbours, the one with which `head` has more first bits in common; `rank` lies in `places` or behind it.
#[inline(always)]
fn nearest(heads: &[u64], head: u64, places: Range<usize>, rank: usize) -> usize {
    let is_above = rank < places.end && (rank == places.start || heads[rank] ^ head < heads[rank - 1] ^ head);
    if is_above { rank } else { rank - 1 }
}

/// Up to where, among a few heads, they are less than one, and up to where at most another one.
fn within(heads: &[u64], places: Range<usize>, least: u64, most: u64) -> (usize, usize) {
    let from = places.start;
    let count = |is: fn(&u64, u64) -> bool, bound| {
        heads[places.clone()].iter().filter(|head| is(head, bound)).count()
    };
    (from + count(|head, least| *head < least, least), from + count(|head, most| *head <= most, most))
}

/// Where the last sixteen bytes of a prefix start, and the last eight.
#[inline(always)]
fn prefix_places(prefix: usize) -> [usize; 2] {
    [prefix.saturating_sub(16), prefix.saturating_sub(8)]
}
