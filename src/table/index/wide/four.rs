//! Four integers at once, and sixteen bytes, on processors that have AVX2.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_and_si128, _mm_blendv_epi8, _mm_cmpeq_epi8, _mm_cvtsi32_si128, _mm_cvtsi64_si128,
    _mm_cvtsi128_si64, _mm_loadl_epi64, _mm_loadu_si128, _mm_max_epu8, _mm_movemask_epi8, _mm_or_si128,
    _mm_set1_epi8, _mm_set1_epi64x, _mm_shuffle_epi8, _mm_sll_epi16, _mm_testz_si128, _mm_xor_si128,
    _mm256_castsi256_ps, _mm256_cmpgt_epi64, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_movemask_ps,
    _mm256_packs_epi16, _mm256_packs_epi32, _mm256_set1_epi64x,
};

use super::{LANES, Lanes, Search, Sixteen};
use crate::table::index::stretch::Sixteens;
use crate::table::index::window::{WINDOW, Window};

/// Cannot be named outside: only what runs where AVX2 is counts so.
pub(super) struct Four;

impl Lanes for Four {
    type Stretch<const REACH: usize> = Sixteens<Vector, REACH>;

    #[inline(always)]
    fn apart<K, S: Search<K>>(search: S, asked: K) -> S::Found {
        // SAFETY: the processor has AVX2 and counts bits where `Four` is used.
        unsafe { run_on_avx2::<Self, K, S>(search, asked) }
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
        // is used: in `run_on_avx2`, and on processors that have more.
        unsafe {
            let [bytes, fixed, agreed] =
                [bytes, &window.fixed, &window.agreed].map(|bytes| _mm_loadu_si128(bytes.as_ptr().cast()));
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

/// Sixteen bytes in a register. Can be named only as the bytes of [`Four`].
#[derive(Clone, Copy)]
pub(super) struct Vector(__m128i);

// What is called below is part of AVX2, or of what no processor with AVX2 is without.
impl Sixteen for Vector {
    #[inline(always)]
    fn load(bytes: &[u8], from: usize) -> Self {
        let bytes = &bytes[from..from + LANES];
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
        let byte = i8::try_from(byte).unwrap_or(i8::MIN);
        // SAFETY: see above: there are no such bytes but where AVX2 is.
        Self(unsafe { _mm_shuffle_epi8(_mm_cvtsi64_si128(integer as i64), _mm_set1_epi8(byte)) })
    }

    #[inline(always)]
    fn pick(self, places: Self) -> Self {
        // SAFETY: see above: there are no such bytes but where AVX2 is.
        Self(unsafe { _mm_shuffle_epi8(self.0, places.0) })
    }

    #[inline(always)]
    fn or_if<const BIT: i32>(self, other: Self, places: Self) -> Self {
        // SAFETY: see above: there are no such bytes but where AVX2 is.
        Self(unsafe { _mm_blendv_epi8(self.0, other.0, _mm_sll_epi16(places.0, _mm_cvtsi32_si128(7 - BIT))) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: see above: there are no such bytes but where AVX2 is.
        Self(unsafe { _mm_and_si128(self.0, other.0) })
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: see above: there are no such bytes but where AVX2 is.
        Self(unsafe { _mm_or_si128(self.0, other.0) })
    }

    #[inline(always)]
    fn at_least(self, other: Self) -> u64 {
        // SAFETY: see above: there are no such bytes but where AVX2 is.
        Self(unsafe { _mm_max_epu8(self.0, other.0) }).equal(self)
    }

    #[inline(always)]
    fn equal(self, other: Self) -> u64 {
        // SAFETY: see above: there are no such bytes but where AVX2 is.
        let bits = unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(self.0, other.0)) };
        bits.unsigned_abs().into()
    }
}

/// # Safety
///
/// The processor must have AVX2, must count bits, and must have all else that `L` uses.
#[target_feature(enable = "avx2,popcnt")]
#[inline(never)]
pub(super) unsafe fn run_on_avx2<L: Lanes, K, S: Search<K>>(search: S, asked: K) -> S::Found {
    search.run::<L>(asked)
}

/// Whether the processor has all that this is compiled for.
pub(super) fn is_there() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt")
}
