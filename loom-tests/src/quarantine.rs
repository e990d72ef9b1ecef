//! An allocator that gives no address out again soon. A push onto the stack compares the addresses of nodes, of which some
//! were freed, and loom needs each comparison to come out the same whenever it repeats an execution.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::{Mutex, PoisonError};

#[global_allocator]
static QUARANTINE: Quarantine = Quarantine(Mutex::new(Ring { freed: [None; KEPT], oldest: 0 }));

/// How many freed blocks are kept. An execution frees less than a hundred, and a few may run at the same time.
const KEPT: usize = 1 << 12;

struct Quarantine(Mutex<Ring>);

struct Ring {
    freed: [Option<(usize, Layout)>; KEPT],
    oldest: usize,
}

// SAFETY: every call goes to `System` as it came, but that blocks are freed later.
unsafe impl GlobalAlloc for Quarantine {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let due = {
            let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let oldest = ring.oldest;
            ring.oldest = (oldest + 1) % KEPT;
            ring.freed[oldest].replace((block.expose_provenance(), layout))
        };
        if let Some((block, layout)) = due {
            // SAFETY: the caller that freed it has promised that it is a block of this layout, and it is freed once.
            unsafe { System.dealloc(std::ptr::with_exposed_provenance_mut(block), layout) }
        }
    }
}
