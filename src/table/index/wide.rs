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

use super::columns::{WINDOW, Window};

/// How a search counts, and picks bytes.
pub(super) trait Lanes {
    /// How many of `integers`, which ascend and are at least four, are at most `most`. Without a branch.
    fn at_most<const N: usize>(integers: &[i64; N], most: i64) -> usize;

    /// The head of a key that has these bytes and agrees with all others in the gaps; nothing, if it does not or if this
    /// cannot be done at once.
    #[inline(always)]
    fn pick(_: &Window, _: &[u8; WINDOW]) -> Option<u64> {
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
    #[inline(always)]
    fn at_most<const N: usize>(integers: &[i64; N], most: i64) -> usize {
        integers.iter().map(|integer| usize::from(*integer <= most)).sum()
    }
}

impl Lanes for Narrow {
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
    if is_x86_feature_detected!("avx2") {
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
        _mm_cvtsi128_si64, _mm_loadu_si128, _mm_shuffle_epi8, _mm_testz_si128, _mm_xor_si128,
        _mm256_castsi256_pd, _mm256_cmpgt_epi64, _mm256_loadu_si256, _mm256_movemask_pd, _mm256_set1_epi64x,
    };

    use super::{Lanes, Search, WINDOW, Window};

    /// Cannot be named outside: only what runs where AVX2 is counts so.
    struct Four;

    impl Lanes for Four {
        #[inline(always)]
        fn at_most<const N: usize>(integers: &[i64; N], most: i64) -> usize {
            const { assert!(N >= 4 && N < 31) };
            // A bit for each that is above: those come last, so the lowest bit tells.
            let mut above: i32 = 1 << N;
            let mut at = 0;
            while at < N {
                // The last four, where four at a time do not come out even: some are compared twice.
                at = at.min(N - 4);
                above |= above_four(integers, at, most) << at;
                at += 4;
            }
            above.trailing_zeros() as usize
        }

        #[inline(always)]
        fn pick(window: &Window, bytes: &[u8; WINDOW]) -> Option<u64> {
            // SAFETY: each load is of sixteen bytes that are there; and what is called is part of AVX2, which is there where
            // `Four` is used.
            unsafe {
                let [bytes, picks, gaps, agreed] = [bytes, &window.picks, &window.gaps, &window.agreed]
                    .map(|bytes| _mm_loadu_si128(bytes.as_ptr().cast()));
                let agrees = _mm_testz_si128(_mm_xor_si128(bytes, agreed), gaps) == 1;
                let head = _mm_cvtsi128_si64(_mm_shuffle_epi8(bytes, picks));
                agrees.then_some(u64::from_ne_bytes(head.to_ne_bytes()))
            }
        }
    }

    #[inline(always)]
    fn above_four<const N: usize>(integers: &[i64; N], at: usize, most: i64) -> i32 {
        let four = &integers[at..at + 4];
        // SAFETY: the load is of four integers that are there; and what is called is there where `Four` is used, which is in
        // `run_on_avx2` alone.
        unsafe {
            let above =
                _mm256_cmpgt_epi64(_mm256_loadu_si256(four.as_ptr().cast()), _mm256_set1_epi64x(most));
            _mm256_movemask_pd(_mm256_castsi256_pd(above))
        }
    }

    /// # Safety
    ///
    /// The processor must have AVX2.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn run_on_avx2<S: Search>(search: S) -> S::Found {
        search.run::<Four>()
    }
}
