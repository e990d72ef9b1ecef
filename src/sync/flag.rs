//! Something that is over for good, said by one thread to others.

use super::primitive::{AtomicBool, Ordering};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Flag(AtomicBool);

impl Flag {
    pub(crate) fn set(&self) {
        // Release: who finds it set finds all that came before.
        self.0.store(true, unless_broken!("relaxed_end", Ordering::Release));
    }

    pub(crate) fn is_set(&self) -> bool {
        // Acquire: pairs with the store in `set`.
        self.0.load(Ordering::Acquire)
    }
}
