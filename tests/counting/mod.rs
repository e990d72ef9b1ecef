//! An allocator that counts: calls and frees on this thread, and bytes that live, now and at most. For test binaries of their
//! own, since there is one allocator in a process.

#![allow(unsafe_code, reason = "an allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Allocations and frees on this thread.
    pub(crate) static CALLS: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    /// Bytes that this thread allocated and has not freed, and the most that they have been. Less than nothing, if it frees
    /// what others allocated.
    static LIVE: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

/// Bytes that this thread has allocated and not freed.
#[allow(dead_code, reason = "not every binary asks")]
pub(crate) fn live() -> isize {
    LIVE.get().0
}

/// The most bytes that live at once while `work` is done, beyond those before.
#[allow(dead_code, reason = "not every binary asks")]
pub(crate) fn peak(work: impl FnOnce()) -> usize {
    let before = live();
    LIVE.set((before, before));
    work();
    usize::try_from(LIVE.get().1 - before).unwrap_or(0)
}

fn count(bytes: isize) {
    LIVE.with(|live| {
        let now = live.get().0 + bytes;
        live.set((now, live.get().1.max(now)));
    });
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counters are plain cells without destructors.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.with(|calls| calls.set((calls.get().0 + 1, calls.get().1)));
        count(signed(layout.size()));
        // SAFETY: the caller's layout, as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        CALLS.with(|calls| calls.set((calls.get().0, calls.get().1 + 1)));
        count(-signed(layout.size()));
        // SAFETY: the caller's pointer and layout, as they came.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
