//! Searching among the keys of one node by fixed-width heads. Which nodes there are, and what they hold, is not known here.
//!
//! The head of a key is made of eight of its bytes, as one big-endian integer, picked so that heads are ordered as their
//! keys are, except that different keys may have equal heads. So a search is one rank among integers that lie side by side,
//! and full comparisons only where heads tie. There are three ways to pick the bytes:
//!
//! - those that follow the prefix on which all keys agree, where they tell the keys apart ([`Kind::Plain`]);
//! - the first on which the keys do *not* all agree, over gaps on which they do: [`super::columns`] ([`Kind::Columns`]);
//! - those at which neighbours part: [`super::branching`]. Only then it takes a full comparison every time.
//!
//! The first key of a node takes no part: a search comes to a node only for keys that are not less, and the first key of a
//! table is mostly the empty one, which agrees with no other.
//!
//! The idea is that of the partial keys of HOT (Binna and others, 2018) and of the feature bytes of FB+-trees (2025).

use std::cmp::Ordering;
use std::sync::Arc;

use super::branching::{self, Spots, Verdict, parting};
use super::columns::{Columns, Seen, word};

/// How many heads share a cache line.
const LINE: usize = 8;

/// How many keys a leaf holds at most: look-ups are fastest, and copies still cheap, with four lines of heads.
pub(super) const LEAF: usize = 32;
/// How many children an inner node has at most: a copy of it counts a reference to each, which is most of what it costs.
pub(super) const INNER: usize = 16;

/// The heads of a node's keys, in ascending order. What a search needs first fills one cache line, and the heads the
/// following ones.
#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Heads<const N: usize> {
    /// How many keys there are.
    len: u8,
    kind: Kind,
    /// How many bytes all keys agree on before the first on which they don't; no more than fit.
    prefix: u16,
    /// A bit for each key, for the node's own use.
    pub(super) marks: u32,
    /// Where the bytes of a head are, if they are in columns.
    columns: Option<Arc<Columns>>,
    /// The last eight bytes of the prefix, if it has so many.
    prefix_end: u64,
    /// The first head of each line but the first; the greatest integer where there is none.
    firsts: [u64; LEAF / LINE - 1],
    /// Where the bytes of a head are, if they are where neighbours part.
    spots: Spots,
    /// Ascending; that of the first key is zero, and the greatest integer stands where there is none.
    heads: [u64; N],
}

