//! Counting how many of some integers are at most another one, in the way that suits the processor, and running a search in
//! a version that is compiled for wider instructions, where the processor has them. Nothing else here is `unsafe`.

#![allow(
    unsafe_code,
    reason = "code for instructions that not every processor has is called only where they are"
)]

/// An unsigned integer as a signed one, in the same order: wide comparisons are signed.
#[inline(always)]
pub(super) const fn ordered(unsigned: u64) -> i64 {
    (unsigned ^ 1 << (u64::BITS - 1)) as i64
}

use super::window::{WINDOW, Window};

/// Sixteen bytes, and what a processor does with all of them at once.
pub(super) trait Sixteen: Copy {
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
    fn at_least(self, other: Self) -> u16;

    /// A bit for each byte that is that of `other`.
    fn equal(self, other: Self) -> u16;
}

/// One after the other, as far as the compiler knows no better.
impl Sixteen for [u8; 16] {
    #[inline(always)]
    fn load(bytes: &[u8], from: usize) -> Self {
        bytes[from..].first_chunk().copied().unwrap_or_default()
    }

    #[inline(always)]
    fn of(integers: &[i64], from: usize) -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&integers[from].to_le_bytes());
        bytes[8..].copy_from_slice(&integers[from + 1].to_le_bytes());
        bytes
    }

    #[inline(always)]
    fn spread(integer: u64, byte: usize) -> Self {
        [integer.to_le_bytes()[byte]; 16]
    }

    #[inline(always)]
    fn pick(self, places: Self) -> Self {
        places.map(|place| if place < 0x80 { self[usize::from(place) % 16] } else { 0 })
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
    fn at_least(self, other: Self) -> u16 {
        (0..16).fold(0, |bits, at| bits | u16::from(self[at] >= other[at]) << at)
    }

    #[inline(always)]
    fn equal(self, other: Self) -> u16 {
        (0..16).fold(0, |bits, at| bits | u16::from(self[at] == other[at]) << at)
    }
}

/// How a search counts, and picks bytes.
pub(super) trait Lanes {
    type Bytes: Sixteen;

    /// Runs what is rarely part of a search, and not worth being compiled into each.
    fn apart<S: Search>(search: S) -> S::Found;

    /// How many of `integers`, which ascend and are a multiple of eight, are at most `most`. Without a branch.
    fn at_most<const N: usize>(integers: &[i64; N], most: i64) -> usize;

    /// The head of a key that has these bytes, [`ordered`]; nothing, if it differs where all others agree, or if this cannot be done
    /// at once.
    #[inline(always)]
    fn pick(_: &Window, _: &[u8; WINDOW]) -> Option<i64> {
        None
    }
}

/// All are compared, several at once as far as the compiler knows how.
#[cfg(any(test, not(target_arch = "x86_64")))]
pub(super) struct Even;

/// By halves: the fewest comparisons, one after the other.
pub(super) struct Narrow;

#[cfg(any(test, not(target_arch = "x86_64")))]
impl Lanes for Even {
    type Bytes = [u8; 16];

    #[inline(never)]
    fn apart<S: Search>(search: S) -> S::Found {
        search.run::<Self>()
    }

    #[inline(always)]
    fn at_most<const N: usize>(integers: &[i64; N], most: i64) -> usize {
        integers.iter().map(|integer| usize::from(*integer <= most)).sum()
    }
}

impl Lanes for Narrow {
    type Bytes = [u8; 16];

    #[inline(never)]
    fn apart<S: Search>(search: S) -> S::Found {
        search.run::<Self>()
    }

    #[inline(always)]
    fn at_most<const N: usize>(integers: &[i64; N], most: i64) -> usize {
        let (mut from, mut len) = (0, N);
        while len > 1 {
            let half = len / 2;
            from += half * usize::from(integers[from + half - 1] <= most);
            len -= half;
        }
        from + integers.get(from).map_or(0, |integer| usize::from(*integer <= most))
    }
}

/// A search that can be compiled for each.
pub(super) trait Search {
    type Found;

    fn run<L: Lanes>(self) -> Self::Found;
}

/// Runs a search as the processor can run it fastest. Small, so that it is compiled into its callers, and theirs.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn run<S: Search>(search: S) -> S::Found {
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor has what the function is compiled for.
        unsafe { four::run_on_avx2(search) }
    } else {
        run_on_any(search)
    }
}

/// Runs a search: either every processor of the kind compares several at once, or none does.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(super) fn run<S: Search>(search: S) -> S::Found {
    search.run::<Even>()
}

#[cfg(target_arch = "x86_64")]
#[inline(never)]
fn run_on_any<S: Search>(search: S) -> S::Found {
    search.run::<Narrow>()
}

