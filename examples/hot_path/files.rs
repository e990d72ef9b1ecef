//! The paths of the files below a folder, as keys, and the folder of the toolchain. What is made of them is not known here:
//! the benches use them too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use shardway::Key;

/// Below `root`, as seen from there, in no order. Folders further down that can't be read are left out.
pub(crate) fn below(root: &Path) -> io::Result<Vec<Key>> {
    let mut folders = vec![fs::read_dir(root)?];
    let mut keys = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in folder.flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.extend(fs::read_dir(&path)),
                Ok(kind) if kind.is_file() => keys.extend(path.strip_prefix(root).ok().map(key_of)),
                _ => {}
            }
        }
    }
    Ok(keys)
}

fn key_of(path: &Path) -> Key {
    Key::from(path.as_os_str().as_encoded_bytes())
}

/// Where the toolchain at hand lies.
pub(crate) fn sysroot() -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(path.trim_end()))
}
