//! What is checked of arbitrary bytes: one module for each question, shared by the fuzz targets, by the property tests, and
//! by the reproducers that the former have left.

pub(crate) mod batch;
pub(crate) mod bulk;
pub(crate) mod cache;
pub(crate) mod changes;
pub(crate) mod deltas;
pub(crate) mod diff;
pub(crate) mod image;
pub(crate) mod keys;
pub(crate) mod many;
pub(crate) mod tokens;

/// The name of a question, which is that of its fuzz target, its seeds and its reproducers, and how to ask it.
type Question = (&'static str, fn(&[u8]));

/// Every question.
pub(crate) const ALL: [Question; 9] = [
    ("batch", batch::run),
    ("bulk", bulk::run),
    ("cache", cache::run),
    ("changes", changes::run),
    ("deltas", deltas::run),
    ("diff", diff::run),
    ("image", image::run),
    ("keys", keys::run),
    ("tokens", tokens::run),
];
