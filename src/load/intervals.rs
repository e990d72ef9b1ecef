//! Lengths that vary at random, so that no rhythm of requests hides from what happens at their ends.

/// See the module. A seed decides them.
pub(super) struct Intervals(pub(super) u64);

impl Intervals {
    /// Between one and twice as many as asked for, less one; without end, if zero.
    pub(super) fn next(&mut self, mean: u32) -> usize {
        if mean == 0 {
            return usize::MAX;
        }
        // SplitMix64 (Steele, Lea and Flood, 2014).
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let most = u64::from(mean).saturating_mul(2).saturating_sub(1).max(1);
        usize::try_from(1 + (bits ^ bits >> 31) % most).unwrap_or(usize::MAX)
    }
}
