//! Why a route could not be had.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::error::Error;

/// Why a load has not given a route: to the caller that loaded, and to those that waited for it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The load itself failed. Who waited for it gets the same error.
    Failed(Arc<dyn StdError + Send + Sync>),
    /// What was loaded does not say who owns the key: the key lies in a gap.
    NoOwner,
    /// What was loaded of the key is no newer than what is known of its neighbours, or no record at all: another answer is
    /// wanted, from a source that knows more.
    Refused(Error),
}

impl LoadError {
    pub(super) fn failed(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Failed(Arc::from(error.into()))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "the route could not be loaded: {error}"),
            Self::NoOwner => f.write_str("no shard owns the key, as far as was loaded"),
            Self::Refused(error) => write!(f, "what was loaded was refused: {error}"),
        }
    }
}

impl StdError for LoadError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Failed(error) => Some(&**error),
            Self::Refused(error) => Some(error),
            Self::NoOwner => None,
        }
    }
}
