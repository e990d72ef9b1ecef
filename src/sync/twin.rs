//! Broken twins: this library with one fault each, which the models in `loom-tests` and the tests on real threads must reject.
//! All are in one build (`--cfg shardway_twins`), and `SHARDWAY_TWIN` says at run time which one it is to be, so that a checker
//! builds once for all. Any other build has no twins and no trace of them.

/// Whether this is the broken twin of this name.
#[cfg(not(shardway_twins))]
#[inline(always)]
pub(crate) const fn broken(_twin: &str) -> bool {
    false
}

/// Whether this is the broken twin of this name.
#[cfg(shardway_twins)]
pub(crate) fn broken(twin: &str) -> bool {
    static TWIN: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    TWIN.get_or_init(|| std::env::var("SHARDWAY_TWIN").unwrap_or_default()) == twin
}
