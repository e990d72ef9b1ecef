//! Searching among the keys of one node by fixed-width heads. Which nodes there are, and what they hold, is not known here.
//!
//! All keys of a node usually agree on a prefix, and often on some bytes after it. The head of a key is made of the first
//! eight bytes on which they do *not* all agree, as one big-endian integer: heads are ordered as their keys are, except that
//! different keys may have equal heads. So a search is one comparison of what all keys agree on, one rank among integers that
//! lie side by side, and full comparisons only where heads tie. Which bytes those are is the business of [`super::columns`].
//!
//! The first key of a node takes no part: a search comes to a node only for keys that are not less, and the first key of a
//! table is mostly the empty one, which agrees with no other.
//!
//! The idea is that of the partial keys of HOT (Binna and others, 2018) and of the feature bytes of FB+-trees (2025).

use super::columns::{Columns, Seen, word};
use crate::key::Key;

/// How many heads share a cache line.
const LINE: usize = 8;

/// How many keys a node holds at most: lookups are fastest, and copies still cheap, with four lines of heads.
pub(super) const FANOUT: usize = 32;
/// How many lines that is.
const LINES: usize = FANOUT / LINE;

/// The heads of a node's keys, in ascending order. What a search needs first fills one cache line, and the heads the
/// following ones.
#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Heads {
    /// How many keys there are.
    len: u16,
    /// How many bytes all keys agree on before the first on which they don't; no more than fit.
    prefix: u16,
    /// A bit for each key, for the node's own use.
    pub(super) marks: u32,
    /// What is out of the ordinary, if anything is.
    shape: Option<Box<Shape>>,
    /// The last eight bytes of the prefix, if it has so many.
    prefix_end: u64,
    /// The first head of each line but the first; the greatest integer where there is none.
    firsts: [u64; LINES - 1],
    /// Some key that agrees with all keys on what they all agree on.
    model: Key,
    /// Ascending; that of the first key is zero, and the greatest integer stands where there is none.
    heads: [u64; FANOUT],
}

/// Beyond eight bytes after the prefix that tell all keys apart.
#[derive(Clone)]
struct Shape {
    /// Where the bytes of a head are, if they do not follow each other.
    columns: Option<Columns>,
    /// The runs of a few keys or more with one head.
    ties: Vec<Tie>,
}

/// Keys with one head, and how to search among them: by heads of their own, from bytes on which *they* do not agree. Some
/// nodes have keys like `bin/cc` beside many like `share/doc/html/…`, and so need two steps.
#[derive(Clone)]
struct Tie {
    from: usize,
    to: usize,
    /// Behind a first key that takes no part, as ever, and is none here.
    heads: Heads,
}

/// Fewer keys with one head are compared in full.
const FEW: usize = 3;

/// Where a key stands among the keys of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rank {
    /// So many keys are less than or equal to it.
    Exactly(usize),
    /// At least so many are, and at most so many: the keys between have the same head.
    Between(usize, usize),
}

