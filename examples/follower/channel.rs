//! Bytes there and back. What they mean is the same on both sides; a socket would do as well.

use std::sync::mpsc::{Receiver, Sender, channel};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shardway::{Delta, TableImage};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// From the primary.
#[derive(Serialize, Deserialize)]
pub(crate) enum News {
    /// What became of the table.
    Delta(Delta),
    /// All of it.
    Whole(TableImage),
    /// There is no more than this.
    End { revision: u64, digest: u64 },
}

/// From the follower.
#[derive(Serialize, Deserialize)]
pub(crate) enum Request {
    /// What has become of the table that I have?
    Since { revision: u64, digest: u64 },
    /// I have all.
    Thanks,
}

pub(crate) struct End {
    send: Sender<Vec<u8>>,
    receive: Receiver<Vec<u8>>,
}

pub(crate) fn pair() -> (End, End) {
    let ((there, here), (back, forth)) = (channel(), channel());
    (End { send: there, receive: forth }, End { send: back, receive: here })
}

impl End {
    /// Says how many bytes it took.
    pub(crate) fn send(&self, message: &impl Serialize) -> Result<usize, Failure> {
        let bytes = postcard::to_allocvec(message)?;
        let size = bytes.len();
        self.send.send(bytes)?;
        Ok(size)
    }

    pub(crate) fn receive<M: DeserializeOwned>(&self) -> Result<M, Failure> {
        Ok(postcard::from_bytes(&self.receive.recv()?)?)
    }

    /// What has come so far, without waiting for more.
    pub(crate) fn poll<M: DeserializeOwned>(&self) -> Result<Option<M>, Failure> {
        self.receive
            .try_recv()
            .ok()
            .map(|bytes| postcard::from_bytes(&bytes))
            .transpose()
            .map_err(Failure::from)
    }
}
