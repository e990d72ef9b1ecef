//! Progress on standard error, for people: nothing is shown where that is no terminal, or where a machine reads.

use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a running contender is looked at.
const TICK: Duration = Duration::from_millis(100);

pub(crate) struct Progress {
    quiet: bool,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet }
    }

    /// For work of unknown length.
    pub(crate) fn spin(&self, what: &'static str) -> ProgressBar {
        let bar = self.bar(0, "{spinner} {msg}");
        bar.set_message(what);
        bar.enable_steady_tick(TICK);
        bar
    }

    /// Shows for so much `time` how far a run is, and what `status` says.
    pub(crate) fn watch(&self, name: &'static str, time: Duration, status: impl Fn() -> String) {
        let bar = self.bar(millis(time), "{prefix:>16} [{bar:40}] {msg}");
        bar.set_prefix(name);
        let started = Instant::now();
        while let Some(rest) = time.checked_sub(started.elapsed()).filter(|rest| !rest.is_zero()) {
            bar.set_position(millis(started.elapsed()));
            bar.set_message(status());
            thread::sleep(rest.min(TICK));
        }
        bar.finish_and_clear();
    }

    /// For a replay of so many steps.
    pub(crate) fn replay(&self, name: &'static str, steps: usize) -> ProgressBar {
        let bar =
            self.bar(steps.try_into().unwrap_or_default(), "{prefix:>16} [{bar:40}] {msg} {pos} of {len}");
        bar.set_prefix(name);
        bar.set_message("replaying change");
        bar
    }

    fn bar(&self, len: u64, template: &str) -> ProgressBar {
        let target = if self.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::with_draw_target(Some(len), target).with_style(style)
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}
