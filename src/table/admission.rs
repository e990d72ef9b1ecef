//! May this node serve this request? What it answers, and the cure that goes back to a sender that knows less.

use std::fmt;

use super::{Shards, Table};
use crate::key::AsKeyRange;
use crate::shard::{Access, NodeId, Refusal, Route, Shard, Token};

/// Why a request is not served here, and what cures it. Made without allocation: what it holds is read from the table when it
/// is asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Denial<'t> {
    /// No shard owns the key, or the first key that was asked for.
    NoOwner,
    /// The sender's shard is not what owns the keys now: it was split, merged, moved or replaced.
    Stale {
        /// Who owns *all* that was asked for now, in key order: what to send back. Where there are gaps, less.
        current: Shards<'t>,
    },
    /// The sender has seen an epoch that this node has not: let this node catch up, and ask again.
    Ahead {
        /// The token that came with the request.
        token: Token,
    },
    /// The sender's knowledge is right, but this node is not the one to ask.
    WrongNode {
        /// The shard, with the leader to ask.
        route: Route,
    },
    /// The shard is not in a state to serve this.
    NotServing {
        /// The shard.
        route: Route,
        /// What was asked of it.
        access: Access,
    },
    /// This node is marked as down: others may serve in its place, so it must not.
    NodeDown {
        /// This node.
        node: NodeId,
        /// The shard.
        route: Route,
    },
}

impl fmt::Display for Denial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOwner => f.write_str("no shard owns the key"),
            Self::Stale { current } => {
                f.write_str("the sender's shard is not what owns the keys now")?;
                current.clone().try_for_each(|shard| write!(f, "; {}", shard.route()))
            }
            Self::Ahead { token } => write!(f, "the sender has seen {token}, which this table has not"),
            Self::WrongNode { route } => write!(f, "not led here: {route}"),
            Self::NotServing { route, access } => write!(f, "no {access} now: {route}"),
            Self::NodeDown { node, route } => write!(f, "{node} is marked as down: {route}"),
        }
    }
}

impl std::error::Error for Denial<'_> {}

/// Admission.
impl Table {
    /// Whether `node` may serve a request for `key` whose sender knew its shard by `token`: if so, the route. Costs a look-up
    /// and a few comparisons; no allocation, not even for a denial.
    ///
    /// What is asked first is whether sender and table agree on the shard and its epoch, then whether this is the node, whether
    /// it is up, and whether the shard serves the access.
    ///
    /// # Errors
    ///
    /// A [`Denial`], with its cure.
    ///
    /// ```
    /// use shardway::{Access, Change, Denial, NodeId, Table};
    ///
    /// let here = NodeId(1);
    /// let old = Table::whole(here);
    /// let token = old.resolve("user/4711")?.token(); // what a client still believes
    /// let (table, _) = old.apply(&[Change::split(token.shard, "user/5000")])?;
    ///
    /// let Err(Denial::Stale { current }) = table.admit(here, token, "user/4711", Access::Read) else { panic!() };
    /// let cure = current.map(|shard| shard.to_record()).collect::<Vec<_>>(); // goes back to the client
    /// assert!(table.admit(here, cure[0].route().token(), "user/4711", Access::Read).is_ok());
    /// # Ok::<(), shardway::Error>(())
    /// ```
    #[inline]
    pub fn admit(
        &self,
        node: NodeId,
        token: Token,
        key: impl AsRef<[u8]>,
        access: Access,
    ) -> Result<Route, Denial<'_>> {
        let key = key.as_ref();
        self.admit_found(node, token, key, access, self.resolve(key))
    }

    /// [`admit`](Self::admit), where it is known what [`resolve`](Self::resolve) says.
    #[inline]
    pub(crate) fn admit_found(
        &self,
        node: NodeId,
        token: Token,
        key: &[u8],
        access: Access,
        found: Result<Route, Refusal>,
    ) -> Result<Route, Denial<'_>> {
        match found {
            Ok(route) if route.token() == token => self.admit_to(node, route, access, || self.owner(key)),
            _ if self.is_behind(token) => Err(Denial::Ahead { token }),
            _ => Err(self.not_of_the_sender(key)),
        }
    }

    /// [`admit`](Self::admit) for a request that is about all keys of a range, which has to lie within the shard that the
    /// sender had in mind.
    ///
    /// # Errors
    ///
    /// A [`Denial`]; [`Denial::Stale`] has the owners of all of the range, also where the shard is as the sender knew it and
    /// the range goes beyond it. [`Denial::NoOwner`] if nobody owns any of it.
    pub fn admit_range(
        &self,
        node: NodeId,
        token: Token,
        range: impl AsKeyRange,
        access: Access,
    ) -> Result<Route, Denial<'_>> {
        let (start, end) = (range.start(), range.end());
        match self.owner(start) {
            Some(shard) if shard.route().token() == token && end <= shard.end() => {
                self.admit_to(node, shard.route(), access, || Some(shard))
            }
            _ if self.is_behind(token) => Err(Denial::Ahead { token }),
            _ => {
                let current = self.range(range);
                Err(if current.clone().next().is_some() {
                    Denial::Stale { current }
                } else {
                    Denial::NoOwner
                })
            }
        }
    }

    #[inline]
    fn admit_to<'t>(
        &'t self,
        node: NodeId,
        route: Route,
        access: Access,
        shard: impl FnOnce() -> Option<Shard<'t>>,
    ) -> Result<Route, Denial<'t>> {
        let is_among_followers = || {
            let holds = shard().is_some_and(|shard| shard.replicas().binary_search(&node).is_ok());
            holds || access == Access::FollowerWrite && self.written_beside(route.shard) == Some(node)
        };
        let is_asked = route.leader == node || access.is_for_followers() && is_among_followers();
        if !is_asked {
            Err(Denial::WrongNode { route })
        } else if self.nodes.is_down(node) {
            Err(Denial::NodeDown { node, route })
        } else if !route.state.serves(access) {
            Err(Denial::NotServing { route, access })
        } else {
            Ok(route)
        }
    }

    /// Whether a token is of a state that this table has not seen.
    #[cold]
    pub(super) fn is_behind(&self, token: Token) -> bool {
        match self.shard(token.shard).map(Shard::epoch) {
            Some(now) => (token.epoch.range, token.epoch.members) > (now.range, now.members),
            None => token.shard.0 >= self.next_id,
        }
    }

    /// What to say of a key that is not in the sender's shard: its owner is the cure.
    #[cold]
    fn not_of_the_sender(&self, key: &[u8]) -> Denial<'_> {
        match self.owner(key) {
            Some(shard) => Denial::Stale { current: self.range(shard.range()) },
            None => Denial::NoOwner,
        }
    }
}
