//! Searching among the keys of one node by fixed-width heads. Which nodes there are, and what they hold, is not known here.
//!
//! The head of a key is made of eight of its bytes, as one big-endian integer, picked so that heads are ordered as their
//! keys are, except that different keys may have equal heads. So a search is one rank among integers that lie side by side. The
//! bytes are those that follow the prefix on which all keys agree; or, over gaps on which they do, the first on which the keys do
//! *not* all agree: [`super::columns`]. That is where more keys are told apart so, or where the others say nothing beyond what tells
//! keys apart, so that a key that is looked for often had the head of one. Either way they are mostly taken out of a key at once:
//! [`super::window`]. Where some heads would still be equal, [`super::forks`] take the place of all.
//!
//! Where that tells all keys apart, the head is simply what a key begins with: most nodes of keys without structure are so, and
//! there is nothing to find out about prefixes on the way down.
//!
//! The first key of a node takes no part: a search comes to a node only for keys that are not less, and the first key of a
//! table is mostly the empty one, which agrees with no other.
//!
//! This file is what heads are and how to search among them; [`make`] makes them.
//!
//! The idea is that of the partial keys of HOT (Binna and others, 2018) and of the feature bytes of FB+-trees (2025).

mod make;

use std::mem::offset_of;

use super::columns::{Columns, Seen, word};
use super::forks::{self, Common};
use super::keys::Keys;
use super::probe::Probe;
use super::stretch::{FAR, NEAR};
use super::wide::{Lanes, Narrow, Search, ordered};
use super::window::Window;
use crate::table::prefetch::{prefetch, prefetch_all};

/// How many keys a leaf holds at most: the more, the fewer levels there are to go down, and the more is copied with a change.
pub(super) const LEAF: usize = 48;
/// How many children an inner node has at most: a copy of it counts a reference to each, which is most of what it costs.
pub(super) const INNER: usize = 24;

/// How many of the last bytes of a prefix are at hand.
const TAIL: usize = 16;

/// How many heads lie in a cache line.
const LINE: usize = 8;

/// Nodes are searched in three parts: with two comparisons, which one, and then all heads of it at once.
const PARTS: usize = 3;

/// The heads of a node's keys, in ascending order. What a search needs first fills one cache line, and the heads the
/// following ones.
#[derive(Clone, Copy)]
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
    /// is none. Or what [`forks`] know of the keys.
    heads: [i64; N],
    /// In lines of their own, which a search needs only if they have something to say.
    picked: Picked,
}

const _: () = assert!(offset_of!(Heads<LEAF>, heads) == align_of::<Heads<LEAF>>());

/// How the head of a key that is looked for is found.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// It is what a key begins with, and no two heads are equal.
    First,
    /// Mostly through the window.
    Window,
    /// By the prefix and what follows it, or by columns: also where a window does not do.
    Apart,
    /// There are none, but [`forks`]; near each other or far apart.
    Forks,
    FarForks,
}

/// What there is beside heads.
#[derive(Clone, Copy)]
struct Picked {
    /// The last bytes of the prefix, or all that it has and zeros, so that it mostly takes no key to compare with.
    tail: [u8; TAIL],
    /// The bytes of a head, if they do not simply follow the prefix.
    columns: Option<Columns>,
}

