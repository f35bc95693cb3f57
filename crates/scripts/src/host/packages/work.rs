//! The folder of one installation, from its beginning until it is published or given up.
//!
//! Beside each folder lies a file that is locked as long as somebody works there: so what a killed server left behind is
//! told from what another server of the installation is busy with.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gatehouse_sandbox::{Bind, Mode};
use gatehouse_types::Error;
use rustix::fs::OFlags;

use super::run::USER;
use crate::dependencies::Step;
use crate::places::Places;

/// Folders of an installation: where versions are found, where packages go, and what the installer fetched.
pub(super) const RESOLVE: &str = "resolve";
pub(super) const TARGET: &str = "target";
pub(super) const CACHE: &str = "cache";
/// The largest file that is read back, in bytes.
const MAX_READ: u64 = 16 << 20;
/// Files that an installer leaves in the target for itself.
const LEFTOVERS: [&str; 1] = [".lock"];
/// What becomes of packages: directories and files that everybody may read and nobody but us may change.
const DIRECTORY: u32 = 0o755;
const PROGRAM: u32 = 0o755;
const FILE: u32 = 0o644;
/// Attempts to remove a folder in which processes of a sandbox are just ending, and the pause between them.
const ATTEMPTS: usize = 5;
const PAUSE: Duration = Duration::from_millis(500);

/// A failure of the disk, for people. What exactly failed is in the server's log.
pub(super) fn disk(e: &Error) -> String {
    if let Some(cause) = e.cause() {
        tracing::error!(error = %cause, "packages could not be installed");
    }
    format!("The packages could not be kept. {}", e.message())
}

fn failed(e: io::Error) -> Error {
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::new(gatehouse_types::Kind::StorageFull, "There is no room left on the disk.")
        }
        _ => Error::internal(e),
    }
}

/// One installation under way. It is gone with this value unless it was published.
pub(super) struct Work {
    folder: PathBuf,
    lock: PathBuf,
    /// Held until the end.
    _held: File,
    mode: Mode,
}

impl Work {
    /// Begins under a name that nobody has.
    pub(super) fn begin(places: &Places, mode: Mode, name: &str) -> Result<Self, Error> {
        let (folder, lock) = (places.installing(name)?, places.installing(&format!("{name}.lock"))?);
        let held = File::create_new(&lock).and_then(|file| file.lock().map(|()| file)).map_err(failed)?;
        if held.metadata().map_err(failed)?.nlink() == 0 {
            // a server that starts at this moment took it for a leftover
            return Err(Error::unavailable("Another server is just starting. Deploy again."));
        }
        let work = Self { folder, lock, _held: held, mode };
        work.make(&work.folder).map_err(failed)?;
        work.make(&work.folder.join(CACHE)).map_err(failed)?;
        Ok(work)
    }

    /// Makes a directory of the installer's user.
    fn make(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir(folder)?;
        std::fs::set_permissions(folder, Permissions::from_mode(DIRECTORY))?;
        self.give(folder)
    }

    fn give(&self, path: &Path) -> io::Result<()> {
        match self.mode {
            Mode::Privileged => lchown(path, Some(USER), Some(USER)),
            Mode::Rootless => Ok(()),
        }
    }

    /// Makes the folder of a step, with the files that it needs.
    pub(super) fn provide(&self, step: &Step) -> Result<(), Error> {
        let folder = self.folder.join(Path::new(&step.folder).file_name().unwrap_or_default());
        self.make(&folder).map_err(failed)?;
        for input in &step.inputs {
            let path = folder.join(input.name);
            std::fs::write(&path, &input.content).map_err(failed)?;
            self.give(&path).map_err(failed)?;
        }
        Ok(())
    }

    /// The folder in a sandbox.
    pub(super) fn bind(&self, to: &Path) -> Bind {
        Bind { from: self.folder.clone(), to: to.to_owned(), writable: true }
    }

