//! What is checked once all threads are done: that the accepted steps tell one history, and that this history, replayed on
//! another implementation, leads to the very table that the contender ended with.

use shardway::{Error, ShardRecord};

use crate::checks::Checks;
use crate::contender::Contender;
use crate::layout::Layout;
use crate::progress::Progress;
use crate::writer::Accepted;

/// Takes what the contender started from, and what all writers logged.
pub(crate) fn judge<C: Contender>(
    contender: &C,
    records: &[ShardRecord],
    mut log: Vec<Accepted>,
    progress: &Progress,
) -> Result<Checks, Error> {
    log.sort_unstable_by_key(|accepted| accepted.revision);
    let mut checks = Checks::default();
    let mut judge = C::Judge::of(records)?;
    expect_one_history(&log, judge.revision(), &mut checks);

    let bar = progress.replay(C::NAME, log.len());
    for accepted in &log {
        let replayed = judge.carry_out(&accepted.step, accepted.phase);
        checks.expect_ok(
            replayed.map_err(|refused| {
                format!("revision {} can't be replayed: {}", accepted.revision, refused.why)
            }),
        );
        bar.inc(1);
    }
    bar.finish_and_clear();

    contender.survey(|layout| {
        checks.expect_ok(layout.verify_coverage());
        expect_same(layout, &judge, &mut checks);
    });
    checks.expect_ok(contender.verify());
    Ok(checks)
}

/// Each accepted step made a revision of its own, and no revision is missing: no update was lost.
fn expect_one_history(log: &[Accepted], first: u64, checks: &mut Checks) {
    for (expected, accepted) in (first + 1..).zip(log) {
        checks.expect(accepted.revision == expected, || {
            format!(
                "{:?} was accepted as revision {}, where {expected} should be",
                accepted.step, accepted.revision
            )
        });
    }
}

fn expect_same(found: &impl Layout, expected: &impl Layout, checks: &mut Checks) {
    let (revisions, shards) = ((found.revision(), expected.revision()), (found.count(), expected.count()));
    checks.expect(revisions.0 == revisions.1, || {
        format!("the last revision is {}, but should be {}", revisions.0, revisions.1)
    });
    checks.expect(shards.0 == shards.1, || {
        format!("there are {} shards, but should be {}", shards.0, shards.1)
    });
    for (found, expected) in found.sites_from(&[]).zip(expected.sites_from(&[])) {
        checks.expect(found == expected, || format!("the table has {found}, but should have {expected}"));
    }
}
