//! Sixteen bytes of a key that hold the whole head and what comes before it, and how to take the head out of them at once: one
//! shuffle, and one comparison of all bytes on which the keys of a node agree. So nodes of plain heads and of columns look alike
//! to a search, with no branch to be guessed.

use super::wide::Lanes;

/// How many bytes are looked at together.
pub(super) const WINDOW: usize = 16;
/// How many of them make a head.
const HEAD: usize = size_of::<u64>();

/// Puts a zero in the place of a byte.
const NONE: u8 = 0x80;

/// See the module.
#[derive(Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "other processors read a head run by run"))]
pub(super) struct Window {
    at: u16,
    /// Which byte goes where in a head, the least significant first.
    pub(super) picks: [u8; HEAD],
    /// All bits of the bytes that keys agree on.
    pub(super) fixed: [u8; WINDOW],
    /// What all keys have there, and zeros.
    pub(super) agreed: [u8; WINDOW],
}

impl Window {
    /// Of no key: no search looks at it.
    pub(super) const NOWHERE: Self =
        Self { at: u16::MAX, picks: [NONE; HEAD], fixed: [0; WINDOW], agreed: [0; WINDOW] };

    /// On heads that are made of the bytes at these places, at most eight that ascend, of keys that are like `model` in all places
    /// before and between. `None` if they are too far apart.
    pub(super) fn of(places: impl Iterator<Item = usize> + Clone, model: &[u8]) -> Option<Self> {
        let (first, last) = (places.clone().next()?, places.clone().last()?);
        // It ends where the head does, so that keys need not be longer.
        let at = (last + 1).saturating_sub(WINDOW);
        let mut window = Self { at: u16::try_from(at).ok().filter(|_| first >= at)?, ..Self::NOWHERE };
        for place in at..last {
            window.fixed[place - at] = u8::MAX;
            window.agreed[place - at] = model.get(place).copied().unwrap_or(0);
        }
        for (pick, place) in window.picks.iter_mut().rev().zip(places) {
            *pick = u8::try_from(place - at).unwrap_or(NONE);
            (window.fixed[place - at], window.agreed[place - at]) = (0, 0);
        }
        Some(window)
    }

    /// How many bytes of a key come before: it is for others to know that they are those of all keys.
    #[inline(always)]
    pub(super) fn at(&self) -> usize {
        usize::from(self.at)
    }

    /// The head of a key, as [`ordered`](super::wide::ordered) makes it, if the key is long enough, agrees with all others where
    /// they agree, and this can be done at once.
    #[inline(always)]
    pub(super) fn head<L: Lanes>(&self, key: &[u8]) -> Option<i64> {
        L::pick(self, key.get(self.at()..self.at() + WINDOW)?.first_chunk()?)
    }
}
