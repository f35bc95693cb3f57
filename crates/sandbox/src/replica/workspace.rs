//! How much a workspace holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, fstatat};

use super::Shared;
use crate::outcome::Ended;

/// How often a workspace is measured.
const PERIOD: Duration = Duration::from_secs(5);
/// More files and directories than this are not counted: so many are too many in themselves.
const ENTRIES_MAX: usize = 200_000;
/// Directories inside each other; deeper ones are too many in themselves.
const DEPTH_MAX: usize = 64;
const BLOCK: u64 = 512;

/// Ends a replica whose workspace has grown beyond its limit. One that is too full from the start may be emptied, and
/// ends only when it grows further.
pub(super) async fn watch(shared: Arc<Shared>, workspace: PathBuf, limit: u64) {
    let mut allowed = limit.max(measure(&workspace).await);
    loop {
        tokio::select! {
            _ = shared.ending.ended() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        let used = measure(&workspace).await;
        if used > allowed {
            return shared.end(Ended::WorkspaceFull { limit, used });
        }
        allowed = limit.max(used);
    }
}

/// The bytes on disk below a directory.
pub(crate) async fn measure(workspace: &Path) -> u64 {
    let workspace = workspace.to_owned();
    let measured = tokio::task::spawn_blocking(move || bytes_in(&workspace)).await;
    measured.unwrap_or(0)
}

/// The bytes on disk below a directory. Never follows a symbolic link: the script makes what it likes there.
pub(crate) fn bytes_in(workspace: &Path) -> u64 {
    let mut sum = Sum { bytes: 0, entries: 0 };
    match Dir::open(workspace, flags(), Mode::empty()) {
        Ok(top) => sum.add(top, 0).map_or(u64::MAX, |()| sum.bytes),
        Err(_) => 0,
    }
}

fn flags() -> OFlag {
    OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY
}

struct Sum {
    bytes: u64,
    entries: usize,
}

impl Sum {
    /// `None` when there is too much to count.
    fn add(&mut self, mut directory: Dir, depth: usize) -> Option<()> {
        let mut names = Vec::new();
        for entry in directory.iter().flatten() {
            if entry.file_name() != c"." && entry.file_name() != c".." {
                self.entries += 1;
                names.push(entry.file_name().to_owned());
            }
            if self.entries > ENTRIES_MAX {
                return None;
            }
        }
        for name in names {
            let Ok(found) = fstatat(&directory, &*name, AtFlags::AT_SYMLINK_NOFOLLOW) else { continue };
            self.bytes = self.bytes.saturating_add(u64::try_from(found.st_blocks).unwrap_or(0) * BLOCK);
            if found.st_mode & nix::libc::S_IFMT != nix::libc::S_IFDIR {
                continue;
            }
            if depth == DEPTH_MAX {
                return None;
            }
            if let Ok(below) = Dir::openat(&directory, &*name, flags(), Mode::empty()) {
                self.add(below, depth + 1)?;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_not_followed_and_files_below_count() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::write(folder.path().join("a/b/file"), vec![1u8; 100_000]).unwrap();
        std::os::unix::fs::symlink("/", folder.path().join("a/everything")).unwrap();
        let bytes = bytes_in(folder.path());
        assert!((100_000..300_000).contains(&bytes), "{bytes}");
        std::os::unix::fs::symlink(folder.path(), folder.path().join("link")).unwrap();
        assert_eq!(bytes_in(&folder.path().join("link")), 0, "the workspace itself is no link");
    }
}
