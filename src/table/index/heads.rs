//! Searching among the keys of one node by fixed-width heads. Which nodes there are, and what they hold, is not known here.
//!
//! The head of a key is made of eight of its bytes, as one big-endian integer, picked so that heads are ordered as their
//! keys are, except that different keys may have equal heads. So a search is one rank among integers that lie side by side,
//! and more only where heads tie: [`super::layers`]. The bytes are those that follow the prefix on which all keys agree, or,
//! where more keys are told apart so, the first on which the keys do *not* all agree, over gaps on which they do:
//! [`super::columns`].
//!
//! Where that tells all keys apart, the head is simply what a key begins with: most nodes of keys without structure are so, and
//! there is nothing to find out about prefixes on the way down.
//!
//! The first key of a node takes no part: a search comes to a node only for keys that are not less, and the first key of a
//! table is mostly the empty one, which agrees with no other.
//!
//! The idea is that of the partial keys of HOT (Binna and others, 2018) and of the feature bytes of FB+-trees (2025).

use std::mem::offset_of;

use super::columns::{Columns, Seen, word};
use super::layers::{Layers, Ties, agreed};
use super::probe::Probe;
use super::wide::{Lanes, ordered};

/// How many heads share a cache line.
const LINE: usize = 8;

/// How many keys a leaf holds at most: the more, the fewer levels there are to go down, and the more is copied with a change.
pub(super) const LEAF: usize = 48;
/// How many children an inner node has at most: a copy of it counts a reference to each, which is most of what it costs.
pub(super) const INNER: usize = 24;

/// How many lines of heads there are at most but for the first.
const FIRSTS: usize = LEAF / LINE - 1;

/// The heads of a node's keys, in ascending order. What a search needs first fills one cache line, and the heads the
/// following ones.
#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Heads<const N: usize> {
    /// How many keys there are.
    len: u8,
    way: Way,
    /// How many bytes all keys agree on, at least, before the first one of a head; no more than fit.
    prefix: u16,
    /// The last sixteen bytes of the prefix, or as many as it has, so that it mostly takes no key to compare with: what
    /// starts at [`prefix_places`].
    prefix_words: [u64; 2],
    /// The first head of each line but the first; the greatest integer where there is none.
    firsts: [i64; FIRSTS],
    /// As [`ordered`] makes them. Ascending; that of the first key is the least integer, and the greatest stands where there
    /// is none.
    heads: [i64; N],
    /// In lines of their own, which a search needs only if they have something to say.
    picked: Picked<N>,
}

/// Which bytes heads are made of.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// What a key begins with, and no two heads are equal.
    First,
    /// What follows the prefix.
    Plain,
    /// What [`Columns`] say.
    Picked,
}

/// What there is beside plain heads.
#[derive(Clone)]
struct Picked<const N: usize> {
    /// The bytes of a head, if they do not simply follow the prefix.
    columns: Option<Columns>,
    /// What tells keys apart that have equal heads.
    layers: Option<Layers<N>>,
}

impl<const N: usize> Heads<N> {
    /// How many bytes a search touches, if they have something to say.
    pub(super) const BYTES: usize = offset_of!(Self, picked);

