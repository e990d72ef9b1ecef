//! Sixty-four bytes at once, on processors that have AVX-512 and its instructions on bytes: as far as forks may lie, in one register.
//! Only what is apart runs so. On the way as far as heads tell, four integers at once are as fast, and masks take longer than they
//! save.

#![allow(
    clippy::incompatible_msrv,
    reason = "`build.rs` leaves it out where the compiler does not know AVX-512"
)]

use std::arch::x86_64::{
    __m512i, _bzhi_u64, _mm512_cmple_epu8_mask, _mm512_cmplt_epu8_mask, _mm512_cmpneq_epu8_mask,
    _mm512_loadu_si512, _mm512_maskz_loadu_epi8, _mm512_or_si512, _mm512_permutexvar_epi8, _mm512_set1_epi8,
    _mm512_set1_epi64, _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_ternarylogic_epi64,
    _mm512_testn_epi8_mask,
};

use super::four::{Four, run_on_avx2};
use super::{LANES, Lanes, Search};
use crate::table::index::forks::{WORD, byte_of, fork_of, lanes, turns_of};
use crate::table::index::stretch::{FAR, Stretch, parting};
use crate::table::index::window::{WINDOW, Window};

/// How many bytes.
const MANY: usize = FAR * LANES;

const _: () = assert!(MANY == size_of::<__m512i>());

/// As [`Four`], but what is apart, and all that it does, runs on sixty-four bytes: whether it `IS_APART`. Cannot be named outside: only
/// what runs where AVX-512 is counts so.
struct SixtyFour<const IS_APART: bool>;

impl<const IS_APART: bool> Lanes for SixtyFour<IS_APART> {
    type Stretch<const REACH: usize> = Whole;

    #[inline(always)]
    fn apart<K, S: Search<K>>(search: S, asked: K) -> S::Found {
        if IS_APART {
            return search.run::<Self>(asked);
        }
        // SAFETY: the processor has all of it where `SixtyFour` is used, in `run_on_avx512` and by this alone.
        unsafe { run_apart(search, asked) }
    }

    #[inline(always)]
    fn at_most<const N: usize>(integers: &[i64; N], most: i64) -> usize {
        Four::at_most(integers, most)
    }

    #[inline(always)]
    fn pick(window: &Window, bytes: &[u8; WINDOW]) -> Option<i64> {
        Four::pick(window, bytes)
    }
}

/// # Safety
///
/// The processor must have all that [`run_apart`] is compiled for.
#[inline(always)]
pub(super) unsafe fn run_on_avx512<K, S: Search<K>>(search: S, asked: K) -> S::Found {
    // SAFETY: that is AVX2, the counting of bits, and all that `SixtyFour` uses.
    unsafe { run_on_avx2::<SixtyFour<false>, K, S>(search, asked) }
}

/// # Safety
///
/// The processor must have all of this.
#[target_feature(enable = "avx2,popcnt,bmi1,bmi2,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline(never)]
unsafe fn run_apart<K, S: Search<K>>(search: S, asked: K) -> S::Found {
    search.run::<SixtyFour<true>>(asked)
}

/// Whether the processor has all that this is compiled for.
pub(super) fn is_there() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("popcnt")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi")
}

/// A stretch in one register. Can be named only as that of [`SixtyFour`].
#[derive(Clone, Copy)]
struct Whole(__m512i);

/// As many of the lowest bits as there are bytes, or all.
#[inline(always)]
fn low(bytes: usize) -> u64 {
    // SAFETY: BMI2 is there where `SixtyFour` is used.
    unsafe { _bzhi_u64(u64::MAX, u32::try_from(bytes.min(MANY)).unwrap_or(u32::MAX)) }
}

/// The first sixty-four bytes, or all that there are and zeros.
#[inline(always)]
fn load(bytes: &[u8]) -> __m512i {
    // SAFETY: the load is of bytes that are there, for of those whose bit is not set none is read; and AVX-512 is there where
    // `SixtyFour` is used.
    unsafe { _mm512_maskz_loadu_epi8(low(bytes.len()), bytes.as_ptr().cast()) }
}

