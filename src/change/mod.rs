//! Changes as data: what can be asked of a table ([`Change`]), what is under way ([`Operation`]), and what came of it
//! ([`Outcome`]). How a table carries a change out is the table's business.

mod action;
mod operation;
mod outcome;
mod phase;
mod progress;

pub use action::{Action, Change, Expectation, Naming};
pub use operation::{Operation, OperationKind};
pub use outcome::{Halves, Outcome, Summary};
pub use phase::Phase;
pub use progress::Progress;
