//! Asking the processor for memory ahead of time. Nothing else here is `unsafe`.

#![allow(unsafe_code, reason = "the instruction has no safe form on stable Rust")]

use std::sync::Arc;

/// Bytes in a cache line.
const LINE: usize = 64;

/// How many bytes are asked for at once, at most. Keys may be long, and what is asked for may not be read.
const MOST: usize = 4 << 10;

/// Has the first `bytes` bytes of `value` loaded, while the program goes on. A hint: it changes nothing but time.
#[inline(always)]
pub(in crate::table) fn prefetch<T>(value: &T, bytes: usize) {
    lines(std::slice::from_ref(value), bytes.min(size_of::<T>()));
}

/// The same of all `values`, or of what comes first where they are many.
#[inline(always)]
pub(in crate::table) fn prefetch_all<T>(values: &[T]) {
    lines(values, size_of_val(values).min(MOST));
}

/// Has the counts of references loaded, which are changed by whoever copies or drops one. Where they are is a guess, on which
/// nothing but time depends.
#[inline(always)]
pub(in crate::table) fn prefetch_counts<T: ?Sized>(shared: &Arc<T>) {
    prefetch_counts_of(&**shared);
}

/// The same, of a value that lies in an [`Arc`].
#[inline(always)]
pub(in crate::table) fn prefetch_counts_of<T: ?Sized>(shared: &T) {
    let before = align_of_val(shared).max(2 * size_of::<usize>());
    ask(std::ptr::from_ref(shared).cast::<i8>().wrapping_sub(before));
}

#[inline(always)]
fn lines<T>(values: &[T], bytes: usize) {
    let start = values.as_ptr().cast::<i8>();
    for at in (0..bytes).step_by(LINE) {
        ask(start.wrapping_add(at));
    }
    // What does not begin with a line may end in one more.
    if align_of::<T>() < LINE && bytes > 1 {
        ask(start.wrapping_add(bytes - 1));
    }
}

#[inline(always)]
fn ask(address: *const i8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: to prefetch an address is to name it: no memory is accessed, whatever is there or is not; and every x86-64
        // processor has the instruction.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