    /// Of `len` keys, in ascending order. O(bytes of the keys on which they differ).
    pub(super) fn of<'k>(len: usize, key: impl Fn(usize) -> &'k [u8]) -> Self {
        let (model, last): (&[u8], &[u8]) = if len < 2 { (&[], &[]) } else { (key(1), key(len - 1)) };
        let mut heads = Self {
            len: u8::try_from(len).unwrap_or(u8::MAX),
            prefix: 0,
            way: Way::Plain,
            prefix_words: [0; 2],
            firsts: [i64::MAX; FIRSTS],
            heads: [i64::MAX; N],
            picked: Picked { columns: None, layers: None },
        };
        let prefix = agreed(model, last, 0).min(usize::from(u16::MAX));
        heads.begin_at(prefix, model, &key);
        if heads.ties() > 0 {
            heads.try_columns(Columns::of(prefix, len, &key), &key);
            heads.picked.layers = Layers::of(&heads.heads[..len], prefix, heads.end(), &key);
        } else {
            let shortest = (1..len).map(|place| key(place).len()).min().unwrap_or(0);
            let start = heads.better_start(prefix, shortest);
            heads.way = if start == 0 { Way::First } else { Way::Plain };
            if start < prefix {
                heads.begin_at(start, model, &key);
            }
        }
        heads
    }

    /// Has heads begin after a prefix that all have, `model` among them.
    fn begin_at<'k>(&mut self, prefix: usize, model: &[u8], key: &impl Fn(usize) -> &'k [u8]) {
        self.prefix = u16::try_from(prefix).unwrap_or(u16::MAX);
        self.prefix_words = prefix_places(prefix).map(|from| word(&model[..prefix], from));
        self.fill(key);
    }

    /// Where heads, which are all different after the prefix, had better begin: with the first byte of a key, if that leaves two
    /// bytes behind the last one that tells two of them apart, so that a key that is looked for rarely has the head of one. Where
    /// keys are short, so that the head ends with the shortest, and is read at once. Else after the prefix.
    fn better_start(&self, prefix: usize, shortest: usize) -> usize {
        let same = |pair: &[i64]| same_bytes(pair[0], pair[1]);
        let last = prefix + self.heads[..self.len()].windows(2).skip(1).map(same).max().unwrap_or(0);
        match shortest.checked_sub(8) {
            _ if last <= 5 => 0,
            Some(start) if start < prefix && last - start < 8 => start,
            _ => prefix,
        }
    }

    /// Picks bytes in another way, if fewer keys tie so.
    fn try_columns<'k>(&mut self, columns: Option<Columns>, key: &impl Fn(usize) -> &'k [u8]) {
        if columns.is_some() {
            let mut other =
                Self { way: Way::Picked, picked: Picked { columns, layers: None }, ..self.clone() };
            other.fill(key);
            if other.ties() < self.ties() {
                *self = other;
            }
        }
    }

    /// Where the last byte of a head stands, and one more.
    fn end(&self) -> usize {
        self.picked.columns.as_ref().map_or(self.agreed() + size_of::<u64>(), Columns::end)
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
        match (self.way, &self.picked.layers) {
            (Way::First, None) => "of what keys begin with",
            (Way::Plain, None) => "plainly",
            (Way::Picked, None) => "in columns",
            (Way::First | Way::Plain, Some(_)) => "plainly, in layers",
            (Way::Picked, Some(_)) => "in columns, in layers",
        }
    }

    /// How many bytes come before the first one of a head. All keys agree on them.
    #[inline]
    fn agreed(&self) -> usize {
        usize::from(self.prefix)
    }

    /// [`rank`](Self::rank), where it is known from what the key begins with, and from nothing else.
    #[inline(always)]
    pub(super) fn quick_rank<L: Lanes>(&self, probe: &Probe<'_>) -> Option<usize> {
        if self.way != Way::First {
            return None;
        }
        let rank = self.count_to::<L>(probe.first);
        (self.heads[rank - 1] != probe.first).then_some(rank)
    }

    /// How many keys are at most one that is not less than the first one, and whose first `agreed` bytes are known to
    /// be those of all the others; and how many bytes are known of a key that turns out to stand between two of them.
    #[inline(always)]
    pub(super) fn rank<'k, L: Lanes>(
        &self,
        probe: &Probe<'_>,
        agreed: usize,
        keys: impl Fn(usize) -> &'k [u8],
    ) -> (usize, usize) {
        let key = probe.key;
        if self.agreed() > agreed && !self.has_prefix(key, agreed, || keys(1)) {
            let model = &keys(1)[..self.agreed()];
            return (if key < model { 1 } else { self.len() }, agreed);
        }
        let agreed = self.agreed().max(agreed);
        // Plain nodes, which most are, do not touch the line of the other ways.
        let seen = match (self.way, &self.picked.columns) {
            (Way::Picked, Some(columns)) => columns.see_wide::<L>(key),
            _ => Seen::Head(word(key, self.agreed())),
        };
        let rank = match seen {
            Seen::Before(head) => self.count_below::<L>(ordered(head)),
            Seen::After(head) => self.count_to::<L>(ordered(head)),
            Seen::Head(head) => {
                let head = ordered(head);
                let rank = self.count_to::<L>(head);
                if rank > 1 && self.heads[rank - 1] == head {
                    return self.untie(key, agreed, rank, keys);
                }
                rank
            }
        };
        (rank, agreed)
    }

    /// [`rank`](Self::rank) of a key that has the head of some keys, of which the last is at `rank - 1`.
    #[inline]
    fn untie<'k>(
        &self,
        key: &[u8],
        agreed: usize,
        rank: usize,
        keys: impl Fn(usize) -> &'k [u8],
    ) -> (usize, usize) {
        let layers = self.picked.layers.as_ref();
        let first = layers.map_or(rank - 1, |layers| layers.first_like(rank - 1));
        let ties = Ties { places: first..rank, base: self.agreed(), known: self.end() };
        let (rank, known) = Layers::rank(layers, key, ties, &keys);
        (rank, known.max(agreed))
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
        if len <= LINE || self.picked.layers.is_some() || new > 0 && (takes_part || !fresh.clone().all(fits))
        {
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
        self.heads[len..].fill(i64::MAX);
        self.heads[0] = if len > 0 { i64::MIN } else { i64::MAX };
        for (line, first) in self.firsts.iter_mut().enumerate() {
            *first = self.heads.get((line + 1) * LINE).copied().unwrap_or(i64::MAX);
        }
    }

    /// How many heads are at most `head`, at least the first key's: first the line is found, then the place in it. Without a
    /// branch.
    #[inline(always)]
    fn count_to<L: Lanes>(&self, head: i64) -> usize {
        let lines = match self.firsts.first_chunk::<4>() {
            Some(firsts) if N / LINE - 1 <= 4 => L::at_most(firsts, head),
            _ => L::at_most(&self.firsts, head),
        };
        // Unused places count for the greatest head: here and in the line.
        let line = lines.min(N / LINE - 1);
        let within =
            self.heads[line * LINE..].first_chunk::<LINE>().map_or(0, |heads| L::at_most(heads, head));
        (line * LINE + within).min(self.len())
    }

    #[inline(always)]
    fn count_below<L: Lanes>(&self, head: i64) -> usize {
        // A closure would be compiled by itself, and not for the processor.
        match head.checked_sub(1) {
            Some(below) => self.count_to::<L>(below),
            None => 1,
        }
    }

    /// The head of a key that agrees with the others where they agree.
    #[inline]
    fn head(&self, key: &[u8]) -> i64 {
        ordered(match &self.picked.columns {
            Some(columns) => columns.head(key),
            None => word(key, self.agreed()),
        })
    }

    /// A key that has the prefix, as the node sees it.
    #[inline]
    fn look_at(&self, key: &[u8]) -> Seen {
        match &self.picked.columns {
            Some(columns) => columns.see(key),
            None => Seen::Head(word(key, self.agreed())),
        }
    }

    /// Whether a key that agrees on its first `agreed` bytes agrees on the whole prefix, which `model` has. Mostly a few
    /// bytes are left, and they are at hand.
    #[inline(always)]
    fn has_prefix<'k>(&self, key: &[u8], agreed: usize, model: impl FnOnce() -> &'k [u8]) -> bool {
        let Some(prefix) = key.get(..self.agreed()) else { return false };
        let rest = prefix.len() - agreed;
        match prefix.last_chunk::<8>() {
            Some(last) if rest <= 8 => u64::from_be_bytes(*last) == self.prefix_words[1],
            _ => self.has_long_prefix(prefix, rest, model),
        }
    }

    /// [`has_prefix`](Self::has_prefix), where the prefix is shorter than a word or where more than one is left.
    fn has_long_prefix<'k>(&self, prefix: &[u8], rest: usize, model: impl FnOnce() -> &'k [u8]) -> bool {
        let [first, last] = prefix_places(prefix.len());
        match rest {
            0 => true,
            1..=16 => [first, last].map(|from| word(prefix, from)) == self.prefix_words,
            _ => prefix[prefix.len() - rest..] == model()[prefix.len() - rest..prefix.len()],
        }
    }
}

/// How many bytes two heads have in common at their beginning.
fn same_bytes(one: i64, other: i64) -> usize {
    ((one ^ other).leading_zeros() / u8::BITS) as usize
}

/// Where the last sixteen bytes of a prefix start, and the last eight.
#[inline(always)]
fn prefix_places(prefix: usize) -> [usize; 2] {
    [prefix.saturating_sub(16), prefix.saturating_sub(8)]
}
