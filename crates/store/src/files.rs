//! Files that hold secrets: made readable by their owner alone, refused when others can read them.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::{Error, Result};

/// Any right of the group or of others.
const OTHERS: u32 = 0o077;

/// Makes a directory only its owner may enter, with its parents; one that exists is left as it is.
///
/// # Errors
/// `File`, naming the directory and the command that mends it.
pub fn private_dir(path: &Path) -> Result<()> {
    if !path.exists() {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|e| Error::File(format!("cannot make the directory {}: {e}", path.display())))?;
    }
    Ok(())
}

/// Refuses a file that anyone but its owner can read or write. A file that is not there is fine.
///
/// # Errors
/// `File`, naming the file and the command that mends it.
pub fn require_private(path: &Path) -> Result<()> {
    let Ok(meta) = fs::metadata(path) else { return Ok(()) };
    if meta.permissions().mode() & OTHERS != 0 {
        return Err(Error::File(format!(
            "{0} can be read or changed by other users of this machine (mode {1:04o}); run: chmod 600 {0}",
            path.display(),
            meta.mode() & 0o7777,
        )));
    }
    Ok(())
}

/// Writes a new file that only its owner may read, whole or not at all; a file that exists is left alone.
///
/// # Errors
/// `File`, when it cannot be written.
pub fn write_new_private(path: &Path, content: &[u8]) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        // a link appears whole, and never in place of another
        match fs::hard_link(&beside, path) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(e),
            _ => Ok(()),
        }
    };
    let written = write();
    let _ = fs::remove_file(&beside);
    written.map_err(|e| Error::File(format!("cannot write {}: {e}", path.display())))
}

/// Makes an empty file that only its owner may read, if there is none yet.
///
/// # Errors
/// `File`, when it cannot be made.
pub fn ensure_private(path: &Path) -> Result<()> {
    if path.exists() { Ok(()) } else { write_new_private(path, b"") }
}
