//! What one reader thread is asked: all keys of the store, over and over, in an order of its own, three times for reading
//! and then once for writing.

use std::hint::black_box;

use shardway::{Access, Key};

use crate::random::Random;

const ACCESSES: [Access; 4] = [Access::Read, Access::Read, Access::Read, Access::Write];

/// An endless stream of requests.
pub(crate) struct Requests<'k> {
    keys: Vec<&'k [u8]>,
    made: usize,
}

#[derive(Clone, Copy)]
pub(crate) struct Request<'k> {
    pub(crate) key: &'k [u8],
    pub(crate) access: Access,
}

impl<'k> Requests<'k> {
    /// There is at least one key.
    pub(crate) fn new(keys: &'k [Key], mut random: Random) -> Self {
        let mut keys: Vec<_> = keys.iter().map(Key::as_bytes).collect();
        random.shuffle(&mut keys);
        Self { keys, made: 0 }
    }
}

impl<'k> Iterator for Requests<'k> {
    type Item = Request<'k>;

    fn next(&mut self) -> Option<Request<'k>> {
        let (key, access) = (self.keys[self.made % self.keys.len()], ACCESSES[self.made % ACCESSES.len()]);
        self.made += 1;
        // A server has just read the key off the wire, so its bytes are near: to fetch them is no part of a lookup.
        black_box(key.iter().fold(0, |sum, byte| sum ^ byte));
        Some(Request { key, access })
    }
}