/// The bytes of words from a place on, and zeros behind their end.
#[inline(always)]
fn load_words<const N: usize>(words: &[i64; N], from: usize) -> __m512i {
    // SAFETY: any integer is eight bytes, and they lie side by side.
    let bytes: &[u8] = unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), N * WORD) };
    match bytes[from..].first_chunk::<MANY>() {
        // SAFETY: the load is of sixty-four bytes that are there; and AVX-512 is there where `SixtyFour` is used.
        Some(bytes) => unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) },
        None => load(&bytes[from..]),
    }
}

// What is called below is part of what `run_apart` is compiled for, and there are no such bytes but where the processor has that.
impl Stretch for Whole {
    #[inline(always)]
    fn of(key: &[u8], base: usize) -> Self {
        Self(load(&key[base..]))
    }

    #[inline(always)]
    fn missing<const N: usize>(self, words: &[i64; N]) -> u64 {
        let (places, bytes) = (load_words(words, fork_of(0)), load_words(words, byte_of(N, 0)));
        // SAFETY: see above.
        unsafe { _mm512_cmplt_epu8_mask(_mm512_permutexvar_epi8(places, self.0), bytes) }
    }

    #[inline(always)]
    fn ways<const N: usize>(words: &[i64; N], missing: u64) -> u64 {
        // SAFETY: see above.
        unsafe {
            let missing = _mm512_set1_epi64(missing as i64);
            // Two, so that each waits for half of the others.
            let mut lacking = [_mm512_setzero_si512(); 2];
            let mut plane = 0;
            while plane < N / 8 {
                let byte = i8::try_from(plane).unwrap_or(i8::MIN);
                let here = _mm512_shuffle_epi8(missing, _mm512_set1_epi8(byte));
                let turns = load_words(words, turns_of(N, plane, 0));
                // What is lacking already, or is both missing and a turn.
                lacking[plane % 2] = _mm512_ternarylogic_epi64::<0xf8>(lacking[plane % 2], turns, here);
                plane += 1;
            }
            let lacking = _mm512_or_si512(lacking[0], lacking[1]);
            _mm512_testn_epi8_mask(lacking, lacking) & low(lanes(N))
        }
    }

    #[inline(always)]
    fn compare(self, key: &[u8], other: &[u8], onward: &[u8], base: usize) -> (usize, bool) {
        let (left, right) = (&key[base..], &other[base..]);
        // Mostly without waiting for how much of it is the other's: what is behind that is not looked at.
        let others = match onward.get(base..).and_then(|bytes| bytes.first_chunk::<MANY>()) {
            // SAFETY: the load is of sixty-four bytes that are there; and see above.
            Some(bytes) => unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) },
            None => load(right),
        };
        // SAFETY: see above.
        let (differ, less) =
            unsafe { (_mm512_cmpneq_epu8_mask(self.0, others), _mm512_cmplt_epu8_mask(self.0, others)) };
        parting(differ, less, left, right, MANY)
    }

    #[inline(always)]
    fn within<const N: usize>(words: &[i64; N], length: usize) -> u64 {
        let length = i8::try_from(length).unwrap_or(i8::MAX);
        // SAFETY: see above.
        unsafe { _mm512_cmple_epu8_mask(load_words(words, fork_of(0)), _mm512_set1_epi8(length)) }
    }

    #[inline(always)]
    fn agree_between(one: &[u8], other: &[u8], from: usize, to: usize) -> bool {
        let mut parts = one[from..to].chunks(MANY).zip(other[from..to].chunks(MANY));
        // SAFETY: see above.
        parts.all(|(one, other)| unsafe { _mm512_cmpneq_epu8_mask(load(one), load(other)) } == 0)
    }
}
