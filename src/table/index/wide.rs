//! Counting how many of some integers are at most another one, in the way that suits the processor, and running a search in
//! a version that is compiled for wider instructions, where the processor has them. Nothing else here is `unsafe`.

#![allow(
    unsafe_code,
    reason = "code for instructions that not every processor has is called only where they are"
)]

/// Whether a search is compiled for a processor that compares several integers of eight bytes at once.
pub(super) trait Lanes {
    /// How many of `integers`, which ascend, are at most `most`. Without a branch.
    fn at_most(integers: &[u64], most: u64) -> usize;
}

/// All are compared, several at once.
pub(super) struct Wide;

/// By halves: the fewest comparisons, one after the other.
pub(super) struct Narrow;

impl Lanes for Wide {
    #[inline(always)]
    fn at_most(integers: &[u64], most: u64) -> usize {
        integers.iter().map(|integer| usize::from(*integer <= most)).sum()
    }
}

impl Lanes for Narrow {
    #[inline(always)]
    fn at_most(integers: &[u64], most: u64) -> usize {
        let (mut from, mut len) = (0, integers.len());
        while len > 1 {
            let half = len / 2;
            from += half * usize::from(integers[from + half - 1] <= most);
            len -= half;
        }
        from + integers.get(from).map_or(0, |integer| usize::from(*integer <= most))
    }
}

/// A search that can be compiled for either.
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
        unsafe { run_on_avx2(search) }
    } else {
        run_on_any(search)
    }
}

/// Runs a search: either every processor of the kind compares several at once, or none does.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(super) fn run<S: Search>(search: S) -> S::Found {
    search.run::<Wide>()
}

#[cfg(target_arch = "x86_64")]
#[inline(never)]
fn run_on_any<S: Search>(search: S) -> S::Found {
    search.run::<Narrow>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn run_on_avx2<S: Search>(search: S) -> S::Found {
    search.run::<Wide>()
}
