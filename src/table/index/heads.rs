//! Searching among the keys of one node by fixed-width heads. Which nodes there are, and what they hold, is not known here.
//!
//! The head of a key is made of eight of its bytes, as one big-endian integer, picked so that heads are ordered as their
//! keys are, except that different keys may have equal heads. So a search is one rank among integers that lie side by side,
//! and more only where heads tie: [`super::layers`]. The bytes are those that follow the prefix on which all keys agree, or,
//! where more keys are told apart so, the first on which the keys do *not* all agree, over gaps on which they do:
//! [`super::columns`]. Either way they are mostly taken out of a key at once: [`super::window`].
//!
//! Where that tells all keys apart, the head is simply what a key begins with: most nodes of keys without structure are so, and
//! there is nothing to find out about prefixes on the way down.
//!
//! The first key of a node takes no part: a search comes to a node only for keys that are not less, and the first key of a
//! table is mostly the empty one, which agrees with no other.
//!
//! The idea is that of the partial keys of HOT (Binna and others, 2018) and of the feature bytes of FB+-trees (2025).

use std::mem::offset_of;

use arrayvec::ArrayVec;

use super::columns::{Columns, Seen, word};
use super::layers::{Layers, Ties, agreed};
use super::probe::Probe;
use super::wide::{Lanes, Narrow, ordered};
use super::window::Window;

/// How many keys a leaf holds at most: the more, the fewer levels there are to go down, and the more is copied with a change.
pub(super) const LEAF: usize = 48;
/// How many children an inner node has at most: a copy of it counts a reference to each, which is most of what it costs.
pub(super) const INNER: usize = 24;

/// With so few keys all heads are made anew, for they say little of those to come.
const FEW: usize = 8;

/// How many of the last bytes of a prefix are at hand.
const TAIL: usize = 16;

/// Nodes are searched in three parts: with two comparisons, which one, and then all heads of it at once.
const PARTS: usize = 3;

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
    window: Window,
    /// The first head of each part but the first; the greatest integer where there is none.
    firsts: [i64; PARTS - 1],
    /// As [`ordered`] makes them. Ascending; that of the first key is the least integer, and the greatest stands where there
    /// is none.
    heads: [i64; N],
    /// In lines of their own, which a search needs only if they have something to say.
    picked: Picked<N>,
}

/// How the head of a key that is looked for is found.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// It is what a key begins with, and no two heads are equal.
    First,
    /// Mostly through the window.
    Window,
    /// By the prefix and what follows it, or by columns: also where a window does not do.
    Apart,
}

