//! Storage nodes behind a gateway, and clients whose knowledge grows old: shards split, merge and move under them, and each
//! refusal brings its cure, so that nobody loads the table again. Requests carry what their sender believes, in 24 bytes, and
//! the node that it believes in serves them only if that is right.
//!
//! `cargo run --release --example gateway`. Exit code 1 if a read missed a write that was acknowledged, or nobody had to be
//! cured.

#![allow(clippy::disallowed_types, reason = "what stands for the cluster has locks")]

mod balancer;
mod client;
mod cluster;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use client::Client;
use cluster::Cluster;

const CLIENTS: u64 = 3;
/// Of each client, at least.
const REQUESTS: u64 = 10_000;
const KEYS: u64 = 2_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<ExitCode, Failure> {
    let cluster = Cluster::new()?;
    let over = AtomicBool::new(false);
    let (clients, changes) = thread::scope(|scope| {
        let work = |number| {
            let (cluster, over) = (&cluster, &over);
            scope.spawn(move || {
                let mut client = Client::new(cluster, number);
                client.work(over).map(|()| client.told())
            })
        };
        let clients: Vec<_> = (0..CLIENTS).map(work).collect();
        let changes = balancer::run(&cluster);
        // Relaxed, here and where it is read: a stop sign that is seen a little later is as good.
        over.store(true, Ordering::Relaxed);
        let ended = |client: thread::ScopedJoinHandle<'_, _>| client.join().expect("no client panics");
        (clients.into_iter().map(ended).collect::<Vec<_>>(), changes)
    });
    let clients = clients.into_iter().collect::<Result<Vec<_>, _>>()?;

    println!("{}", changes?);
    println!(
        "client | requests | refused as stale | fenced | routes learned | tables loaded | reads that missed a write"
    );
    for (number, told) in clients.iter().enumerate() {
        println!("{number} | {told}");
    }
    let missed = clients.iter().map(|told| told.missed).sum::<u64>();
    let is_tried = clients.iter().all(|told| told.stale > 0 && told.learned >= told.stale && told.loads == 1);
    cluster.router.snapshot().verify()?;
    Ok(if missed == 0 && is_tried { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
