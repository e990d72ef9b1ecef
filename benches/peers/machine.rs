//! Where it was measured, and what: no figure means anything without.

use std::fs;
use std::num::NonZeroUsize;
use std::process::Command;
use std::thread::available_parallelism;

/// What can't be found out is left out.
pub(crate) fn line() -> String {
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    let cores = if cores == 1 { "1 core".into() } else { format!("{cores} cores") };
    let commit = output("git", &["rev-parse", "--short", "HEAD"]).map(|commit| {
        let altered = output("git", &["status", "--porcelain"]).is_some();
        format!("commit {commit}{}", if altered { " and changes" } else { "" })
    });
    let parts = [processor(), Some(cores), output("rustc", &["--version"]), commit];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let (_, model) = text.lines().find(|line| line.starts_with("model name"))?.split_once(':')?;
    Some(model.trim().into())
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim_end();
    (output.status.success() && !text.is_empty()).then(|| text.into())
}