impl Heads {
    /// Of `len` keys, in ascending order. O(bytes of the keys on which they differ).
    pub(super) fn of<'k>(len: usize, key: impl Fn(usize) -> &'k Key) -> Self {
        let (model, last) =
            if len < 2 { (Key::empty(), Key::empty()) } else { (key(1).clone(), key(len - 1).clone()) };
        let prefix = agreement(model.as_bytes(), last.as_bytes()).min(usize::from(u16::MAX));
        let mut heads = Self {
            len: narrow(len),
            prefix: narrow(prefix),
            marks: 0,
            shape: None,
            prefix_end: prefix_end(model.as_bytes(), prefix),
            firsts: [u64::MAX; LINES - 1],
            model,
            heads: [u64::MAX; FANOUT],
        };
        heads.heads[0] = 0;
        let columns = Columns::of(prefix, len, &key);
        heads.shape = columns.map(|columns| Box::new(Shape { columns: Some(columns), ties: Vec::new() }));
        heads.fill(&key);
        heads.learn_ties(&key);
        heads
    }

    fn learn_ties<'k>(&mut self, key: &impl Fn(usize) -> &'k Key) {
        let mut from = 1;
        for run in self.heads[1..self.len().max(1)].chunk_by(|one, other| one == other) {
            let to = from + run.len();
            // Of all keys there would be the same heads again.
            if run.len() >= FEW && to - from + 1 < self.len() {
                let tie = Tie { from, to, heads: Self::among(from, to, key) };
                let shape =
                    self.shape.get_or_insert_with(|| Box::new(Shape { columns: None, ties: Vec::new() }));
                shape.ties.push(tie);
            }
            from = to;
        }
    }

    /// Of the keys of a tie. A function of its own, or the type of the closure would hold itself.
    fn among<'k>(from: usize, to: usize, key: &dyn Fn(usize) -> &'k Key) -> Self {
        Self::of(to - from + 1, |place| key(from + place - 1))
    }

    fn fill<'k>(&mut self, key: &impl Fn(usize) -> &'k Key) {
        for place in 1..self.len() {
            self.heads[place] = self.head(key(place).as_bytes());
        }
        self.index_lines();
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

    /// The rank of `key`, which is not less than the first key, and whose first `agreed` bytes are known to be those of all
    /// the others; and how many bytes of it are now known to be.
    #[inline]
    pub(super) fn rank(&self, key: &[u8], agreed: usize) -> (Rank, usize) {
        let rank = match self.see(key, agreed) {
            Seen::Below => return (Rank::Exactly(1), agreed),
            Seen::Above => return (Rank::Exactly(self.len()), agreed),
            Seen::Before(head) => Rank::Exactly(self.count_below(head)),
            Seen::After(head) => Rank::Exactly(self.count_to(head)),
            Seen::Head(head) => {
                let rank = self.count_to(head);
                if rank > 1 && self.heads[rank - 1] == head {
                    self.untie(key, self.count_below(head), rank)
                } else {
                    Rank::Exactly(rank)
                }
            }
        };
        (rank, self.agreed().max(agreed))
    }

    /// The rank of `key` among all, which has the head of the keys from one place up to another.
    #[inline(never)]
    fn untie(&self, key: &[u8], from: usize, to: usize) -> Rank {
        let mut ties = self.shape.iter().flat_map(|shape| &shape.ties);
        let Some(tie) = ties.find(|tie| tie.from == from && tie.to == to) else {
            return Rank::Between(from, to);
        };
        let all = |rank: usize| from + rank - 1;
        match tie.heads.rank(key, self.agreed()).0 {
            Rank::Exactly(rank) => Rank::Exactly(all(rank)),
            Rank::Between(least, most) => Rank::Between(all(least), all(most)),
        }
    }

    /// Makes room for `key` at `place`; `others` has all keys as they will be, in case the heads have to be made anew.
    pub(super) fn insert<'k>(&mut self, place: usize, key: &Key, others: impl Fn(usize) -> &'k Key) {
        let len = self.len();
        let below = low_bits(place);
        self.marks = (self.marks & below) | (self.marks & !below) << 1;
        self.heads.copy_within(place..len, place + 1);
        self.len += 1;
        if place == 0 {
            // What was the first key takes part now.
            self.renew(others);
        } else {
            self.replace(place, key, others);
        }
    }

    /// Puts `key` at `place` in the stead of another one; `others` has all keys as they will be.
    pub(super) fn replace<'k>(&mut self, place: usize, key: &Key, others: impl Fn(usize) -> &'k Key) {
        if place == 0 {
            return;
        }
        match self.see(key.as_bytes(), 0) {
            // A few keys that went together may have little in common with those to come.
            Seen::Head(head) if self.len() > LINE && !self.has_ties() && self.tells_apart(place, head) => {
                self.heads[place] = head;
                self.index_lines();
            }
            _ => self.renew(others),
        }
    }

    fn renew<'k>(&mut self, keys: impl Fn(usize) -> &'k Key) {
        *self = Self { marks: self.marks, ..Self::of(self.len(), keys) };
    }

    fn has_ties(&self) -> bool {
        self.shape.as_ref().is_some_and(|shape| !shape.ties.is_empty())
    }

    /// Whether the neighbours of `place` have other heads than this one.
    fn tells_apart(&self, place: usize, head: u64) -> bool {
        let below = place.checked_sub(1).map(|below| self.heads[below]);
        below != Some(head) && (place + 1 == self.len() || self.heads[place + 1] != head)
    }

    /// Closes the gap at `place`; `others` has all keys as they will be.
    pub(super) fn remove<'k>(&mut self, place: usize, others: impl Fn(usize) -> &'k Key) {
        let len = self.len();
        let below = low_bits(place);
        self.marks = (self.marks & below) | (self.marks >> 1 & !below);
        self.len -= 1;
        if self.has_ties() {
            return self.renew(others);
        }
        self.heads.copy_within(place + 1..len, place);
        self.heads[len - 1] = u64::MAX;
        self.heads[0] = 0;
        self.index_lines();
    }

    fn index_lines(&mut self) {
        for (line, first) in self.firsts.iter_mut().enumerate() {
            *first = self.heads.get((line + 1) * LINE).copied().unwrap_or(u64::MAX);
        }
    }

    /// How many heads are at most `head`, at least the first key's: first the line is found, then the place in it. Without a branch.
    #[inline]
    fn count_to(&self, head: u64) -> usize {
        let line: usize = self.firsts.iter().map(|first| usize::from(*first <= head)).sum();
        let start = line * LINE;
        let within: usize =
            self.heads[start..start + LINE].iter().map(|other| usize::from(*other <= head)).sum();
        // Unused places count for the greatest head.
        (start + within).min(self.len())
    }

    fn count_below(&self, head: u64) -> usize {
        head.checked_sub(1).map_or(1, |below| self.count_to(below))
    }

    #[inline]
    fn columns(&self) -> Option<&Columns> {
        self.shape.as_ref()?.columns.as_ref()
    }

    /// The head of a key that agrees with the others where they agree.
    #[inline]
    fn head(&self, key: &[u8]) -> u64 {
        match self.columns() {
            None => word(key, self.agreed()),
            Some(columns) => columns.head(key),
        }
    }

    #[inline]
    fn see(&self, key: &[u8], agreed: usize) -> Seen {
        if self.agreed() > agreed && !self.has_prefix(key, agreed) {
            let model = &self.model.as_bytes()[..self.agreed()];
            return if key < model { Seen::Below } else { Seen::Above };
        }
        match self.columns() {
            None => Seen::Head(word(key, self.agreed())),
            Some(columns) => columns.see(key),
        }
    }

    /// Whether a key that agrees on its first `agreed` bytes agrees on the whole prefix. Mostly a few bytes are left, and
    /// they are at hand.
    #[inline]
    fn has_prefix(&self, key: &[u8], agreed: usize) -> bool {
        let prefix = self.agreed();
        match key.get(agreed..prefix) {
            Some(rest) if rest.len() <= 8 && prefix >= 8 => word(key, prefix - 8) == self.prefix_end,
            Some(rest) => *rest == self.model.as_bytes()[agreed..prefix],
            None => false,
        }
    }
}

/// The bits below `place`, which may be the number of bits.
fn low_bits(place: usize) -> u32 {
    u32::try_from(place).ok().and_then(|place| u32::MAX.checked_shl(place)).map_or(u32::MAX, |above| !above)
}

fn prefix_end(model: &[u8], prefix: usize) -> u64 {
    if prefix < 8 { 0 } else { word(model, prefix - 8) }
}

/// A node has few keys; and of a longer prefix the rest counts as bytes on which keys may differ, and costs ties.
fn narrow(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// How many bytes two keys agree on from their start.
fn agreement(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}
