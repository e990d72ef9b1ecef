//! Counting how many of some integers are at most another one and handling many bytes at once, in the way that suits the processor,
//! and running a search in a version that is compiled for wider instructions, where the processor has them: [`four`] integers and
//! sixteen bytes, and beside these, in a part of the search, [`sixtyfour`]. What is done without them to [`sixteen`] bytes is apart.

#![allow(
    unsafe_code,
    reason = "code for instructions that not every processor has is called only where they are"
)]

#[cfg(target_arch = "x86_64")]
mod four;
mod sixteen;
#[cfg(all(target_arch = "x86_64", shardway_avx512))]
mod sixtyfour;

pub(super) use sixteen::{LANES, Sixteen};

use super::stretch::{Sixteens, Stretch};
use super::window::{WINDOW, Window};

/// An unsigned integer as a signed one, in the same order: wide comparisons are signed.
#[inline(always)]
pub(super) const fn ordered(unsigned: u64) -> i64 {
    (unsigned ^ 1 << (u64::BITS - 1)) as i64
}

/// How a search counts, and picks bytes.
pub(super) trait Lanes: Sized {
    /// As far as forks lie in so many sixteens of bytes.
    type Stretch<const REACH: usize>: Stretch;

    /// Runs what is rarely part of a search, and not worth being compiled into each.
    #[inline(never)]
    fn apart<K, S: Search<K>>(search: S, asked: K) -> S::Found {
        search.run::<Self>(asked)
    }

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
    type Stretch<const REACH: usize> = Sixteens<[u8; LANES], REACH>;

    #[inline(always)]
    fn at_most<const N: usize>(integers: &[i64; N], most: i64) -> usize {
        integers.iter().map(|integer| usize::from(*integer <= most)).sum()
    }
}

impl Lanes for Narrow {
    type Stretch<const REACH: usize> = Sixteens<[u8; LANES], REACH>;

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

/// A search that can be compiled for each. What is looked for comes apart from where: what has more than two words is handed over
/// in memory.
pub(super) trait Search<K> {
    type Found;

    fn run<L: Lanes>(self, asked: K) -> Self::Found;
}

/// What the processor has, as it was found: to find it again for each search took a thirtieth of one.
#[derive(Clone, Copy)]
pub(super) struct Processor {
    /// Cannot be said outside.
    #[cfg(target_arch = "x86_64")]
    kind: Kind,
}

#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
enum Kind {
    Any,
    Avx2,
    #[cfg(shardway_avx512)]
    Avx512,
}

#[cfg(target_arch = "x86_64")]
impl Kind {
    /// The fastest last.
    const ALL: &[Self] = &[
        Self::Any,
        Self::Avx2,
        #[cfg(shardway_avx512)]
        Self::Avx512,
    ];

    fn is_there(self) -> bool {
        match self {
            Self::Any => true,
            Self::Avx2 => four::is_there(),
            #[cfg(shardway_avx512)]
            Self::Avx512 => sixtyfour::is_there(),
        }
    }
}

impl Processor {
    #[cfg(target_arch = "x86_64")]
    pub(super) fn detect() -> Self {
        Self { kind: Kind::ALL.iter().copied().rfind(|kind| kind.is_there()).unwrap_or(Kind::Any) }
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn detect() -> Self {
        Self {}
    }

    /// All that the one at hand can be taken for.
    #[cfg(all(test, target_arch = "x86_64"))]
    pub(super) fn each() -> Vec<Self> {
        Kind::ALL.iter().copied().filter(|kind| kind.is_there()).map(|kind| Self { kind }).collect()
    }

    #[cfg(all(test, not(target_arch = "x86_64")))]
    pub(super) fn each() -> Vec<Self> {
        vec![Self {}]
    }

    /// Runs a search as the processor can run it fastest. Small, so that it is compiled into its callers, and theirs.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) fn run<K, S: Search<K>>(self, search: S, asked: K) -> S::Found {
        match self.kind {
            // SAFETY: the processor has what the function is compiled for: a `Processor` is made of kinds that are there alone.
            Kind::Avx2 => unsafe { four::run_on_avx2::<four::Four, K, S>(search, asked) },
            // SAFETY: so it has.
            #[cfg(shardway_avx512)]
            Kind::Avx512 => unsafe { sixtyfour::run_on_avx512(search, asked) },
            Kind::Any => run_on_any(search, asked),
        }
    }

    /// Runs a search: either every processor of the kind compares several at once, or none does.
    #[cfg(not(target_arch = "x86_64"))]
    #[inline(always)]
    pub(super) fn run<K, S: Search<K>>(self, search: S, asked: K) -> S::Found {
        search.run::<Even>(asked)
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(never)]
fn run_on_any<K, S: Search<K>>(search: S, asked: K) -> S::Found {
    search.run::<Narrow>(asked)
}