    /// A file that the installer wrote. It is no link, and not endless.
    pub(super) fn read(&self, folder: &str, name: &str) -> io::Result<Vec<u8>> {
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default();
        let file =
            OpenOptions::new().read(true).custom_flags(flags).open(self.folder.join(folder).join(name))?;
        let meta = file.metadata()?;
        if !meta.is_file() || meta.len() > MAX_READ {
            return Err(io::Error::other("it is no file, or too large"));
        }
        let mut content = Vec::new();
        file.take(MAX_READ).read_to_end(&mut content)?;
        Ok(content)
    }

    /// Makes what was installed ours, and puts it in its place whole; who comes second finds it there.
    pub(super) async fn publish(self, step: &Step, place: PathBuf) -> Result<(), String> {
        let inputs: Vec<_> = step.inputs.iter().map(|input| input.name).collect();
        let published = tokio::task::spawn_blocking(move || {
            let target = self.folder.join(TARGET);
            for name in LEFTOVERS.into_iter().chain(inputs) {
                let _ = std::fs::remove_file(target.join(name));
            }
            let owner = std::fs::metadata(&self.lock)?;
            settle(&target, (owner.uid(), owner.gid()))?;
            // what has a place there is whole, also after the power went
            rustix::fs::syncfs(&File::open(&target)?)?;
            match std::fs::rename(&target, &place) {
                Err(_) if place.is_dir() => Ok(()),
                renamed => renamed,
            }
        });
        match published.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) if e.kind() == io::ErrorKind::InvalidData => Err(e.to_string()),
            Ok(Err(e)) => Err(disk(&failed(e))),
            Err(e) => Err(disk(&Error::internal(e))),
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let (folder, lock) = (self.folder.clone(), self.lock.clone());
        let remove = move || {
            for attempt in 0..ATTEMPTS {
                match std::fs::remove_dir_all(&folder) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound && attempt + 1 < ATTEMPTS => {
                        std::thread::sleep(PAUSE)
                    }
                    _ => break,
                }
            }
            let _ = std::fs::remove_file(lock);
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// Gives a tree to its owner, with plain permissions. What is neither a directory nor a file is refused.
fn settle(folder: &Path, owner: (u32, u32)) -> io::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, meta) = (entry.path(), entry.metadata()?);
            if meta.is_dir() {
                folders.push(path);
                continue;
            }
            if !meta.is_file() {
                let message = "A package holds something that is neither a directory nor a file.";
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            lchown(&path, Some(owner.0), Some(owner.1))?;
            let mode = if meta.mode() & 0o111 == 0 { FILE } else { PROGRAM };
            std::fs::set_permissions(&path, Permissions::from_mode(mode))?;
        }
        lchown(&folder, Some(owner.0), Some(owner.1))?;
        std::fs::set_permissions(&folder, Permissions::from_mode(DIRECTORY))?;
    }
    Ok(())
}

/// Removes installed packages: they leave their place at once, so nobody finds half of them.
pub(super) async fn remove(places: &Places, place: &Path, name: &str) {
    let Ok(aside) = places.installing(name) else { return };
    if tokio::fs::rename(place, &aside).await.is_ok() {
        crate::places::remove(&aside).await;
    }
}

/// Removes folders that nobody works in.
pub(super) fn sweep(places: &Places) {
    for (name, path) in places.all_in("installing") {
        let (lock, folder) = match name.strip_suffix(".lock") {
            Some(of) => (path.clone(), path.with_file_name(of)),
            None => (path.with_file_name(format!("{name}.lock")), path.clone()),
        };
        let held = match File::open(&lock) {
            Ok(file) => match file.try_lock() {
                Ok(()) => Some(file),
                Err(_) => continue,
            },
            // a folder that is on its way out
            Err(_) => None,
        };
        if folder.is_dir() && std::fs::remove_dir_all(&folder).is_err() {
            tracing::warn!(folder = %folder.display(), "what was left of an installation could not be removed");
            continue;
        }
        if held.is_some() {
            let _ = std::fs::remove_file(&lock);
        }
    }
}
