//! Making the heads of some keys, and keeping them as keys come and go: which bytes of them, and how a search will find those.

use arrayvec::ArrayVec;

use super::{Heads, PARTS, Picked, TAIL, Way};
use crate::table::index::columns::{Columns, Seen, word};
use crate::table::index::forks::{Forks, agreed};
use crate::table::index::keys::Keys;
use crate::table::index::wide::ordered;
use crate::table::index::window::Window;

/// With so few keys all heads are made anew, for they say little of those to come.
const FEW: usize = 8;

/// How many bytes of heads had better be left that vary, and are not needed to tell two apart.
const ROOM: u32 = 1;

impl<const N: usize> Heads<N> {
    /// Of `len` keys, in ascending order. O(bytes of the keys on which they differ).
    pub(in crate::table::index) fn of<'k>(len: usize, key: impl Fn(usize) -> &'k [u8]) -> Self {
        let (model, last): (&[u8], &[u8]) = if len < 2 { (&[], &[]) } else { (key(1), key(len - 1)) };
        let mut heads = Self { len: u8::try_from(len).unwrap_or(u8::MAX), ..Self::default() };
        let prefix = prefix_of(model, last);
        heads.begin_at(prefix, model, &key);
        if heads.ties() > 0 {
            heads.try_columns(prefix, &key);
            if heads.ties() > 0 && heads.try_forks(prefix, &key) {
                return heads;
            }
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
            if start == prefix && heads.room() < ROOM {
                heads.try_columns(prefix, &key);
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
        self.leave_out(prefix, model);
        self.fill(key);
    }

    fn leave_out(&mut self, prefix: usize, model: &[u8]) {
        self.prefix = u16::try_from(prefix).unwrap_or(u16::MAX);
        let tail = &model[prefix.saturating_sub(TAIL)..prefix];
        self.picked.tail = [0; TAIL];
        self.picked.tail[..tail.len()].copy_from_slice(tail);
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

    /// Picks bytes in another way, if fewer keys tie so; or if none does either way, and more room is left so behind what tells two
    /// apart. With none a key that is looked for often has the head of one.
    fn try_columns<'k>(&mut self, prefix: usize, key: &impl Fn(usize) -> &'k [u8]) {
        if let Some(columns) = Columns::of(prefix, self.len(), key) {
            let mut other = *self;
            other.picked.columns = Some(columns);
            other.fill(key);
            let ties = other.ties();
            if ties < self.ties() || ties == 0 && other.room() > self.room() {
                *self = other;
            }
        }
    }

    /// How many bytes vary among heads behind the last that tells two of them apart.
    fn room(&self) -> u32 {
        let heads = &self.heads[1..self.len()];
        let apart = |pair: &[i64]| (pair[0] ^ pair[1]).leading_zeros() / u8::BITS;
        let last = heads.windows(2).map(apart).max().unwrap_or(0);
        let varies = heads.windows(2).fold(0, |bits, pair| bits | pair[0] ^ pair[1]).to_be_bytes();
        let behind = varies.iter().skip(1 + last as usize);
        behind.map(|byte| u32::from(*byte != 0)).sum()
    }

    /// Puts forks behind a prefix that all have in the place of heads, if they are near enough.
    fn try_forks<'k>(&mut self, prefix: usize, key: &impl Fn(usize) -> &'k [u8]) -> bool {
        let Some(forks) = Forks::of(self.len(), prefix, key) else { return false };
        self.picked.columns = None;
        self.way = if forks.are_near { Way::Forks } else { Way::FarForks };
        self.heads = forks.words;
        true
    }

    /// Makes forks anew for other keys, which are likely to need them, too.
    fn try_forks_again(&mut self, len: usize, keys: &Keys) -> bool {
        let (model, last) = (keys.get(1), keys.get(len - 1));
        let prefix = prefix_of(model, last);
        self.len = u8::try_from(len).unwrap_or(u8::MAX);
        self.leave_out(prefix, model);
        self.try_forks(prefix, &|place| keys.get(place))
    }

    fn fill<'k>(&mut self, key: &impl Fn(usize) -> &'k [u8]) {
        for place in 1..self.len() {
            self.heads[place] = self.head(key(place));
        }
        self.settle();
    }

    /// The head of a key that agrees with the others where they agree.
    #[inline]
    fn head(&self, key: &[u8]) -> i64 {
        ordered(match &self.picked.columns {
            Some(columns) => columns.head(key),
            None => word(key, self.agreed()),
        })
    }

    /// How many keys have the head of the one before.
    pub(super) fn ties(&self) -> usize {
        self.heads[..self.len()].windows(2).skip(1).filter(|pair| pair[0] == pair[1]).count()
    }

    /// Takes the heads of `gone` keys from a place on out and puts those of `new` keys there; `keys` are all as they will
    /// be. Makes all heads anew where the new keys do not fit the way in which heads are made.
    pub(in crate::table::index) fn splice(&mut self, from: usize, gone: usize, new: usize, keys: &Keys) {
        let len = self.len() + new - gone;
        if self.has_forks() && len > FEW && self.try_forks_again(len, keys) {
            return;
        }
        // What was the first key takes part now; or a few keys that went together have little in common with those to come.
        let takes_part = from == 0 && gone == 0;
        let fresh = from.max(1)..from + new;
        // Some key that has been there.
        let model = if from > 1 { 1 } else { len.saturating_sub(1) };
        let fits = |place| {
            !fresh.contains(&model)
                && keys.get(place).get(..self.agreed()) == keys.get(model).get(..self.agreed())
                && matches!(self.look_at(keys.get(place)), Seen::Head(_))
        };
        if len <= FEW || self.has_forks() || new > 0 && (takes_part || !fresh.clone().all(fits)) {
            *self = Self::of(len, |place| keys.get(place));
            return;
        }
        let before = self.len();
        self.heads.copy_within(from + gone..before, from + new);
        self.len = u8::try_from(len).unwrap_or(u8::MAX);
        for place in fresh {
            self.heads[place] = self.head(keys.get(place));
        }
        self.settle();
        let ties = |place: usize| place > 1 && place < len && self.heads[place] == self.heads[place - 1];
        if new > 0 && (from..=from + new).any(ties) {
            *self = Self::of(len, |place| keys.get(place));
        }
    }

    /// What follows from the heads that are in use.
    fn settle(&mut self) {
        let len = self.len();
        self.heads[len..].fill(i64::MAX);
        self.heads[0] = if len > 0 { i64::MIN } else { i64::MAX };
        self.firsts = std::array::from_fn(|part| self.heads[(part + 1) * N / PARTS]);
    }
}

impl<const N: usize> Default for Heads<N> {
    /// Of no keys.
    fn default() -> Self {
        Self {
            len: 0,
            way: Way::Apart,
            prefix: 0,
            window: Window::NOWHERE,
            firsts: [i64::MAX; PARTS - 1],
            heads: [i64::MAX; N],
            picked: Picked { tail: [0; TAIL], columns: None },
        }
    }
}

/// How many bytes all keys have in common from one to another, as far as they can be left out.
fn prefix_of(one: &[u8], other: &[u8]) -> usize {
    agreed(one, other, 0).min(usize::from(u16::MAX))
}

/// How many bytes two heads have in common at their beginning.
fn same_bytes(one: i64, other: i64) -> usize {
    ((one ^ other).leading_zeros() / u8::BITS) as usize
}