/// How the bytes of a head are picked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Kind {
    Plain,
    Columns,
    Branching,
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
            kind: Kind::Plain,
            prefix: u16::try_from(prefix).unwrap_or(u16::MAX),
            marks: 0,
            columns: None,
            prefix_end: prefix_end(model, prefix),
            firsts: [u64::MAX; LEAF / LINE - 1],
            spots: Spots::default(),
            heads: [u64::MAX; N],
        };
        heads.fill(&key);
        if heads.ties() > 0 {
            heads.columns = Columns::of(prefix, len, &key).map(Arc::new);
            if heads.columns.is_some() {
                heads.kind = Kind::Columns;
                heads.fill(&key);
            }
        }
        let ties = heads.ties();
        if ties > FEW_TIES {
            if let Some(spots) = branching::spots((1..len).map(&key)) {
                let blind = Self { kind: Kind::Branching, columns: None, spots, ..heads.clone() };
                heads.try_out(blind, ties, &key);
            }
        }
        heads
    }

    /// Takes another way to pick bytes, if fewer keys tie that way.
    fn try_out<'k>(&mut self, mut other: Self, ties: usize, key: &impl Fn(usize) -> &'k [u8]) {
        other.fill(key);
        if other.ties() < ties {
            *self = other;
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

    /// How many bytes all keys agree on before the first on which they don't.
    #[inline]
    fn agreed(&self) -> usize {
        usize::from(self.prefix)
    }

    /// How many keys are at most `key`, which is not less than the first one, and whose first `agreed` bytes are known to
    /// be those of all the others; and how many bytes are known of a key that turns out to stand between two of them.
    #[inline]
    pub(super) fn rank<'k>(
        &self,
        key: &[u8],
        agreed: usize,
        keys: impl Fn(usize) -> &'k [u8],
    ) -> (usize, usize) {
        let seen = match self.kind {
            Kind::Branching => return (self.search_blindly(key, agreed, keys), self.agreed().max(agreed)),
            _ if self.agreed() > agreed && !self.has_prefix(key, agreed, || keys(1)) => {
                let model = &keys(1)[..self.agreed()];
                return (if key < model { 1 } else { self.len() }, agreed);
            }
            Kind::Plain => Seen::Head(word(key, self.agreed())),
            Kind::Columns => self.columns.as_ref().map_or(Seen::Head(0), |columns| columns.see(key)),
        };
        let rank = match seen {
            Seen::Before(head) => self.count_below(head),
            Seen::After(head) => self.count_to(head),
            Seen::Head(head) => {
                let rank = self.count_to(head);
                if rank > 1 && self.heads[rank - 1] == head {
                    self.untie(key, self.count_below(head), rank, keys)
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

    #[inline(never)]
    fn search_blindly<'k>(&self, key: &[u8], agreed: usize, keys: impl Fn(usize) -> &'k [u8]) -> usize {
        if self.len() < 2 {
            return self.len();
        }
        let head = branching::head(key, &self.spots);
        let mut rank = self.count_to(head);
        let mut nearest = (0, (agreed, Ordering::Greater));
        if rank > 1 && self.heads[rank - 1] == head {
            let (mut low, mut high) = (self.count_below(head), rank);
            while low < high {
                let middle = usize::midpoint(low, high);
                let parting = parting(key, keys(middle), agreed);
                if nearest.0 == 0 || parting.0 > nearest.1.0 {
                    nearest = (middle, parting);
                }
                if parting.1 == Ordering::Less { high = middle } else { low = middle + 1 }
            }
            rank = low;
        } else {
            // The neighbour with which the head has more first bits in common.
            let apart = |place: usize| self.heads[place] ^ head;
            let above = rank < self.len() && (rank == 1 || apart(rank) < apart(rank - 1));
            let place = if above { rank } else { rank - 1 };
            nearest = (place, parting(key, keys(place), agreed));
        }
        let (place, parting) = nearest;
        match branching::judge(key, keys(place), parting, &self.spots) {
            Verdict::AsHeadsSay => rank,
            Verdict::BeforeAll(mask) => self.count_below(self.heads[place] & mask),
            Verdict::AfterAll(mask) => self.count_to(self.heads[place] | !mask),
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
        let is_new = |place: &usize| (from.max(1)..from + new).contains(place);
        // Some key that has been there.
        let model = if from > 1 { 1 } else { len.saturating_sub(1) };
        let fits = |place: usize| match self.kind {
            Kind::Branching => false,
            _ => !is_new(&model) && matches!(self.see(keys(place), || keys(model)), Seen::Head(_)),
        };
        if len <= LINE || new > 0 && (takes_part || !(1..len).filter(is_new).all(fits)) {
            *self = Self::of(len, keys);
            return;
        }
        let before = self.len();
        self.heads.copy_within(from + gone..before, from + new);
        self.len = u8::try_from(len).unwrap_or(u8::MAX);
        for place in (1..len).filter(is_new) {
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
    #[inline]
    fn count_to(&self, head: u64) -> usize {
        let line = at_most(&self.firsts[..N / LINE - 1], head);
        let within = at_most(&self.heads[line * LINE..(line + 1) * LINE], head);
        // Unused places count for the greatest head.
        (line * LINE + within).min(self.len())
    }

    fn count_below(&self, head: u64) -> usize {
        head.checked_sub(1).map_or(1, |below| self.count_to(below))
    }

    /// The head of a key that agrees with the others where they agree.
    #[inline]
    fn head(&self, key: &[u8]) -> u64 {
        match (self.kind, &self.columns) {
            (Kind::Branching, _) => branching::head(key, &self.spots),
            (_, Some(columns)) => columns.head(key),
            (_, None) => word(key, self.agreed()),
        }
    }

    fn see<'k>(&self, key: &[u8], model: impl FnOnce() -> &'k [u8]) -> Seen {
        match &self.columns {
            _ if !self.has_prefix(key, 0, model) => Seen::Before(0),
            Some(columns) => columns.see(key),
            None => Seen::Head(word(key, self.agreed())),
        }
    }

    /// Whether a key that agrees on its first `agreed` bytes agrees on the whole prefix, which `model` has. Mostly a few
    /// bytes are left, and they are at hand.
    #[inline]
    fn has_prefix<'k>(&self, key: &[u8], agreed: usize, model: impl FnOnce() -> &'k [u8]) -> bool {
        let prefix = self.agreed();
        match key.get(agreed..prefix) {
            Some(rest) if rest.len() <= 8 && prefix >= 8 => word(key, prefix - 8) == self.prefix_end,
            Some(rest) => *rest == model()[agreed..prefix],
            None => false,
        }
    }
}

#[inline]
fn at_most(heads: &[u64], head: u64) -> usize {
    heads.iter().map(|other| usize::from(*other <= head)).sum()
}

/// The bits below `place`, which may be the number of bits.
pub(super) fn low_bits(place: usize) -> u32 {
    u32::try_from(place).ok().and_then(|place| u32::MAX.checked_shl(place)).map_or(u32::MAX, |above| !above)
}

fn prefix_end(model: &[u8], prefix: usize) -> u64 {
    if prefix < 8 { 0 } else { word(model, prefix - 8) }
}
