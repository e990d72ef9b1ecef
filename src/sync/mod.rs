//! The only module that names atomics, `arc-swap`, `crossbeam-epoch` or `cfg(loom)`: all that the others know of concurrency is
//! here, so that a model checker can take its place.
//!
//! [`Cell`] holds what is published; it is made of `arc-swap` natively, and of one `AtomicPtr` under loom, which promises no more
//! than the protocol relies on. [`Follower`] keeps up with it, by the count of [`publications`]; that, [`Stack`], [`Signal`],
//! [`Registry`], [`Tally`] and [`Flag`] are the same code under both; what the registry frees with, [`Reclaimer`], is not.
//! [`broken`] is for those who check the checkers.

#![allow(clippy::disallowed_types, unsafe_code, reason = "this is the module that may")]

/// An ordering; in the broken twin of this name a relaxed one, which the models in `loom-tests` must reject.
macro_rules! unless_broken {
    ($twin:literal, $ordering:expr) => {
        if super::broken($twin) { Ordering::Relaxed } else { $ordering }
    };
}

mod flag;
mod follower;
#[cfg(loom)]
mod model;
#[cfg(not(loom))]
mod native;
mod publications;
#[cfg(not(loom))]
mod reclaim;
mod registry;
mod signal;
#[cfg(not(loom))]
mod sleep;
mod stack;
mod tally;
mod twin;

pub(crate) use flag::Flag;
pub(crate) use follower::Follower;
#[cfg(loom)]
pub(crate) use model::{Cell, Reclaimer, block_on, holders};
#[cfg(not(loom))]
pub(crate) use native::{Cell, holders};
#[cfg(not(loom))]
pub(crate) use reclaim::Reclaimer;
pub(crate) use registry::{Place, Registry};
pub(crate) use signal::{Seat, Signal, wake};
#[cfg(not(loom))]
pub(crate) use sleep::block_on;
pub(crate) use stack::Stack;
pub(crate) use tally::Tally;
pub(crate) use twin::broken;

#[cfg(loom)]
mod primitive {
    pub(crate) use super::model::{Link, Mutex, MutexGuard};
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
}
#[cfg(not(loom))]
mod primitive {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicPtr as Link, AtomicU64, Ordering};
    pub(crate) use std::sync::{Mutex, MutexGuard};
}

use primitive::MutexGuard;
use std::sync::{LockResult, TryLockError};

/// Whether nobody else holds a value that is no longer published: so that nobody ever will.
pub(crate) fn is_alone<T>(value: &std::sync::Arc<T>) -> bool {
    holders(value) == 0 || broken("free_held")
}

/// A lock for what only writers touch, off every read path. A holder that panicked leaves nothing half done: whoever comes
/// next goes on with it.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(primitive::Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let result: LockResult<_> = self.0.lock();
        result.unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// `None` if another thread holds it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
