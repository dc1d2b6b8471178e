//! The example that runs when nobody names a directory: from the checkout, so that its files can be edited,
//! or from the binary itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where it lies in a checkout.
const FOLDER: &str = "crds/examples/quickstart";
/// Everybody's password in it.
pub const PASSWORD: &str = "quickstart";

/// Its files.
const FILES: &[(&str, &str)] = &[];

/// The folder of the checkout that one of these lies in.
pub fn in_checkout(starts: &[PathBuf]) -> Option<PathBuf> {
    starts
        .iter()
        .flat_map(|start| start.ancestors())
        .map(|ancestor| ancestor.join(FOLDER))
        .find(|folder| folder.is_dir())
}

/// Writes the example into a folder, unless there is one already.
pub fn unpack(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    for (name, text) in FILES {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}
