//! What a sender of a request believed of a shard, small enough to go with each request.

use std::fmt;

use super::{Epoch, Route, ShardId};
use crate::error::Error;

/// Which shard a request is for, and the epoch in which its sender knew it: what a node checks before it serves
/// ([`Table::admit`](crate::Table::admit)), and what an old answer is asked about ([`Table::fate`](crate::Table::fate)).
///
/// ```
/// use shardway::{NodeId, Table, Token};
///
/// let table = Table::whole(NodeId(1));
/// let token = table.resolve("user/4711")?.token();
/// let sent: [u8; Token::BYTES] = token.to_bytes(); // with the request, in whatever envelope
/// assert_eq!(Token::from_bytes(&sent)?, token);
/// # Ok::<(), shardway::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Token {
    /// The shard.
    pub shard: ShardId,
    /// Its epoch, as the sender knew it.
    pub epoch: Epoch,
}

impl Token {
    /// How many bytes [`to_bytes`](Self::to_bytes) gives.
    pub const BYTES: usize = 24;

    /// The same bytes on every machine: the id and the two counters of the epoch, eight bytes each, the most significant
    /// first. No allocation.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let words = [self.shard.0, self.epoch.range, self.epoch.members];
        for (place, word) in bytes.chunks_exact_mut(size_of::<u64>()).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) wrote. Any 24 bytes are a token: whether there is such a shard is for a table to say.
    ///
    /// # Errors
    ///
    /// [`Error::TokenLength`] if there are more bytes or fewer.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let whole: &[u8; Self::BYTES] =
            bytes.try_into().map_err(|_| Error::TokenLength { expected: Self::BYTES, found: bytes.len() })?;
        let word = |place: usize| {
            whole[place * size_of::<u64>()..].first_chunk().map_or(0, |word| u64::from_be_bytes(*word))
        };
        Ok(Self { shard: ShardId(word(0)), epoch: Epoch { range: word(1), members: word(2) } })
    }
}

impl Route {
    /// What a request by this route carries, for the node that gets it to check.
    #[must_use]
    #[inline]
    pub fn token(&self) -> Token {
        Token { shard: self.shard, epoch: self.epoch }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at epoch {}", self.shard, self.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip_and_keep_their_places() {
        let token = Token { shard: ShardId(1), epoch: Epoch { range: 0x0203, members: u64::MAX } };
        let bytes = token.to_bytes();
        assert_eq!((bytes[7], &bytes[14..16], bytes[16]), (1, &[2, 3][..], 0xff));
        assert_eq!(Token::from_bytes(&bytes), Ok(token));
        for found in [0, 23, 25] {
            let refused = Err(Error::TokenLength { expected: 24, found });
            assert_eq!(Token::from_bytes(&[0; 25][..found]), refused);
        }
    }
}