/// Four integers at once.
#[cfg(target_arch = "x86_64")]
mod four {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_and_si128, _mm_blendv_epi8, _mm_cmpeq_epi8, _mm_cvtsi32_si128, _mm_cvtsi64_si128,
        _mm_max_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8, _mm_sll_epi16, _mm_cvtsi128_si64, _mm_loadl_epi64, _mm_loadu_si128, _mm_set1_epi64x, _mm_shuffle_epi8,
        _mm_testz_si128, _mm_xor_si128, _mm256_castsi256_ps, _mm256_cmpgt_epi64, _mm256_loadu_si256,
        _mm256_movemask_epi8, _mm256_movemask_ps, _mm256_packs_epi16, _mm256_packs_epi32, _mm256_set1_epi64x,
    };

    use super::{Lanes, Search, Sixteen, WINDOW, Window};

    /// Cannot be named outside: only what runs where AVX2 is counts so.
    struct Four;

    impl Lanes for Four {
        type Bytes = Vector;

        #[inline(always)]
        fn apart<S: Search>(search: S) -> S::Found {
            // SAFETY: the processor has AVX2 and counts bits where `Four` is used.
            unsafe { run_on_avx2_apart(search) }
        }

        #[inline(always)]
        fn at_most<const N: usize>(integers: &[i64; N], most: i64) -> usize {
            const { assert!(N % 8 == 0) };
            // How many are above, in whatever order: a sum of bits.
            let (mut above, mut at) = (0, 0);
            while at + 16 <= N {
                above += above_in_sixteen(integers, at, most);
                at += 16;
            }
            if at < N {
                above += above_in_eight(integers, at, most);
            }
            N - above as usize
        }

        #[inline(always)]
        fn pick(window: &Window, bytes: &[u8; WINDOW]) -> Option<i64> {
            // SAFETY: each load is of as many bytes as are there; and what is called is part of AVX2, which is there where `Four`
            // is used, in `run_on_avx2` alone.
            unsafe {
                let [bytes, fixed, agreed] = [bytes, &window.fixed, &window.agreed]
                    .map(|bytes| _mm_loadu_si128(bytes.as_ptr().cast()));
                let agrees = _mm_testz_si128(_mm_xor_si128(bytes, agreed), fixed) == 1;
                let picks = _mm_loadl_epi64(window.picks.as_ptr().cast());
                let head = _mm_xor_si128(_mm_shuffle_epi8(bytes, picks), _mm_set1_epi64x(i64::MIN));
                agrees.then_some(_mm_cvtsi128_si64(head))
            }
        }
    }

    #[inline(always)]
    fn above_in_sixteen<const N: usize>(integers: &[i64; N], at: usize, most: i64) -> u32 {
        // Not by a closure: the compiler does not always make it a part of this.
        let (first, second) = (above_four(integers, at, most), above_four(integers, at + 4, most));
        let (third, fourth) = (above_four(integers, at + 8, most), above_four(integers, at + 12, most));
        // SAFETY: it is part of AVX2, which is there where `Four` is used.
        let pairs = unsafe {
            let halves = (_mm256_packs_epi32(first, second), _mm256_packs_epi32(third, fourth));
            _mm256_movemask_epi8(_mm256_packs_epi16(halves.0, halves.1))
        };
        pairs.count_ones() / 2
    }

    #[inline(always)]
    fn above_in_eight<const N: usize>(integers: &[i64; N], at: usize, most: i64) -> u32 {
        let (first, second) = (above_four(integers, at, most), above_four(integers, at + 4, most));
        // SAFETY: it is part of AVX2, which is there where `Four` is used.
        unsafe { _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_packs_epi32(first, second))) }.count_ones()
    }

    /// All bits of those above `most`.
    #[inline(always)]
    fn above_four<const N: usize>(integers: &[i64; N], at: usize, most: i64) -> __m256i {
        let four = &integers[at..at + 4];
        // SAFETY: the load is of four integers that are there; and what is called is part of AVX2, which is there where `Four`
        // is used.
        unsafe { _mm256_cmpgt_epi64(_mm256_loadu_si256(four.as_ptr().cast()), _mm256_set1_epi64x(most)) }
    }

    /// Can be made only where AVX2 is.
    #[derive(Clone, Copy)]
    pub(super) struct Vector(__m128i);

    // SAFETY, of all that is called below: it is part of AVX2 or of what comes with it, and a `Vector` is made only for `Four`.
    impl Sixteen for Vector {
        #[inline(always)]
        fn load(bytes: &[u8], from: usize) -> Self {
            let bytes = &bytes[from..from + 16];
            // SAFETY: the load is of sixteen bytes that are there.
            Self(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
        }

        #[inline(always)]
        fn of(integers: &[i64], from: usize) -> Self {
            let two = &integers[from..from + 2];
            // SAFETY: the load is of two integers that are there.
            Self(unsafe { _mm_loadu_si128(two.as_ptr().cast()) })
        }

        #[inline(always)]
        fn spread(integer: u64, byte: usize) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm_shuffle_epi8(_mm_cvtsi64_si128(integer as i64), _mm_set1_epi8(byte as i8)) })
        }

        #[inline(always)]
        fn pick(self, places: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm_shuffle_epi8(self.0, places.0) })
        }

        #[inline(always)]
        fn or_if<const BIT: i32>(self, other: Self, places: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm_blendv_epi8(self.0, other.0, _mm_sll_epi16(places.0, _mm_cvtsi32_si128(7 - BIT))) })
        }

        #[inline(always)]
        fn and(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm_and_si128(self.0, other.0) })
        }

        #[inline(always)]
        fn or(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { _mm_or_si128(self.0, other.0) })
        }

        #[inline(always)]
        fn at_least(self, other: Self) -> u16 {
            // SAFETY: see above.
            Self(unsafe { _mm_max_epu8(self.0, other.0) }).equal(self)
        }

        #[inline(always)]
        fn equal(self, other: Self) -> u16 {
            // SAFETY: see above.
            unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(self.0, other.0)) as u16 }
        }
    }

    /// # Safety
    ///
    /// As for [`run_on_avx2`].
    #[target_feature(enable = "avx2,popcnt")]
    #[inline(never)]
    unsafe fn run_on_avx2_apart<S: Search>(search: S) -> S::Found {
        search.run::<Four>()
    }

    /// # Safety
    ///
    /// The processor must have AVX2, and must count bits.
    #[target_feature(enable = "avx2,popcnt")]
    pub(super) unsafe fn run_on_avx2<S: Search>(search: S) -> S::Found {
        search.run::<Four>()
    }
}