/// What there is beside heads.
#[derive(Clone)]
struct Picked<const N: usize> {
    /// The last bytes of the prefix, or all that it has and zeros, so that it mostly takes no key to compare with.
    tail: [u8; TAIL],
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
            way: Way::Apart,
            prefix: 0,
            window: Window::NOWHERE,
            firsts: [i64::MAX; PARTS - 1],
            heads: [i64::MAX; N],
            picked: Picked { tail: [0; TAIL], columns: None, layers: None },
        };
        let prefix = agreed(model, last, 0).min(usize::from(u16::MAX));
        heads.begin_at(prefix, model, &key);
        if heads.ties() > 0 {
            heads.try_columns(Columns::of(prefix, len, &key), &key);
            heads.picked.layers = Layers::of(&heads.heads[..len], prefix, heads.end(), &key);
        } else {
            let shortest = (1..len).map(|place| key(place).len()).min().unwrap_or(0);
            let start = heads.better_start(prefix, shortest);
            if start < prefix {
                heads.begin_at(start, model, &key);
            }
            if start == 0 {
                heads.way = Way::First;
                return heads;
            }
        }
        let window = match &heads.picked.columns {
            Some(columns) => Window::of(columns.places().collect::<ArrayVec<_, 8>>().into_iter(), model),
            None => Window::of(heads.agreed()..heads.agreed() + size_of::<u64>(), model),
        };
        if let Some(window) = window {
            (heads.way, heads.window) = (Way::Window, window);
        }
        heads
    }

    /// Has heads begin after a prefix that all have, `model` among them.
    fn begin_at<'k>(&mut self, prefix: usize, model: &[u8], key: &impl Fn(usize) -> &'k [u8]) {
        self.prefix = u16::try_from(prefix).unwrap_or(u16::MAX);
        let tail = &model[prefix.saturating_sub(TAIL)..prefix];
        self.picked.tail = [0; TAIL];
        self.picked.tail[..tail.len()].copy_from_slice(tail);
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
            let mut other = self.clone();
            other.picked.columns = columns;
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
    pub(super) fn way(&self) -> (&'static str, bool, bool) {
        let way = match self.way {
            Way::First => "of what keys begin with",
            Way::Window => "in a window",
            Way::Apart => "apart",
        };
        (way, self.picked.columns.is_some(), self.picked.layers.is_some())
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
        let rank = self.count::<L>(probe.first);
        // Unused places have the greatest head: a key that has it, too, is one of the rare ones.
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
        let is_near = || self.window.at() <= agreed || self.has_prefix(probe.key, agreed, || keys(1));
        let head = match self.way {
            Way::First => Some(probe.first),
            Way::Window if is_near() => self.window.head::<L>(probe.key),
            _ => None,
        };
        let head = match head.map_or_else(|| self.look_for(probe.key, agreed, &keys), Ok) {
            Ok(head) => head,
            Err(outside) => return outside,
        };
        let known = self.agreed().max(agreed);
        let rank = self.count::<L>(head);
        if self.heads[rank - 1] == head {
            return self.rank_of_equal(probe.key, head, rank.min(self.len()), known, keys);
        }
        (rank, known)
    }

    /// The head of a key, however it is found; or its [`rank`](Self::rank), if it does not agree with the others where they agree.
    #[inline(never)]
    fn look_for<'k>(
        &self,
        key: &[u8],
        agreed: usize,
        keys: &impl Fn(usize) -> &'k [u8],
    ) -> Result<i64, (usize, usize)> {
        if self.agreed() > agreed && !self.has_prefix(key, agreed, || keys(1)) {
            let model = &keys(1)[..self.agreed()];
            return Err((if key < model { 1 } else { self.len() }, agreed));
        }
        let known = self.agreed().max(agreed);
        match self.look_at(key) {
            Seen::Head(head) => Ok(ordered(head)),
            Seen::Before(head) => Err((self.count_below(ordered(head)), known)),
            Seen::After(head) => Err((self.count_to::<Narrow>(ordered(head)), known)),
        }
    }

    /// [`rank`](Self::rank) of a key whose head is that of some keys, or that of unused places.
    #[inline(always)]
    fn rank_of_equal<'k>(
        &self,
        key: &[u8],
        head: i64,
        rank: usize,
        known: usize,
        keys: impl Fn(usize) -> &'k [u8],
    ) -> (usize, usize) {
        if rank > 1 && self.heads[rank - 1] == head {
            self.untie(key, known, rank, keys)
        } else {
            (rank, known)
        }
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
        if len <= FEW || self.picked.layers.is_some() || new > 0 && (takes_part || !fresh.clone().all(fits)) {
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
        self.firsts = std::array::from_fn(|part| self.heads[(part + 1) * N / PARTS]);
    }

    /// How many heads are at most `head`, at least the first key's.
    #[inline(always)]
    fn count_to<L: Lanes>(&self, head: i64) -> usize {
        self.count::<L>(head).min(self.len())
    }

    /// The same, where unused places count for the greatest head. Without a branch: first the part is found, then the place in it.
    #[inline(always)]
    fn count<L: Lanes>(&self, head: i64) -> usize {
        let part: usize = self.firsts.iter().map(|first| usize::from(*first <= head)).sum();
        let heads = &self.heads[part * N / PARTS..];
        // Closures would be compiled by themselves, and not for the processor.
        let within = if let (true, Some(heads)) = (N == LEAF, heads.first_chunk::<{ LEAF / PARTS }>()) {
            L::at_most(heads, head)
        } else if let (true, Some(heads)) = (N == INNER, heads.first_chunk::<{ INNER / PARTS }>()) {
            L::at_most(heads, head)
        } else {
            0
        };
        part * N / PARTS + within
    }

    fn count_below(&self, head: i64) -> usize {
        head.checked_sub(1).map_or(1, |below| self.count_to::<Narrow>(below))
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
    #[inline]
    fn has_prefix<'k>(&self, key: &[u8], agreed: usize, model: impl FnOnce() -> &'k [u8]) -> bool {
        let Some(prefix) = key.get(..self.agreed()) else { return false };
        match prefix.split_last_chunk::<TAIL>() {
            Some((before, tail)) => {
                *tail == self.picked.tail
                    && (before.len() <= agreed || before[agreed..] == model()[agreed..before.len()])
            }
            None => *prefix == self.picked.tail[..prefix.len()],
        }
    }
}

/// How many bytes two heads have in common at their beginning.
fn same_bytes(one: i64, other: i64) -> usize {
    ((one ^ other).leading_zeros() / u8::BITS) as usize
}
