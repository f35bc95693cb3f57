//! Files that hold secrets: made readable by their owner alone, refused when others can read them.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use gatehouse_types::{OsRandom, Random, hex};

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
    let (beside, mut file) = new_beside(path)?;
    let mut write = || -> std::io::Result<()> {
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

/// A new file beside another, that only its owner may read, under a name that nobody could put something at before. What
/// a process that died leaves under such a name is never used again.
///
/// # Errors
/// `File`, when it cannot be made.
pub(crate) fn new_beside(path: &Path) -> Result<(PathBuf, File)> {
    let mut mark = [0; 8];
    OsRandom.fill(&mut mark);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", hex(&mark)));
    let beside = PathBuf::from(name);
    let made = File::options().write(true).create_new(true).mode(0o600).open(&beside);
    let file = made.map_err(|e| Error::File(format!("cannot write {}: {e}", beside.display())))?;
    Ok((beside, file))
}

/// Refuses an opened file that is not the very one of this name: the name is a link to another.
///
/// # Errors
/// `File`, naming it.
pub(crate) fn require_no_link(path: &Path, file: &File) -> Result<()> {
    let place = |m: fs::Metadata| (m.dev(), m.ino());
    match (file.metadata().map(place), fs::symlink_metadata(path).map(place)) {
        (Ok(opened), Ok(named)) if opened == named => Ok(()),
        _ => Err(Error::File(format!("{} is a link to another file; remove it", path.display()))),
    }
}

/// Makes an empty file that only its owner may read, if there is none yet.
///
/// # Errors
/// `File`, when it cannot be made.
pub fn ensure_private(path: &Path) -> Result<()> {
    if path.exists() { Ok(()) } else { write_new_private(path, b"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_waits_under_the_name_to_come_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, victim) = (dir.path().join("master.key"), dir.path().join("victim"));
        fs::write(&victim, "untouched").unwrap();
        for name in [format!("master.key.{}.tmp", std::process::id()), "master.key.tmp".to_owned()] {
            std::os::unix::fs::symlink(&victim, dir.path().join(name)).unwrap();
        }
        write_new_private(&path, b"secret").unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), fs::read(&victim).unwrap()),
            (b"secret".into(), b"untouched".into())
        );
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // what is there stays, and nothing is left beside it
        write_new_private(&path, b"another").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"secret");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
        let (one, two) = (new_beside(&path).unwrap().0, new_beside(&path).unwrap().0);
        assert_ne!(one, two);
    }

    #[test]
    fn a_name_that_is_a_link_is_told_from_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        require_no_link(&file, &File::open(&file).unwrap()).unwrap();
        assert!(require_no_link(&link, &File::open(&link).unwrap()).is_err());
    }
}
