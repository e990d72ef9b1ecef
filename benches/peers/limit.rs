//! How fast could it be at best? A static search tree over the first 8 bytes of each key, in the manner of an S+-tree: nodes
//! of 16 keys end to end in one array for each level, and no pointers.
//!
//! It is no peer. It can't be changed, holds no keys, and takes the bytes that all starts begin with for granted. Where keys
//! differ only after their heads it gives a wrong answer, which nobody holds against it; but the many keys that share a head
//! share the memory that it looks at, so it is faster there than anyone could be who is right.

#![allow(unsafe_code, reason = "the compiler can't know that a processor has what it was asked about")]

use std::hint::black_box;

use shardway::{Route, ShardRecord};

use crate::contender::Pass;

const WIDTH: usize = 16;
/// Between so many children there are [`WIDTH`] keys.
const CHILDREN: usize = WIDTH + 1;
/// Above every head that is searched for.
const NONE: i64 = i64::MAX;

#[repr(align(64))]
struct Node([i64; WIDTH]);

pub(crate) struct StaticTree {
    /// How many bytes all starts have in common, but for the empty one.
    common: usize,
    /// From the root to the leaves.
    levels: Vec<Vec<Node>>,
    routes: Vec<Route>,
}

impl StaticTree {
    pub(crate) fn of(records: &[ShardRecord]) -> Self {
        let starts = || records.iter().map(|record| record.range.start());
        let common = match (starts().nth(1), starts().next_back()) {
            (Some(first), Some(last)) => {
                first.iter().zip(last).take_while(|(one, other)| one == other).count()
            }
            _ => 0,
        };
        let mut heads: Vec<i64> = starts().map(|start| head(common, start)).collect();
        // The empty start is before all others whatever they have in common.
        heads[0] = i64::MIN;
        let mut levels = vec![heads.chunks(WIDTH).map(node).collect::<Vec<_>>()];
        let mut firsts: Vec<i64> = heads.iter().step_by(WIDTH).copied().collect();
        while firsts.len() > 1 {
            levels.push(firsts.chunks(CHILDREN).map(|children| node(&children[1..])).collect());
            firsts = firsts.into_iter().step_by(CHILDREN).collect();
        }
        levels.reverse();
        Self { common, levels, routes: records.iter().map(ShardRecord::route).collect() }
    }

    #[inline(always)]
    fn find(&self, key: &[u8]) -> Route {
        let head = head(self.common, key);
        let (leaves, inner) = self.levels.split_last().expect("a tree has leaves");
        // No `fold`: it would be compiled apart, for processors that lack what this one has.
        let mut leaf = 0;
        for level in inner {
            leaf = leaf * CHILDREN + upto(&level[leaf], head);
        }
        self.routes[(leaf * WIDTH + upto(&leaves[leaf], head)).saturating_sub(1)]
    }

    #[inline(always)]
    fn find_all(&self, keys: &[&[u8]]) {
        for key in keys {
            black_box(Some(self.find(key)));
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn find_all_avx2(&self, keys: &[&[u8]]) {
        self.find_all(keys);
    }
}

impl Pass for StaticTree {
    fn pass(&mut self, keys: &[&[u8]]) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has just said that it can.
            return unsafe { self.find_all_avx2(keys) };
        }
        self.find_all(keys);
    }

    fn answers(&mut self, keys: &[&[u8]]) -> Vec<Option<Route>> {
        keys.iter().map(|key| Some(self.find(key))).collect()
    }
}

fn node(heads: &[i64]) -> Node {
    let mut all = [NONE; WIDTH];
    all[..heads.len()].copy_from_slice(heads);
    Node(all)
}

#[inline(always)]
fn upto(node: &Node, head: i64) -> usize {
    // As wide as the heads, so that comparisons add up as they are.
    let mut count = 0_u64;
    for other in &node.0 {
        count += u64::from(*other <= head);
    }
    usize::try_from(count).unwrap_or_default()
}

/// In the order of the bytes, although signed: that is what processors compare four at a time.
#[inline(always)]
fn head(common: usize, key: &[u8]) -> i64 {
    let rest = key.get(common..).unwrap_or_default();
    let word = rest.first_chunk().map_or_else(|| padded(rest), |word| u64::from_be_bytes(*word));
    (word ^ (1 << 63)).cast_signed().min(NONE - 1)
}

#[cold]
fn padded(rest: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..rest.len()].copy_from_slice(rest);
    u64::from_be_bytes(word)
}
