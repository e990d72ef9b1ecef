//! placeholder

mod change;
mod counter;
mod error;
mod key;
mod shard;
mod table;

pub use change::*;
pub use error::Error;
pub use key::{AsKeyRange, Key, KeyEnd, KeyRange};
pub use shard::{
    Access, Epoch, Estimates, NodeId, Policy, Refusal, Route, Shard, ShardId, ShardRecord, ShardState,
    Timestamp,
};
pub use table::{Difference, Gaps, Shards, Table, TableImage};
mod router;
mod sync;
pub use router::{Reader, Retained, Router, Snapshot};
