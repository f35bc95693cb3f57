//! Where the files of scripts lie: uploads on their way in, projects by their digest, unpacked ones, what scripts read
//! and write. Names are ids and digests alone: nothing of a customer's shows in a path.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use gatehouse_store::files::private_dir;
use gatehouse_types::{Error, Id, Result, ScriptId, WorkspaceId};

/// The directory of scripts below the data directory.
const FOLDER: &str = "scripts";
/// A directory that a script's user may enter, in a private one of ours.
const ENTERED: u32 = 0o755;

/// The places of one installation. Servers of one installation share them.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    root: PathBuf,
}

fn failed(what: &str, path: &Path, e: io::Error) -> Error {
    Error::internal(format!("{what} {}: {e}", path.display()))
}

/// Makes a directory that others may enter; one that exists is left as it is.
pub(crate) fn open_dir(path: &Path) -> Result<()> {
    if !path.exists() {
        std::fs::create_dir_all(path).map_err(|e| failed("making", path, e))?;
        let mode = std::fs::Permissions::from_mode(ENTERED);
        std::fs::set_permissions(path, mode).map_err(|e| failed("opening", path, e))?;
    }
    Ok(())
}

/// Removes a file or a directory; one that is not there is fine.
pub(crate) async fn remove(path: &Path) {
    let removed = match tokio::fs::metadata(path).await {
        Ok(meta) if meta.is_dir() => tokio::fs::remove_dir_all(path).await,
        Ok(_) => tokio::fs::remove_file(path).await,
        Err(_) => return,
    };
    if let Err(e) = removed {
        tracing::warn!(path = %path.display(), error = %e, "a file of scripts could not be removed");
    }
}

impl Places {
    /// Below the data directory.
    pub(crate) fn below(data_dir: &Path) -> Self {
        Self { root: data_dir.join(FOLDER) }
    }

    fn in_folder(&self, folder: &str, name: &str) -> Result<PathBuf> {
        private_dir(&self.root)?;
        let folder = self.root.join(folder);
        open_dir(&folder)?;
        Ok(folder.join(name))
    }

    /// A file on its way in.
    pub(crate) fn incoming(&self, name: &str) -> Result<PathBuf> {
        self.in_folder("incoming", name)
    }

    /// The uploaded file of a digest.
    pub(crate) fn project(&self, sha256: &str) -> Result<PathBuf> {
        self.in_folder("projects", sha256)
    }

    /// The unpacked project of a digest.
    pub(crate) fn unpacked(&self, sha256: &str) -> Result<PathBuf> {
        self.in_folder("unpacked", sha256)
    }

    /// The installed packages of a key.
    pub(crate) fn packages(&self, key: &str) -> Result<PathBuf> {
        self.in_folder("packages", key)
    }

    /// Packages on their way; in the same file system as those that are installed.
    pub(crate) fn installing(&self, name: &str) -> Result<PathBuf> {
        self.in_folder("installing", name)
    }

    /// What the scripts of a workspace may read.
    pub(crate) fn uploads(&self, workspace: &WorkspaceId) -> Result<PathBuf> {
        let path = self.in_folder("uploads", workspace.as_str())?;
        open_dir(&path)?;
        Ok(path)
    }

    /// What a script writes.
    pub(crate) fn workspace(&self, script: &ScriptId) -> Result<PathBuf> {
        let path = self.in_folder("work", script.as_str())?;
        open_dir(&path)?;
        Ok(path)
    }

    /// Where the sandbox builds what it needs.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    /// Everything in a folder, by name.
    pub(crate) fn all_in(&self, folder: &str) -> Vec<(String, PathBuf)> {
        let Ok(entries) = std::fs::read_dir(self.root.join(folder)) else { return Vec::new() };
        let named = entries.flatten().filter_map(|e| Some((e.file_name().into_string().ok()?, e.path())));
        named.collect()
    }
}
