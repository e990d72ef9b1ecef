#!/usr/bin/env bash
# Runs every model, then every broken twin: each has to fail, in the model that is there to find it and for the reason that
# is the twin's. Prints one line for each. Needs stable Rust and crates.io.
set -euo pipefail
cd "$(dirname "$0")"

host=$(rustc -vV | sed -n 's/^host: //p')
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# With the target named, the flags don't reach build scripts and procedural macros, so that these are built once for all.
run() { RUSTFLAGS="${RUSTFLAGS:-} --cfg loom $1" RUST_BACKTRACE=0 cargo test -q --target "$host" "${@:2}" 2>&1; }

give_up() {
    cat "$log"
    echo "$1"
    exit 1
}

run "" --release -- --nocapture | tee "$log" | sed -un 's/^\.*model: /model: /p' || give_up "a model fails"

run "--cfg shardway_twins" --no-run > "$log" || give_up "the twins do not build"

# Usage: twin NAME FILE TEST REASON
twin() {
    SHARDWAY_TWIN=$1 run "--cfg shardway_twins" --test "$2" -- --nocapture "$3" > "$log" && give_up "twin: $1: passes"
    grep -q "$4" "$log" || give_up "twin: $1: fails, but not for its reason"
    echo "twin: $1: rejected: $(sed -n 's/^.*model: //p' "$log"), $(grep -om1 "$4" "$log")"
}

twin lost_update write two_transfers "a change is lost"
twin lost_update follow step_by_step "two deltas are applied to one table"
twin relaxed_load cell two_followers "Causality violation: Concurrent read and write accesses"
twin relaxed_exchange cell two_followers "Causality violation: Concurrent read and write accesses"
twin stale_follower read is_told "the old table, though the publish has returned"
twin begun_after_publish read by_all_ways_in "the old table after the new one"
twin settled_too_early read by_all_ways_in "the old table after the new one"
twin relaxed_end_of_publish read is_told "the old table, though the publish has returned"
twin relaxed_settled read is_told "the old table, though the publish has returned"
twin free_held retire two_writers "held, and by how many"
twin retire_skipped retire writers_that_hold "held, and by how many"
twin retired_twice retire writers_that_hold "held, and by how many"
twin relaxed_push stack a_taker "Causality violation: Concurrent read and write accesses"
twin relaxed_take stack a_taker "Causality violation: Concurrent read and write accesses"
twin notify_before_publish watch two_publishes "deadlock"
twin listen_after_check watch two_publishes "deadlock"
twin closed_after_look watch a_router_that_closes "closed before the last table"
twin seat_kept watch two_publishes "deadlock"
twin deaf_push watch two_publishes "deadlock"
twin mute_take watch two_publishes "deadlock"
twin look_before_flight load two_callers "a part is loaded twice"
twin landed_before_learned load two_callers "a part is loaded twice"
twin silent_landing load two_callers "deadlock"
twin relaxed_enter registry two_come "Causality violation: Concurrent load and mut accesses"
twin relaxed_sweep registry two_come "Causality violation: Concurrent load and mut accesses"
twin unlinked_twice registry neighbours "a node is retired twice"
twin relaxed_end count a_tracker "a request is lost or told twice"
twin departs_unseen count a_tracker "a request is lost or told twice"
