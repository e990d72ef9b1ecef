//! The one error type: what was expected, and what was found.

use crate::change::{OperationKind, Phase};
use crate::key::{Key, KeyEnd, KeyRange};
use crate::shard::{Epoch, NodeId, Refusal, ShardId, ShardState};

/// Why something was refused. A refused change leaves everything as it was.
///
/// `Display` reads like a sentence and names the shard, the range, what was expected and what was found.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A look-up had no route to give.
    #[error(transparent)]
    Refused(#[from] Refusal),

    /// A change of a transaction was refused, and so the whole transaction.
    #[error("change {index} of the transaction was refused: {cause}")]
    Transaction {
        /// The place of the change, counted from 0.
        index: usize,
        /// Why it was refused.
        #[source]
        cause: Box<Error>,
    },

    /// A text could not be read.
    #[error("{input:?} is not a {what}: {reason}")]
    Parse {
        /// What was to be read.
        what: &'static str,
        /// The text.
        input: String,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// A range would hold no key.
    #[error("a range from {start:?} to {end:?} holds no key")]
    EmptyRange {
        /// Where it would start.
        start: Key,
        /// Where it would end.
        end: KeyEnd,
    },

    /// Nobody owns a part of the ranges that a scan was to find covered.
    #[error("no shard owns {gap}, which was to be covered")]
    Uncovered {
        /// The part: all of the first gap on the way that was asked for.
        gap: KeyRange,
    },

    /// No key lies strictly inside a range.
    #[error("the range {range} cannot be split: no key lies strictly inside")]
    CannotSplit {
        /// The range.
        range: KeyRange,
    },

    /// A split key would leave one part empty.
    #[error("the split key {key:?} does not lie strictly inside the range {range}")]
    SplitKeyOutside {
        /// The key.
        key: Key,
        /// The range to be split.
        range: KeyRange,
    },

    /// No shard has this id.
    #[error("there is no {shard}")]
    NoSuchShard {
        /// The id.
        shard: ShardId,
    },

    /// A shard has this id already.
    #[error("{shard} exists already and owns {range}")]
    ShardExists {
        /// The id.
        shard: ShardId,
        /// What the shard of that name owns.
        range: KeyRange,
    },

    /// Another shard owns a part of the range.
    #[error("{shard} can't own {range}: it overlaps {owner}, which owns {owned}")]
    Overlap {
        /// The shard that was to be added.
        shard: ShardId,
        /// The range that it was to own.
        range: KeyRange,
        /// The first shard that is in the way.
        owner: ShardId,
        /// What that one owns.
        owned: KeyRange,
    },

    /// The id of a shard that may have existed before came with an epoch or version that has been seen with it.
    #[error(
        "{shard} may have been used before: its range epoch has to be above {}, its members epoch no less than {}, and its \
         version above {version} (or take an id from {fresh} on)",
        epoch.range, epoch.members
    )]
    ReusedId {
        /// The id.
        shard: ShardId,
        /// The greatest epoch counters of all shards that are gone.
        epoch: Epoch,
        /// The greatest version of all shards that are gone.
        version: u64,
        /// The least id that no shard has had.
        fresh: u64,
    },

    /// The record of a shard has changed since the caller saw it.
    #[error("{shard} is at version {found}, not at version {expected}")]
    StaleVersion {
        /// The shard.
        shard: ShardId,
        /// The version that the caller expected.
        expected: u64,
        /// The version that it has.
        found: u64,
    },

    /// The range or members of a shard have changed since the caller saw it.
    #[error("{shard} is at epoch {found}, not at epoch {expected}")]
    StaleEpoch {
        /// The shard.
        shard: ShardId,
        /// The epoch that the caller expected.
        expected: Epoch,
        /// The epoch that it has.
        found: Epoch,
    },

    /// The table has changed since the caller saw it.
    #[error("the table is at revision {found}, not at revision {expected}")]
    StaleRevision {
        /// The revision that the caller expected.
        expected: u64,
        /// The revision that it has.
        found: u64,
    },

    /// What a cache was told of a shard is no newer than what it knows of the same keys or of the same shard.
    #[error("{shard} at epoch {epoch} is no news: {known} is known, at epoch {known_epoch}, to own {range}")]
    NotNewer {
        /// The shard that it was told of.
        shard: ShardId,
        /// The epoch in which it was told of it.
        epoch: Epoch,
        /// The shard that it knows.
        known: ShardId,
        /// The epoch in which it knows that one.
        known_epoch: Epoch,
        /// The keys that it knows that one to own.
        range: KeyRange,
    },

    /// A delta is for another table of the same revision, or leads to another than it says.
    #[error(
        "the table at revision {revision} has the digest {found:#018x}, and that of the delta {expected:#018x}"
    )]
    OtherTable {
        /// The revision of both.
        revision: u64,
        /// The digest of the table that the delta speaks of.
        expected: u64,
        /// The digest of the table that is there.
        found: u64,
    },

    /// An update came with another range than the shard's.
    #[error("an update can't change the range of {shard} from {range} to {found}: splits and merges do")]
    RangeChanged {
        /// The shard.
        shard: ShardId,
        /// Its range.
        range: KeyRange,
        /// The range in the update.
        found: KeyRange,
    },

    /// A shard may not go from its state to that one.
    #[error("{shard} is {from} and may not become {to}")]
    IllegalTransition {
        /// The shard.
        shard: ShardId,
        /// Its state.
        from: ShardState,
        /// The state that was asked for.
        to: ShardState,
    },

    /// A shard is in such a state only while an operation is under way on it.
    #[error("{shard} can't be {state} without an operation under way")]
    NeedsOperation {
        /// The shard.
        shard: ShardId,
        /// The state that was asked for.
        state: ShardState,
    },

    /// An operation on the shard has to end first.
    #[error("a {kind} of {shard} is under way: commit or abort it first")]
    OperationUnderWay {
        /// The shard.
        shard: ShardId,
        /// What is under way.
        kind: OperationKind,
    },

    /// There is no such operation to commit, abort or report on.
    #[error("no {expected} of {shard} is under way{}", found_instead(*found))]
    NoOperation {
        /// The shard.
        shard: ShardId,
        /// The operation that the caller expected.
        expected: OperationKind,
        /// The one that is under way, if any.
        found: Option<OperationKind>,
    },

    /// A relocation is in another phase than a step takes.
    #[error("the relocation of {shard} is in the phase \"{found}\", not in \"{expected}\"")]
    WrongPhase {
        /// The shard.
        shard: ShardId,
        /// The phase in which the step can be taken.
        expected: Phase,
        /// The phase that it is in.
        found: Phase,
    },

    /// Two shards can't merge, since a gap or other shards lie between them, or they are one.
    #[error("{lower}, which owns {lower_range}, and {upper}, which owns {upper_range}, are no neighbours")]
    NotNeighbours {
        /// The shard with the lower range.
        lower: ShardId,
        /// What it owns.
        lower_range: KeyRange,
        /// The shard with the upper range.
        upper: ShardId,
        /// What it owns.
        upper_range: KeyRange,
    },

    /// Two shards can't merge, since their leaders differ.
    #[error("{lower} is led by {lower_leader}, but {upper} by {upper_leader}")]
    DifferentLeaders {
        /// The shard with the lower range.
        lower: ShardId,
        /// Its leader.
        lower_leader: NodeId,
        /// The shard with the upper range.
        upper: ShardId,
        /// Its leader.
        upper_leader: NodeId,
    },

    /// Two shards can't merge, since their replicas differ.
    #[error("{lower} has replicas on {lower_replicas:?}, but {upper} on {upper_replicas:?}")]
    DifferentReplicas {
        /// The shard with the lower range.
        lower: ShardId,
        /// Its replicas.
        lower_replicas: Vec<NodeId>,
        /// The shard with the upper range.
        upper: ShardId,
        /// Its replicas.
        upper_replicas: Vec<NodeId>,
    },

    /// Two shards can't merge, since their states differ.
    #[error("{lower} is {lower_state}, but {upper} is {upper_state}")]
    DifferentStates {
        /// The shard with the lower range.
        lower: ShardId,
        /// Its state.
        lower_state: ShardState,
        /// The shard with the upper range.
        upper: ShardId,
        /// Its state.
        upper_state: ShardState,
    },

    /// The estimates of two shards add up to more than can be counted.
    #[error("the estimates of {lower} and {upper} add up to more than 2^64 - 1")]
    EstimatesOverflow {
        /// The shard with the lower range.
        lower: ShardId,
        /// The shard with the upper range.
        upper: ShardId,
    },

    /// A key, or the replicas of a shard, are more than a table holds of one.
    #[error("{found} {what} are too many: at most {most}")]
    TooLarge {
        /// What there is too much of: bytes of a key, or replicas.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },

    /// A node holds a copy already.
    #[error("{node} is a replica of {shard} already")]
    DuplicateReplica {
        /// The shard.
        shard: ShardId,
        /// The node.
        node: NodeId,
    },

    /// The leader can't be a replica besides itself.
    #[error("{leader} leads {shard} and can't be its replica too")]
    LeaderAsReplica {
        /// The shard.
        shard: ShardId,
        /// Its leader.
        leader: NodeId,
    },

    /// A node holds no copy.
    #[error("{node} is no replica of {shard}")]
    NoSuchReplica {
        /// The shard.
        shard: ShardId,
        /// The node.
        node: NodeId,
    },

    /// The leader is moved, never removed.
    #[error("{leader} leads {shard}: transfer the shard before the node is removed from it")]
    RemovesLeader {
        /// The shard.
        shard: ShardId,
        /// Its leader.
        leader: NodeId,
    },

    /// The target of a transfer leads the shard already.
    #[error("{leader} leads {shard} already")]
    AlreadyLeader {
        /// The shard.
        shard: ShardId,
        /// Its leader.
        leader: NodeId,
    },

    /// The table knows no such node.
    #[error("{node} is not known")]
    NoSuchNode {
        /// The node.
        node: NodeId,
    },

    /// A node that is to be forgotten holds a shard, or a copy comes to it or leaves it.
    #[error("{node} holds {shard}")]
    NodeInUse {
        /// The node.
        node: NodeId,
        /// The first shard that it holds, in key order.
        shard: ShardId,
    },

    /// A token has a fixed number of bytes.
    #[error("a token has {expected} bytes, not {found}")]
    TokenLength {
        /// How many it has.
        expected: usize,
        /// How many there were.
        found: usize,
    },

    /// A progress is no fraction.
    #[error("a progress is between 0 and 1, not {found}")]
    ProgressOutOfRange {
        /// What was given instead.
        found: String,
    },

    /// A setting is not one that makes sense.
    #[error("the {what} has to be {expected}, not {found}")]
    OutOfBounds {
        /// The setting.
        what: &'static str,
        /// What it has to be.
        expected: &'static str,
        /// What was given instead.
        found: String,
    },

    /// A counter or the supply of ids has come to its end; it never wraps.
    #[error("the {what} has come to its end")]
    Exhausted {
        /// The counter.
        what: &'static str,
    },

    /// The parts of a table contradict each other.
    #[error("the table is broken: {what}")]
    Broken {
        /// What does not hold.
        what: String,
    },
}