impl<const N: usize> Heads<N> {
    /// How many bytes a search touches, if they have something to say.
    pub(super) const BYTES: usize = offset_of!(Self, picked);

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
            Way::Forks => "by forks",
            Way::FarForks => "by far forks",
        };
        let ties = !self.has_forks() && self.ties() > 0;
        (way, self.picked.columns.is_some(), ties)
    }

    fn has_forks(&self) -> bool {
        matches!(self.way, Way::Forks | Way::FarForks)
    }

    /// How many bytes come before the first one of a head. All keys agree on them.
    #[inline]
    fn agreed(&self) -> usize {
        usize::from(self.prefix)
    }

    /// [`rank`](Self::rank), where it is known from what the key begins with, and from nothing else.
    #[inline(always)]
    pub(super) fn first_rank<L: Lanes>(&self, probe: &Probe<'_>) -> Option<usize> {
        if self.way == Way::First { self.rank_of::<L>(probe.first) } else { None }
    }

    /// [`rank`](Self::rank), where the window tells and what comes before it is known or at hand.
    #[inline(always)]
    pub(super) fn window_rank<L: Lanes>(&self, probe: &Probe<'_>, agreed: usize) -> Option<(usize, usize)> {
        let head = self.window_head::<L>(probe, agreed)?;
        Some((self.rank_of::<L>(head)?, self.agreed().max(agreed)))
    }

    #[inline(always)]
    fn window_head<L: Lanes>(&self, probe: &Probe<'_>, agreed: usize) -> Option<i64> {
        if self.way != Way::Window {
            return None;
        }
        let head = self.window.head::<L>(probe.key)?;
        if self.window.at() > agreed && !self.has_tail(probe.key, agreed) {
            return None;
        }
        Some(head)
    }

    /// The head of a key, if it is found at once. Has all loaded that [`rank_of`](Self::rank_of) touches then, and else what
    /// [`rank`](Self::rank) may.
    #[inline(always)]
    pub(super) fn head_ahead<L: Lanes>(&self, probe: &Probe<'_>, agreed: usize) -> Option<i64> {
        let head =
            if self.way == Way::First { Some(probe.first) } else { self.window_head::<L>(probe, agreed) };
        let Some(found) = head else {
            prefetch_all(&self.heads);
            return None;
        };
        let part = &self.heads[self.part_of(found) * N / PARTS..][..N / PARTS];
        prefetch(&part[0], 1);
        if N / PARTS > LINE {
            prefetch(&part[LINE], 1);
        }
        head
    }

    /// In which part a head belongs.
    #[inline(always)]
    fn part_of(&self, head: i64) -> usize {
        self.firsts.iter().map(|first| usize::from(*first <= head)).sum()
    }

    /// How many keys are less than one that has this head, if none has it.
    #[inline(always)]
    pub(super) fn rank_of<L: Lanes>(&self, head: i64) -> Option<usize> {
        let rank = self.count::<L>(head);
        // Unused places have the greatest head: a key that has it, too, is one of the rare ones.
        (self.heads[rank - 1] != head).then_some(rank)
    }

    /// How many keys are at most one that is not less than the first one, and whose first `agreed` bytes are known to
    /// be those of all the others; and how many bytes are known of a key that turns out to stand between two of them.
    #[inline(always)]
    pub(super) fn rank<L: Lanes>(&self, probe: &Probe<'_>, agreed: usize, keys: &Keys) -> (usize, usize) {
        if self.way == Way::First {
            return (self.rank_among::<L>(probe.key, probe.first, keys), agreed);
        }
        if let Some(found) = self.window_rank::<L>(probe, agreed) {
            return found;
        }
        match self.way {
            Way::Forks => L::apart(Forked::<N, NEAR> { heads: self, agreed, keys }, probe.key),
            Way::FarForks => L::apart(Forked::<N, FAR> { heads: self, agreed, keys }, probe.key),
            _ => L::apart(Aside { heads: self, agreed, keys }, probe.key),
        }
    }

    /// How many keys are at most one that has this head, which may be that of some keys, or that of unused places.
    #[inline(always)]
    fn rank_among<L: Lanes>(&self, key: &[u8], head: i64, keys: &Keys) -> usize {
        let rank = self.count_to::<L>(head);
        if rank > 1 && self.heads[rank - 1] == head { self.untie(key, rank, keys) } else { rank }
    }

    /// [`rank`](Self::rank), however the head of a key is found.
    #[inline(always)]
    fn rank_by_heads<L: Lanes>(&self, key: &[u8], agreed: usize, keys: &Keys) -> (usize, usize) {
        let head = match self.look_for(key, agreed, keys) {
            Ok(head) => head,
            Err(outside) => return outside,
        };
        (self.rank_among::<L>(key, head, keys), self.agreed().max(agreed))
    }

    /// [`rank`](Self::rank) of any key, if it lies between two keys that take part, as heads tell that are found at once.
    #[inline(always)]
    pub(super) fn rank_within<L: Lanes>(&self, probe: &Probe<'_>, keys: &Keys) -> Option<usize> {
        let head = match self.way {
            Way::First => probe.first,
            Way::Window => {
                let head = self.window.head::<L>(probe.key)?;
                if self.window.at() > 0 && !self.has_prefix(probe.key, 0, keys) {
                    return None;
                }
                head
            }
            Way::Forks | Way::FarForks => {
                let (rank, _) = self.rank::<L>(probe, 0, keys);
                return (rank > 1 && rank < self.len()).then_some(rank);
            }
            Way::Apart => return None,
        };
        let rank = self.count::<L>(head);
        (rank > 1 && rank < self.len() && self.heads[rank - 1] != head).then_some(rank)
    }

    /// The head of a key, however it is found; or its [`rank`](Self::rank), if it does not agree with the others where they agree.
    #[inline(always)]
    fn look_for(&self, key: &[u8], agreed: usize, keys: &Keys) -> Result<i64, (usize, usize)> {
        if self.agreed() > agreed && !self.has_prefix(key, agreed, keys) {
            let common = Common { agreed, base: self.agreed() };
            return Err(forks::outside(self.len(), common, key, keys));
        }
        let known = self.agreed().max(agreed);
        match self.look_at(key) {
            Seen::Head(head) => Ok(ordered(head)),
            Seen::Before(head) => Err((self.count_below(ordered(head)), known)),
            Seen::After(head) => Err((self.count_to::<Narrow>(ordered(head)), known)),
        }
    }

    /// How many keys are at most one that has the head of some keys, of which the last is at `rank - 1`.
    #[inline(never)]
    fn untie(&self, key: &[u8], rank: usize, keys: &Keys) -> usize {
        let head = self.heads[rank - 1];
        // Mostly it is: who changes a shard looks for where it starts.
        let is_lone = rank == 2 || self.heads[rank - 2] != head;
        let first =
            if is_lone { rank - 1 } else { self.heads[1..rank].partition_point(|other| *other < head) + 1 };
        let (mut low, mut high) = (first, rank);
        while low < high {
            let middle = usize::midpoint(low, high);
            if keys.get(middle)[self.agreed()..] <= key[self.agreed()..] {
                low = middle + 1
            } else {
                high = middle
            }
        }
        low
    }

    /// How many heads are at most `head`, at least the first key's.
    #[inline(always)]
    fn count_to<L: Lanes>(&self, head: i64) -> usize {
        self.count::<L>(head).min(self.len())
    }

    /// The same, where unused places count for the greatest head. Without a branch: first the part is found, then the place in it.
    #[inline(always)]
    fn count<L: Lanes>(&self, head: i64) -> usize {
        let part = self.part_of(head);
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

    /// A key that has the prefix, as the node sees it.
    #[inline]
    fn look_at(&self, key: &[u8]) -> Seen {
        match &self.picked.columns {
            Some(columns) => columns.see(key),
            None => Seen::Head(word(key, self.agreed())),
        }
    }

    /// [`has_prefix`](Self::has_prefix), if that is told by what is at hand.
    #[inline(always)]
    fn has_tail(&self, key: &[u8], agreed: usize) -> bool {
        let Some(prefix) = key.get(..self.agreed()) else { return false };
        prefix
            .split_last_chunk::<TAIL>()
            .is_some_and(|(before, tail)| before.len() <= agreed && *tail == self.picked.tail)
    }

    /// Whether a key that agrees on its first `agreed` bytes agrees on the whole prefix, as the second of `keys` does. Mostly a few
    /// bytes are left, and they are at hand.
    #[inline(always)]
    fn has_prefix(&self, key: &[u8], agreed: usize, keys: &Keys) -> bool {
        let Some(prefix) = key.get(..self.agreed()) else { return false };
        match prefix.split_last_chunk::<TAIL>() {
            Some((before, tail)) => {
                let begins = || before[agreed..] == keys.get(1)[agreed..before.len()];
                *tail == self.picked.tail && (before.len() <= agreed || begins())
            }
            None => *prefix == self.picked.tail[..prefix.len()],
        }
    }
}

/// The [`rank`](Heads::rank) of a key, by forks that lie as close as `REACH` says.
struct Forked<'h, const N: usize, const REACH: usize> {
    heads: &'h Heads<N>,
    agreed: usize,
    keys: &'h Keys,
}

impl<const N: usize, const REACH: usize> Search<&[u8]> for Forked<'_, N, REACH> {
    type Found = (usize, usize);

    #[inline(always)]
    fn run<L: Lanes>(self, key: &[u8]) -> (usize, usize) {
        let Self { heads, agreed, keys } = self;
        let common = Common { agreed, base: heads.agreed() };
        forks::rank::<L::Stretch<REACH>, N>(&heads.heads, heads.len(), common, key, keys)
    }
}

/// The [`rank`](Heads::rank) of a key by heads that are not found at once.
struct Aside<'h, const N: usize> {
    heads: &'h Heads<N>,
    agreed: usize,
    keys: &'h Keys,
}

impl<const N: usize> Search<&[u8]> for Aside<'_, N> {
    type Found = (usize, usize);

    #[inline(always)]
    fn run<L: Lanes>(self, key: &[u8]) -> (usize, usize) {
        let Self { heads, agreed, keys } = self;
        heads.rank_by_heads::<L>(key, agreed, keys)
    }
}
