//! Who is there, while anybody comes and goes: a singly linked list without locks (Harris, 2001; Michael, 2002). Who comes is put
//! at its head. Who goes marks its own node, by the lowest bit of the pointer to the next one, so that nothing can be put behind it
//! any more; whoever walks over the list takes marked nodes out of it, and hands them to the [`Reclaimer`], which frees them when
//! nobody can be standing on them.
//!
//! `unsafe`, because a list that shrinks while others walk over it needs nodes that outlive their place in it. Counted references
//! in their stead would be written by everyone who walks.

use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

use super::primitive::{Link, Ordering};
use super::{Reclaimer, broken};

/// See the module.
pub(crate) struct Registry<T> {
    head: Link<Node<T>>,
    reclaimer: Reclaimer,
    /// Values are handed to whoever asks.
    owns: PhantomData<Arc<T>>,
}

struct Node<T> {
    value: Arc<T>,
    /// The next node, marked if this one has gone.
    next: Link<Node<T>>,
}

/// The place of one that is there. To be given back by [`Registry::leave`], or else it stays there.
pub(crate) struct Place<T>(*mut Node<T>);

// SAFETY: a place gives access to nothing; what it leads to is shared by the registry with all threads.
unsafe impl<T: Send + Sync> Send for Place<T> {}

// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Place<T> {}

const MARK: usize = 1;

fn marked<T>(node: *mut Node<T>) -> *mut Node<T> {
    node.map_addr(|address| address | MARK)
}

fn unmarked<T>(node: *mut Node<T>) -> *mut Node<T> {
    node.map_addr(|address| address & !MARK)
}

fn is_marked<T>(node: *mut Node<T>) -> bool {
    node.addr() & MARK != 0
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self { head: Link::new(ptr::null_mut()), reclaimer: Reclaimer::default(), owns: PhantomData }
    }
}

impl<T: Send + Sync + 'static> Registry<T> {
    /// Lock-free: tried again only because another one came.
    pub(crate) fn enter(&self, value: Arc<T>) -> Place<T> {
        // Relaxed: nothing is read through it here.
        let mut head = self.head.load(Ordering::Relaxed);
        let node = Box::into_raw(Box::new(Node { value, next: Link::new(head) }));
        // Release: pairs with the loads of `sweep`, which then see the node. Each exchange of the head extends the release
        // sequences of those before, so they see all nodes behind it too.
        while let Err(now) = self.head.compare_exchange(
            head,
            node,
            unless_broken!("relaxed_enter", Ordering::Release),
            Ordering::Relaxed,
        ) {
            head = now;
            // SAFETY: the node is ours alone until the exchange succeeds. Relaxed: it is released by that.
            unsafe { (*node).next.store(head, Ordering::Relaxed) };
        }
        Place(node)
    }

    /// The one at this place is not there any more, for all that [`list`](Self::list) from now on. Lock-free. O(all that are there).
    pub(crate) fn leave(&self, place: Place<T>) {
        // SAFETY: a node is reclaimed only after it was marked, which is done below and nowhere else, once for each place.
        let node = unsafe { &*place.0 };
        // Relaxed: the pointer is only marked.
        let mut next = node.next.load(Ordering::Relaxed);
        loop {
            // AcqRel: releases what the next node was released with, which a later walk may see through this pointer alone; and
            // a walk that finds the mark sees what happened before.
            match node.next.compare_exchange(next, marked(next), Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => next = now,
            }
        }
        self.list();
    }

    /// All that are there: who came before this began and has not gone when it ends is in it, who had gone before it began is
    /// not. Takes those out of the list that have gone. Lock-free. O(all that are there).
    pub(crate) fn list(&self) -> Vec<Arc<T>> {
        let mut all = Vec::new();
        while !self.sweep(&mut all) {
            all.clear();
        }
        all
    }

    /// Walks over the list once. `false` if another thread has changed it where this one would.
    fn sweep(&self, all: &mut Vec<Arc<T>>) -> bool {
        let pinned = self.reclaimer.pin();
        let mut link = &self.head;
        // Acquire, here and below: pairs with the exchange in `enter`.
        let mut at = link.load(unless_broken!("relaxed_sweep", Ordering::Acquire));
        while !at.is_null() {
            // SAFETY: it was in the list after this was pinned, so it is not freed before that ends.
            let node = unsafe { &*at };
            let next = node.next.load(Ordering::Acquire);
            if is_marked(next) {
                // Release: who comes by this link sees the next node, which was acquired above. If the link has changed, or is
                // itself that of a node that has gone (then it is marked), another one is at it.
                let exchanged =
                    link.compare_exchange(at, unmarked(next), Ordering::Release, Ordering::Relaxed);
                if exchanged.is_err() && !broken("unlinked_twice") {
                    return false;
                }
                // SAFETY: it came of a box, the exchange has taken it out of the list, and only one exchange can: nobody comes
                // to it any more but those who are pinned.
                unsafe { pinned.retire(at) };
                at = unmarked(next);
                continue;
            }
            all.push(Arc::clone(&node.value));
            (link, at) = (&node.next, next);
        }
        true
    }
}

impl<T> Drop for Registry<T> {
    fn drop(&mut self) {
        // Acquire: pairs with the exchange in `enter`. Nobody else is there any more.
        let mut at = self.head.load(Ordering::Acquire);
        while !at.is_null() {
            // SAFETY: whatever is in the list came of a box, and was not handed to the reclaimer.
            let node = unsafe { Box::from_raw(at) };
            at = unmarked(node.next.load(Ordering::Acquire));
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn numbers(registry: &Registry<usize>) -> Vec<usize> {
        registry.list().into_iter().map(|number| *number).collect()
    }

    #[test]
    fn who_is_there_is_listed_and_who_has_gone_is_not() {
        let registry = Registry::default();
        let mut places: Vec<_> = (0..5).map(|number| registry.enter(Arc::new(number))).collect();
        assert_eq!(numbers(&registry), [4, 3, 2, 1, 0]);
        for (gone, left) in [(4, &[3, 2, 1, 0][..]), (1, &[3, 2, 0]), (0, &[3, 2]), (1, &[2]), (0, &[])] {
            registry.leave(places.remove(gone));
            assert_eq!(numbers(&registry), left);
        }
    }

    #[test]
    fn what_was_there_is_dropped_once() {
        let value = Arc::new(());
        let registry = Registry::default();
        let places: Vec<_> = (0..100).map(|_| registry.enter(Arc::clone(&value))).collect();
        places.into_iter().step_by(2).for_each(|place| registry.leave(place));
        assert_eq!(registry.list().len(), 50);
        drop(registry);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn all_come_and_go_at_once() {
        let (threads, turns) = if cfg!(miri) { (2, 10) } else { (4, 2_000) };
        let registry = Registry::default();
        let stays = registry.enter(Arc::new(usize::MAX));
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let registry = &registry;
                scope.spawn(move || {
                    for turn in 0..turns {
                        let number = thread * turns + turn;
                        let place = registry.enter(Arc::new(number));
                        let listed = numbers(registry);
                        assert!(listed.contains(&number) && listed.contains(&usize::MAX));
                        registry.leave(place);
                        assert!(!numbers(registry).contains(&number));
                    }
                });
            }
        });
        assert_eq!(numbers(&registry), [usize::MAX]);
        registry.leave(stays);
        assert_eq!(numbers(&registry), [0; 0]);
    }
}
