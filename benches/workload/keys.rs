//! Kinds of keys, and keys drawn from them. A seed decides them, so every contender and every run sees the same ones.

use std::iter::repeat_with;

use fastrand::Rng;
use shardway::Key;

/// Where keys come from.
#[derive(Clone, Copy)]
pub(crate) enum KeySet {
    /// 16 random bytes, as hashes and UUIDs are: the first bytes decide.
    Random,
    /// As databases over key-value stores write them: `t`, the table, `_r`, the row, numbers as 8 bytes big-endian.
    TableRow,
    /// `tenant/0042/user/000123456/profile`: neighbours share long prefixes, and what tells them apart is not in one place.
    Text,
}

/// Few enough that neighbours mostly differ in the row alone.
const TABLES: u64 = 256;
const ROWS: u64 = 1 << 40;
/// So that in tables of 10,000 shards and more, neighbours differ in the tenant here and in the user there.
const TENANTS: u32 = 1_000;
const USERS: u32 = 1_000_000_000;

const SEED: u64 = 0x5eed;

impl KeySet {
    pub(crate) const ALL: [Self; 3] = [Self::Random, Self::TableRow, Self::Text];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::TableRow => "table_row",
            Self::Text => "text",
        }
    }

    fn draw(self, random: &mut Rng) -> Vec<u8> {
        match self {
            Self::Random => random.u128(..).to_be_bytes().into(),
            Self::TableRow => {
                let (table, row) = (random.u64(..TABLES), random.u64(..ROWS));
                [b"t", &table.to_be_bytes()[..], b"_r", &row.to_be_bytes()].concat()
            }
            Self::Text => {
                let (tenant, user) = (random.u32(..TENANTS), random.u32(..USERS));
                format!("tenant/{tenant:04}/user/{user:09}/profile").into()
            }
        }
    }

    /// So many different keys, in ascending order.
    pub(crate) fn sorted(self, count: usize) -> Vec<Key> {
        let mut random = Rng::with_seed(SEED);
        let mut keys = Vec::with_capacity(count);
        while keys.len() < count {
            let missing = count - keys.len();
            keys.extend(repeat_with(|| Key::from(self.draw(&mut random))).take(missing));
            keys.sort_unstable();
            keys.dedup();
        }
        keys
    }

    /// Keys to ask for, none of them where a shard starts but by chance.
    pub(crate) fn queries(self) -> Queries {
        self.so_many_queries(QUERIES)
    }

    pub(crate) fn so_many_queries(self, count: usize) -> Queries {
        let mut random = Rng::with_seed(!SEED);
        Queries::of(repeat_with(|| self.draw(&mut random)).take(count))
    }
}

/// Far more than caches and branch predictors learn by heart.
pub(crate) const QUERIES: usize = 1 << 18;

/// Keys end to end in one buffer, so that the processor fetches them ahead and a miss is one of the contender's own.
pub(crate) struct Queries {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Queries {
    pub(crate) fn of(keys: impl IntoIterator<Item: AsRef<[u8]>>) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), vec![0]);
        for key in keys {
            bytes.extend_from_slice(key.as_ref());
            ends.push(bytes.len());
        }
        Self { bytes, ends }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len() - 1
    }

    /// The key whose turn it is; after the last one comes the first again.
    #[inline]
    pub(crate) fn at(&self, turn: usize) -> &[u8] {
        let turn = turn % self.len();
        &self.bytes[self.ends[turn]..self.ends[turn + 1]]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.ends.windows(2).map(|ends| &self.bytes[ends[0]..ends[1]])
    }
}
