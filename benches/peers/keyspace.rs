//! The keys that shards are cut at and asked for: drawn ones, and the paths of real files.

use std::fs;
use std::path::Path;

use fastrand::Rng;
use shardway::{Key, ShardRecord};

use crate::files;
use crate::workload::keys::{KeySet, Queries};
use crate::workload::shards;

pub(crate) enum Keyspace {
    Drawn(KeySet),
    /// In no order, each once.
    Paths(Vec<Key>),
}

impl Keyspace {
    pub(crate) fn all(paths: Option<&Path>) -> Result<Vec<Self>, String> {
        let mut keys = match paths {
            Some(file) => lines(file)?,
            None => files::sysroot().and_then(|root| files::below(&root).ok()).unwrap_or_default(),
        };
        keys.retain(|key| !key.as_bytes().is_empty());
        keys.sort_unstable();
        keys.dedup();
        Rng::with_seed(0).shuffle(&mut keys);
        Ok(KeySet::ALL.into_iter().map(Self::Drawn).chain([Self::Paths(keys)]).collect())
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Drawn(keys) => keys.name(),
            Self::Paths(_) => "paths",
        }
    }

    /// Whether all keys are as long as can be kept in the nodes of a tree.
    pub(crate) fn is_inline(&self) -> bool {
        matches!(self, Self::Drawn(KeySet::Random))
    }

    /// Those of the sizes that there are keys for, and instead of one that there are not, what there is of its tenth.
    pub(crate) fn sizes(&self, sizes: &[usize]) -> Vec<usize> {
        let most = match self {
            Self::Drawn(_) => usize::MAX,
            // Somebody has to be asked for, too.
            Self::Paths(paths) => paths.len() / 2,
        };
        let mut there = Vec::new();
        for size in sizes {
            if *size > most {
                println!("{}, {size} shards: not there\n", self.name());
            }
            let instead = if *size > most { size / 10 } else { *size };
            if instead <= most && !there.contains(&instead) {
                there.push(instead);
            }
        }
        there
    }

    /// So many shards, and keys to ask for, none of them where a shard starts but by chance.
    pub(crate) fn cut(&self, count: usize, queries: usize) -> (Vec<ShardRecord>, Queries) {
        match self {
            Self::Drawn(keys) => (shards::records(*keys, count), keys.so_many_queries(queries)),
            Self::Paths(paths) => {
                let (cuts, others) = paths.split_at(count - 1);
                let mut cuts = cuts.to_vec();
                cuts.sort_unstable();
                (shards::cut(cuts), Queries::of(asked_for(others).take(queries)))
            }
        }
    }
}

/// Three files that there are for each one that there is not.
fn asked_for(paths: &[Key]) -> impl Iterator<Item = Vec<u8>> {
    let mut random = Rng::with_seed(0);
    paths.iter().cycle().map(move |path| {
        let path = path.as_bytes();
        let length = if random.u8(..4) == 0 { random.usize(1..=path.len()) } else { path.len() };
        path[..length].into()
    })
}

fn lines(file: &Path) -> Result<Vec<Key>, String> {
    let text = fs::read(file).map_err(|error| format!("can't read {}: {error}", file.display()))?;
    Ok(text.split(|byte| *byte == b'\n').map(Key::from).collect())
}
