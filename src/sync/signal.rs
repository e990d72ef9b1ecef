//! Waking those who wait for a publish, without a lost notice and without a lock that a writer could wait for. What they wait
//! for, and where it is published, is not known here.
//!
//! A follower has a [`Seat`]. To wait it leaves its waker there, puts the seat on a stack unless it still lies there, *and then
//! looks once more* at what is published. A writer publishes *and then* takes the whole stack, and wakes who sits there.
//!
//! No notice is lost, because both sides change the head of one stack, and all changes to one atomic have an order. Either the
//! writer's take comes after the follower's push: then it finds the seat. Or the push comes after the take: then it acquires
//! what the take released, and the look that follows finds what was published. If the seat still lay on the stack, or is in the
//! hands of a writer that has not emptied it yet, that writer finds the new waker: [`Seat::occupy`] and [`Seat::leave`] say why.
//!
//! Nothing grows with publishes or with waits: a seat lies on the stack once, with one waker, and seats of followers that are
//! gone are given to new ones. There are never more seats than there were followers at one time.
//!
//! `event-listener` does this job too, with an allocation fewer for each wait. But from 5.3.1 on its `notify` takes a mutex
//! whether or not someone listens (smol-rs/event-listener#138, #139), followers hold that mutex to enter and leave, and it
//! wakes them under it: one that is suspended there, or a waker that waits or publishes in turn, would stop all writers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;

use super::primitive::{AtomicBool, Ordering};
use super::{Flag, Lock, Stack, broken};

/// See the module.
#[derive(Default)]
pub(crate) struct Signal {
    waiting: Stack<Arc<Seat>>,
    /// Seats without a follower. Only who comes or goes takes this lock; never a writer.
    free: Lock<Vec<Arc<Seat>>>,
    closed: Flag,
}

/// Where one follower waits.
#[derive(Default)]
pub(crate) struct Seat {
    /// One waker at most: only the follower adds any, after it has emptied this. A stack, since that is a place from which two
    /// threads can take without a lock.
    waker: Stack<Waker>,
    /// Whether the seat lies on the stack, or is in the hands of a writer that took it from there and has not emptied it yet.
    queued: AtomicBool,
}

impl Signal {
    /// A seat for a new follower.
    pub(crate) fn enter(&self) -> Arc<Seat> {
        self.free.lock().pop().unwrap_or_default()
    }

    /// Takes back the seat of a follower that goes. If it lies on the stack it stays there, for the next follower.
    pub(crate) fn exit(&self, seat: Arc<Seat>) {
        seat.forget();
        self.free.lock().push(seat);
    }

    /// From now on, `waker` is woken once by the next [`notify`](Self::notify). What was published just before may have gone
    /// unnoticed: so the caller looks at it *after* this, and waits only if there is nothing new.
    pub(crate) fn listen(&self, seat: &Arc<Seat>, waker: &Waker) {
        if seat.occupy(waker.clone()) {
            // Acquires what was released by every `notify` whose take came before.
            self.waiting.push(Arc::clone(seat));
        }
    }

    /// Wakes all that wait. To be called *after* publishing; one exchange, if nobody waits. A waker that panics is heard of in
    /// its own panic, and by nobody else.
    pub(crate) fn notify(&self) {
        // Releases what was published to every `listen` whose push comes after.
        for seat in self.waiting.take_all() {
            seat.leave().for_each(wake);
        }
    }

    /// Says that nothing more will be published, and wakes all.
    pub(crate) fn close(&self) {
        // Who finds it closed finds all that was published. It is published by the `notify` that follows.
        self.closed.set();
        self.notify();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_set()
    }
}

impl Seat {
    /// Puts the waker here. Says whether the seat has to go on the stack: not if it still lies there, and not if a writer has
    /// taken it and is before its exchange in [`leave`](Self::leave): that comes after ours, and then the writer finds this
    /// waker. If it came before, `queued` is false, and we have acquired what that writer published.
    fn occupy(&self, waker: Waker) -> bool {
        self.forget();
        self.waker.push(waker);
        !self.queued.swap(true, Ordering::AcqRel)
    }

    /// Takes out the waker, after the seat was taken from the stack: in this order, since a waker that is put here in between
    /// comes with the seat on the stack.
    fn leave(&self) -> impl Iterator<Item = Waker> {
        if broken("seat_kept") {
            let wakers = self.waker.take_all();
            self.queued.store(false, Ordering::Release);
            return wakers;
        }
        self.queued.swap(false, Ordering::AcqRel);
        self.waker.take_all()
    }

    /// Drops the waker, if nobody has taken it.
    pub(crate) fn forget(&self) {
        self.waker.take_all().for_each(drop);
    }
}

/// Wakes, whatever the waker does.
pub(crate) fn wake(waker: Waker) {
    // Loom's own failures must get through.
    if cfg!(loom) {
        waker.wake();
    } else {
        // The publish has happened: its writer is to return, and the others are to hear of it.
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}
