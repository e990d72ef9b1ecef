//! Pseudo-random numbers that a seed decides. What is drawn with them is not known here.

/// `SplitMix64` (Steele, Lea and Flood, 2014): a few instructions a number, and good enough to choose keys and shards.
pub(crate) struct Random(u64);

impl Random {
    /// Every stream of one seed is another one.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not zero.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// One of `items`, if there is one.
    pub(crate) fn pick<'i, T>(&mut self, items: &'i [T]) -> Option<&'i T> {
        items.get(self.place_in(items.len()))
    }

    /// Every order is as likely as any other (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            let other = self.place_in(place + 1);
            items.swap(place, other);
        }
    }

    fn place_in(&mut self, len: usize) -> usize {
        let limit = u64::try_from(len).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.below(limit)).unwrap_or_default()
    }
}