impl Error {
    /// The cause, if this is the refusal of a transaction; or else the error itself. For transactions of one change,
    /// whose place is no news.
    #[must_use]
    pub fn into_cause(self) -> Self {
        match self {
            Self::Transaction { cause, .. } => *cause,
            other => other,
        }
    }

    /// A short name for what kind of error it is, that stays the same from version to version: for labels and logs. That of the
    /// refusal of a transaction is that of its cause.
    ///
    /// ```
    /// use shardway::{NodeId, Router, ShardId};
    ///
    /// let error = Router::whole(NodeId(1)).split(ShardId(7), "m").unwrap_err();
    /// assert_eq!(error.kind(), "no_such_shard");
    /// ```
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Transaction { cause, .. } => cause.kind(),
            Self::Refused(Refusal::NoOwner) => "no_owner",
            Self::Refused(Refusal::NotServing { .. }) => "not_serving",
            Self::Refused(Refusal::LeaderDown { .. }) => "leader_down",
            Self::Parse { .. } => "parse",
            Self::EmptyRange { .. } => "empty_range",
            Self::Uncovered { .. } => "uncovered",
            Self::CannotSplit { .. } => "cannot_split",
            Self::SplitKeyOutside { .. } => "split_key_outside",
            Self::NoSuchShard { .. } => "no_such_shard",
            Self::ShardExists { .. } => "shard_exists",
            Self::Overlap { .. } => "overlap",
            Self::ReusedId { .. } => "reused_id",
            Self::StaleVersion { .. } => "stale_version",
            Self::StaleEpoch { .. } => "stale_epoch",
            Self::StaleRevision { .. } => "stale_revision",
            Self::NotNewer { .. } => "not_newer",
            Self::OtherTable { .. } => "other_table",
            Self::RangeChanged { .. } => "range_changed",
            Self::IllegalTransition { .. } => "illegal_transition",
            Self::NeedsOperation { .. } => "needs_operation",
            Self::OperationUnderWay { .. } => "operation_under_way",
            Self::NoOperation { .. } => "no_operation",
            Self::WrongPhase { .. } => "wrong_phase",
            Self::NotNeighbours { .. } => "not_neighbours",
            Self::DifferentLeaders { .. } => "different_leaders",
            Self::DifferentReplicas { .. } => "different_replicas",
            Self::DifferentStates { .. } => "different_states",
            Self::EstimatesOverflow { .. } => "estimates_overflow",
            Self::TooLarge { .. } => "too_large",
            Self::DuplicateReplica { .. } => "duplicate_replica",
            Self::LeaderAsReplica { .. } => "leader_as_replica",
            Self::NoSuchReplica { .. } => "no_such_replica",
            Self::RemovesLeader { .. } => "removes_leader",
            Self::AlreadyLeader { .. } => "already_leader",
            Self::NoSuchNode { .. } => "no_such_node",
            Self::NodeInUse { .. } => "node_in_use",
            Self::TokenLength { .. } => "token_length",
            Self::ProgressOutOfRange { .. } => "progress_out_of_range",
            Self::OutOfBounds { .. } => "out_of_bounds",
            Self::Exhausted { .. } => "exhausted",
            Self::Broken { .. } => "broken",
        }
    }
}

fn found_instead(found: Option<OperationKind>) -> String {
    found.map_or(String::new(), |kind| format!(", but a {kind} is"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_like_sentences() {
        let range = KeyRange::try_from("a".."m").unwrap();
        let text = |error: Error| error.to_string();
        assert_eq!(
            text(Error::SplitKeyOutside { key: "z".into(), range: range.clone() }),
            r#"the split key "z" does not lie strictly inside the range "a".."m""#
        );
        assert_eq!(
            text(Error::NoOperation {
                shard: ShardId(7),
                expected: OperationKind::Split,
                found: Some(OperationKind::Merge)
            }),
            "no split of shard 7 is under way, but a merge is"
        );
        let cause = Box::new(Error::StaleVersion { shard: ShardId(7), expected: 3, found: 5 });
        assert_eq!(
            text(Error::Transaction { index: 2, cause }),
            "change 2 of the transaction was refused: shard 7 is at version 5, not at version 3"
        );
    }

    #[test]
    fn an_error_goes_anywhere() {
        fn check<T: std::error::Error + Send + Sync + Clone + 'static>() {}
        check::<Error>();
        check::<Refusal>();
    }
}
