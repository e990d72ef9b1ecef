//! A lock-free stack that is only ever emptied as a whole (Treiber, 1986). Taking everything at once is one exchange, so
//! there is no node that a slow popper could mistake for a newer one (no ABA) and none that is freed while another thread
//! looks at it.
//!
//! `unsafe`, because a writer that has published must never wait for another one to hand over the table it replaced, and
//! every safe list blocks somewhere.

use std::marker::PhantomData;
use std::ptr;

use super::broken;
use super::primitive::{AtomicPtr, Ordering};

/// See the module.
pub(crate) struct Stack<T> {
    /// The last pushed node, or null. Owns all nodes behind it.
    head: AtomicPtr<Node<T>>,
    /// Values are handed from thread to thread: a stack is `Sync` only if they may be.
    owns: PhantomData<Drain<T>>,
}

struct Node<T> {
    value: T,
    /// The address of the node behind this one, or 0. Not a pointer: before a push comes to its exchange, the head that it
    /// has read may be taken and freed, and another node pushed at its address. The exchange succeeds, as it should, but a
    /// pointer would be that of the node that is gone.
    next: usize,
}

impl<T> Default for Stack<T> {
    fn default() -> Self {
        Self { head: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }
}

impl<T> Stack<T> {
    /// Lock-free: a push is tried again only because another one succeeded.
    pub(crate) fn push(&self, value: T) {
        self.push_after(value, || ());
    }

    /// A push that lets something happen when it has read the head and not yet replaced it.
    #[inline]
    fn push_after(&self, value: T, meanwhile: impl Fn()) {
        let node = Box::into_raw(Box::new(Node { value, next: 0 }));
        node.expose_provenance();
        // Relaxed: the old head is stored, never followed.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: `node` is ours alone until the exchange below succeeds.
            unsafe { (*node).next = head.addr() };
            meanwhile();
            // Release: pairs with the exchange in `take_all`, which then sees the node. Pushes extend each other's release
            // sequences, so it sees every node behind this one too. Acquire, for `Signal`: whoever pushes after a take sees what
            // its taker did before. A failure hands over nothing.
            let ordering = if broken("deaf_push") { Ordering::Release } else { Ordering::AcqRel };
            let ordering = unless_broken!("relaxed_push", ordering);
            match self.head.compare_exchange_weak(head, node, ordering, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Everything, the last pushed first. Wait-free.
    pub(crate) fn take_all(&self) -> Drain<T> {
        // Acquire: pairs with the exchange in `push`. Release, for `Signal`: pairs with the pushes that come after.
        let ordering = if broken("mute_take") { Ordering::Acquire } else { Ordering::AcqRel };
        Drain { head: self.head.swap(ptr::null_mut(), unless_broken!("relaxed_take", ordering)) }
    }
}

impl<T> Drop for Stack<T> {
    fn drop(&mut self) {
        self.take_all().for_each(drop);
    }
}

/// Nodes that were taken off a stack, and belong to this alone.
pub(crate) struct Drain<T> {
    head: *mut Node<T>,
}

// SAFETY: a drain owns its nodes, and a node owns its value, so to send either is to send values.
unsafe impl<T: Send> Send for Drain<T> {}

// SAFETY: a shared drain gives access to nothing.
unsafe impl<T: Send> Sync for Drain<T> {}

impl<T> Iterator for Drain<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.head.is_null() {
            return None;
        }
        // SAFETY: the pointer came from `Box::into_raw` in `push`, or was made again of its address and exposed provenance, and
        // `take_all` gave the whole chain to this drain alone.
        let node = unsafe { Box::from_raw(self.head) };
        self.head = ptr::with_exposed_provenance_mut(node.next);
        Some(node.value)
    }
}

impl<T> Drop for Drain<T> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_last_comes_first() {
        let stack = Stack::default();
        stack.push(1);
        stack.push(2);
        assert_eq!(stack.take_all().collect::<Vec<_>>(), [2, 1]);
        assert_eq!(stack.take_all().next(), None);
    }

    #[test]
    fn what_is_left_is_dropped_once() {
        let value = Arc::new(());
        let stack = Stack::default();
        (0..5).for_each(|_| stack.push(Arc::clone(&value)));
        let mut some = stack.take_all();
        some.next();
        stack.push(Arc::clone(&value));
        drop((some, stack));
        assert_eq!(Arc::strong_count(&value), 1);
    }

    /// A push reads the head; before it comes to its exchange, all is taken and freed, and another node is pushed that has the
    /// address of the old head. The exchange succeeds, and what it left in its node has to lead to the new one. With a pointer in
    /// the place of the address Miri rejects this, as a use of the node that is gone.
    #[test]
    fn a_push_survives_that_its_head_is_freed_and_its_address_used_again() {
        let reused = std::cell::Cell::new(0);
        // Most allocators give the last freed block of a size first. Miri gives any, or a new one: with some seeds none of 64 times.
        for _ in 0..4_096 {
            if reused.get() == 8 {
                break;
            }
            let stack = Stack::default();
            stack.push(1);
            let old = stack.head.load(Ordering::Relaxed).addr();
            let is_first = std::cell::Cell::new(true);
            stack.push_after(3, || {
                if is_first.replace(false) {
                    assert!(stack.take_all().eq([1]));
                    stack.push(2);
                    let again = stack.head.load(Ordering::Relaxed).addr() == old;
                    reused.set(reused.get() + usize::from(again));
                }
            });
            assert!(stack.take_all().eq([3, 2]));
        }
        assert!(reused.get() > 0);
    }

    #[test]
    fn every_push_is_taken_exactly_once() {
        let (threads, each) = if cfg!(miri) { (2, 20) } else { (4, 10_000) };
        let stack = Stack::default();
        let mut taken: Vec<usize> = std::thread::scope(|scope| {
            let pushers: Vec<_> = (0..threads)
                .map(|thread| {
                    let stack = &stack;
                    scope.spawn(move || (0..each).for_each(|i| stack.push(thread * each + i)))
                })
                .collect();
            let mut taken = Vec::new();
            while !pushers.iter().all(|pusher| pusher.is_finished()) {
                taken.extend(stack.take_all());
            }
            taken
        });
        taken.extend(stack.take_all());
        taken.sort_unstable();
        assert_eq!(taken, (0..threads * each).collect::<Vec<_>>());
    }
}
