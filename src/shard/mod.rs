//! What is known of one shard: its [`ShardRecord`] as owned data, [`Shard`] as a view into a table, and the parts of both.
//! How records are found, and which changes they allow, is the table's business.

mod epoch;
mod estimates;
mod id;
mod policy;
mod record;
mod route;
mod state;
mod timestamp;
mod token;

pub use epoch::Epoch;
pub use estimates::Estimates;
pub use id::{NodeId, ShardId};
pub use policy::Policy;
pub(crate) use record::Details;
pub use record::{Shard, ShardRecord};
pub use route::{Access, Refusal, Route};
pub use state::ShardState;
pub use timestamp::Timestamp;
pub use token::Token;
