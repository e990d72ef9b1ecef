//! The keys of a real store: the paths of the files under a directory, or the lines of a file. How they are cut into
//! shards is not known here.

use std::fs;
use std::path::{Path, PathBuf};

use shardway::Key;

use crate::args::Args;
use crate::files;

/// Keys in ascending order, each once, and where they come from.
pub(crate) struct Store {
    pub(crate) origin: PathBuf,
    pub(crate) keys: Vec<Key>,
}

impl Store {
    /// The store that was asked for, or the first at hand that has `enough` keys, or else the greatest one at hand.
    pub(crate) fn open(args: &Args, enough: usize) -> Result<Self, String> {
        let store = match (&args.keys, &args.root) {
            (Some(file), _) => Self::of_lines(file)?,
            (None, Some(root)) => Self::of_tree(root)?,
            (None, None) => Self::at_hand(enough)?,
        };
        if store.keys.is_empty() {
            return Err(format!("there is no key in {}", store.origin.display()));
        }
        Ok(store)
    }

    fn new(origin: &Path, mut keys: Vec<Key>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        Self { origin: origin.into(), keys }
    }

    fn of_lines(file: &Path) -> Result<Self, String> {
        let text = fs::read(file).map_err(|error| format!("can't read {}: {error}", file.display()))?;
        let lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        Ok(Self::new(file, lines.filter(|line| !line.is_empty()).map(Key::from).collect()))
    }

    /// A store is as large as one may see.
    fn of_tree(root: &Path) -> Result<Self, String> {
        let keys = files::below(root)
            .map_err(|error| format!("can't read the folder {}: {error}", root.display()))?;
        Ok(Self::new(root, keys))
    }

    /// A toolchain without its documentation has few files; but whoever has built this has the sources of its dependencies.
    fn at_hand(enough: usize) -> Result<Self, String> {
        let mut greatest: Option<Self> = None;
        for root in
            [files::sysroot(), home("CARGO_HOME", ".cargo"), home("RUSTUP_HOME", ".rustup"), Some(".".into())]
        {
            let Some(store) = root.and_then(|root| Self::of_tree(&root).ok()) else { continue };
            if store.keys.len() >= enough {
                return Ok(store);
            }
            if greatest.as_ref().is_none_or(|greatest| store.keys.len() > greatest.keys.len()) {
                greatest = Some(store);
            }
        }
        greatest.ok_or_else(|| "there is no tree of files at hand: name one with --root".into())
    }
}

fn home(variable: &str, folder: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    named.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(folder)))
}
