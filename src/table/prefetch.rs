//! Asking the processor for memory ahead of time. Nothing else here is `unsafe`.

#![allow(unsafe_code, reason = "the instruction has no safe form on stable Rust")]

use std::sync::Arc;

/// Bytes in a cache line.
const LINE: usize = 64;

/// Has the first `bytes` bytes of `value` loaded, while the program goes on. A hint: it changes nothing but time.
#[inline(always)]
pub(in crate::table) fn prefetch<T>(value: &T, bytes: usize) {
    lines(std::slice::from_ref(value), bytes.min(size_of::<T>()));
}

/// The same of all `values`.
#[inline(always)]
pub(in crate::table) fn prefetch_all<T>(values: &[T]) {
    lines(values, size_of_val(values));
}

/// Has the counts of references loaded, which are changed by whoever copies or drops one.
#[inline(always)]
pub(in crate::table) fn prefetch_counts<T: ?Sized>(shared: &Arc<T>) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let before = align_of_val(&**shared).max(2 * size_of::<usize>());
        let counts = Arc::as_ptr(shared).cast::<i8>().wrapping_sub(before);
        // SAFETY: as below. That the counts are right before the value is a guess, on which nothing but time depends.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(counts) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = shared;
}

#[inline(always)]
fn lines<T>(values: &[T], bytes: usize) {
    for at in (0..bytes).step_by(LINE) {
        ask(values, at);
    }
    // What does not begin with a line may end in one more.
    if align_of::<T>() < LINE && bytes > 1 {
        ask(values, bytes.saturating_sub(1));
    }
}

#[inline(always)]
fn ask<T>(values: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if at < size_of_val(values) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the address is inside of `values`, and to prefetch an address is to name it: no memory is accessed, and
        // every x86-64 processor has the instruction.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().cast::<i8>().add(at)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, at);
}
