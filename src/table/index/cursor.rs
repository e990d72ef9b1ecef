//! Looking up a batch of keys that may come in order: a place moves along with them, and only keys that are neither in its
//! shard nor near after it are looked up, as many together as the ones before suggest.

use super::Index;
use super::batch::GROUP;
use super::iter::Place;
use crate::shard::Route;

/// Where to look for a key, seen from a place.
enum Sight<'t> {
    /// It is here.
    Owned(Place<'t>),
    /// It lies in the gap after the place.
    Unowned,
    /// Before the place, or beyond the next one.
    Elsewhere,
}

impl<'t> Place<'t> {
    fn sight(self, key: &[u8]) -> Sight<'t> {
        let Self { leaf, slot } = self;
        if key < self.start() {
            return Sight::Elsewhere;
        }
        if leaf.end(slot).is_above(key) {
            return Sight::Owned(self);
        }
        if !self.has_after(1) {
            return Sight::Elsewhere;
        }
        let next = Self { leaf, slot: slot + 1 };
        match next.start() <= key {
            false => Sight::Unowned,
            true if leaf.end(next.slot).is_above(key) => Sight::Owned(next),
            true => Sight::Elsewhere,
        }
    }

    fn comes_before(self, other: Self) -> bool {
        !self.is(other) && self.start() < other.start()
    }
}

impl Index {
    /// Gives `answer` the route of the shard that owns each key, in the order of the keys, and says whether these shards
    /// ascend, each as often as it likes.
    ///
    /// A key in the shard of the one before, in the next shard of the same leaf or in the gap between costs a few
    /// comparisons. One that is elsewhere is looked up; after it two are, then four, up to a whole group at once, until one
    /// is near again. So keys in order take one pass, and keys in no order cost what [`places`](Self::places) does.
    pub(in crate::table) fn routes_along<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
        mut answer: impl FnMut(Option<&Route>),
    ) -> bool {
        let (mut last, mut ascend) = (None::<Place<'_>>, true);
        let (mut keys, mut together) = (keys, 1);
        while let Some((first, others)) = keys.split_first() {
            match last.map_or(Sight::Elsewhere, |last| last.sight(first.as_ref())) {
                Sight::Owned(place) => {
                    answer(Some(place.route()));
                    (last, keys, together) = (Some(place), others, 1);
                }
                Sight::Unowned => {
                    answer(None);
                    (keys, together) = (others, 1);
                }
                Sight::Elsewhere => {
                    let (group, others) = keys.split_at(together.min(keys.len()));
                    self.places(group, |place| {
                        answer(place.map(Place::route));
                        ascend &= last.zip(place).is_none_or(|(last, place)| !place.comes_before(last));
                        last = place.or(last);
                    });
                    (keys, together) = (others, GROUP.min(2 * together));
                }
            }
        }
        ascend
    }
}
