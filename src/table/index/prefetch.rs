//! Asking the processor for memory ahead of time. Nothing else here is `unsafe`.

#![allow(unsafe_code, reason = "the instruction has no safe form on stable Rust")]

/// Bytes in a cache line.
const LINE: usize = 64;

/// Has the first `bytes` bytes of `value` loaded, while the program goes on. A hint: it changes nothing but time.
#[inline]
pub(super) fn prefetch<T>(value: &T, bytes: usize) {
    for at in (0..bytes.min(size_of::<T>())).step_by(LINE) {
        ask(value, at);
    }
    // What does not begin with a line may end in one more.
    if align_of::<T>() < LINE {
        ask(value, bytes.saturating_sub(1));
    }
}

/// The same of all `values`.
#[inline]
pub(super) fn prefetch_all<T>(values: &[T]) {
    // A value may be longer than a line, and none is so long that lines between would be left out.
    const { assert!(size_of::<T>() <= 2 * LINE) };
    for value in values {
        ask(value, 0);
        ask(value, size_of::<T>() / 2);
    }
}

/// The same of bytes, up to four lines of them.
#[inline(always)]
pub(super) fn prefetch_bytes(bytes: &[u8]) {
    for line in 0..4 {
        if let Some(byte) = bytes.get(line * LINE) {
            ask(byte, 0);
        }
    }
}

#[inline(always)]
fn ask<T>(value: &T, at: usize) {
    #[cfg(target_arch = "x86_64")]
    if at < size_of::<T>() {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the address is inside of `value`, and to prefetch an address is to name it: no memory is accessed, and
        // every x86-64 processor has the instruction.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast::<i8>().add(at)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (value, at);
}
