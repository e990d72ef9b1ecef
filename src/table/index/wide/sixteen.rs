//! Sixteen bytes at once, where nothing is known of the processor.

/// How many bytes.
pub(in crate::table::index) const LANES: usize = 16;

/// Sixteen bytes, and what a processor does with all of them at once.
pub(in crate::table::index) trait Sixteen: Copy {
    /// Those of `bytes` from a place on.
    fn load(bytes: &[u8], from: usize) -> Self;

    /// Those of two integers, the lowest first.
    fn of(integers: &[i64], from: usize) -> Self;

    /// The byte of an integer of this number, lowest first, everywhere.
    fn spread(integer: u64, byte: usize) -> Self;

    /// The bytes at these places, of which only the lowest four bits count; zero where the uppermost bit of a place is set.
    fn pick(self, places: Self) -> Self;

    /// The bytes of `other` where this bit of `places` is set.
    fn or_if<const BIT: i32>(self, other: Self, places: Self) -> Self;

    fn and(self, other: Self) -> Self;

    fn or(self, other: Self) -> Self;

    /// A bit for each byte that is not less than that of `other`.
    fn at_least(self, other: Self) -> u64;

    /// A bit for each byte that is that of `other`.
    fn equal(self, other: Self) -> u64;
}

/// One after the other, as far as the compiler knows no better.
impl Sixteen for [u8; LANES] {
    #[inline(always)]
    fn load(bytes: &[u8], from: usize) -> Self {
        bytes[from..].first_chunk().copied().unwrap_or_default()
    }

    #[inline(always)]
    fn of(integers: &[i64], from: usize) -> Self {
        let mut bytes = [0; LANES];
        bytes[..8].copy_from_slice(&integers[from].to_le_bytes());
        bytes[8..].copy_from_slice(&integers[from + 1].to_le_bytes());
        bytes
    }

    #[inline(always)]
    fn spread(integer: u64, byte: usize) -> Self {
        [integer.to_le_bytes()[byte]; LANES]
    }

    #[inline(always)]
    fn pick(self, places: Self) -> Self {
        places.map(|place| if place < 0x80 { self[usize::from(place) % LANES] } else { 0 })
    }

    #[inline(always)]
    fn or_if<const BIT: i32>(self, other: Self, places: Self) -> Self {
        std::array::from_fn(|at| if places[at] >> BIT & 1 != 0 { other[at] } else { self[at] })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        (u128::from_ne_bytes(self) & u128::from_ne_bytes(other)).to_ne_bytes()
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        (u128::from_ne_bytes(self) | u128::from_ne_bytes(other)).to_ne_bytes()
    }

    #[inline(always)]
    fn at_least(self, other: Self) -> u64 {
        (0..LANES).fold(0, |bits, at| bits | u64::from(self[at] >= other[at]) << at)
    }

    #[inline(always)]
    fn equal(self, other: Self) -> u64 {
        (0..LANES).fold(0, |bits, at| bits | u64::from(self[at] == other[at]) << at)
    }
}
