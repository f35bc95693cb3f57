//! Uploaded projects: taken in piece by piece, judged before anything is unpacked, kept under their digest.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gatehouse_types::{Error, Kind, Result, WorkspaceId, hex};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::Scripts;
use crate::archive::{self, Code, Finding, Limits, Report};
use crate::dependencies;
use crate::model::{Exposed, Language};
use crate::store::scripts::Project;

/// The longest name of an uploaded file, in characters.
const MAX_FILE_NAME: usize = 200;

/// Uploads of one workspace that are under way at once, on one server.
const AT_ONCE: usize = 4;
/// Room that is left to all else on the disk, in bytes.
const SPARED: u64 = 512 * 1024 * 1024;
/// How many bytes of a file come in until the disk's room is looked at again.
const LOOK_EACH: u64 = 32 * 1024 * 1024;
/// Seconds after which another upload may be tried.
const RETRY_SECONDS: u32 = 10;

/// How many uploads of each workspace are under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uploads(Arc<Mutex<HashMap<WorkspaceId, usize>>>);

impl Uploads {
    /// A place for one more; given back when it is dropped.
    ///
    /// # Errors
    /// `Unavailable` when the workspace has as many as it may.
    pub(crate) fn place(&self, workspace: &WorkspaceId) -> Result<UploadPlace> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(workspace.clone()).or_default();
        if *count >= AT_ONCE {
            let message =
                "Four uploads of this workspace are under way already. Wait until one of them is done.";
            return Err(Error::unavailable(message).retry_in(RETRY_SECONDS));
        }
        *count += 1;
        Ok(UploadPlace { all: self.clone(), workspace: workspace.clone() })
    }
}

/// The place of one upload.
#[derive(Debug)]
pub(crate) struct UploadPlace {
    all: Uploads,
    workspace: WorkspaceId,
}

impl Drop for UploadPlace {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.workspace) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.workspace);
            }
        }
    }
}

/// A file that is on its way in; gone again unless it is kept.
#[derive(Debug)]
pub(crate) struct Incoming {
    path: Temporary,
    file: tokio::fs::File,
    digest: Sha256,
    name: String,
    bytes: u64,
    most: u64,
    /// What was written since the disk's room was looked at.
    unlooked: u64,
    turn: UploadPlace,
}

impl Incoming {
    /// Takes a piece in.
    ///
    /// # Errors
    /// `PayloadTooLarge` when there is more than may be.
    pub(crate) async fn take(&mut self, piece: &[u8]) -> Result<()> {
        self.bytes += piece.len() as u64;
        if self.bytes > self.most {
            const MB: u64 = 1024 * 1024;
            let message = format!("The file is larger than {} MB, the most that is taken.", self.most / MB);
            return Err(Error::new(Kind::PayloadTooLarge, message).on_field("file"));
        }
        self.unlooked += piece.len() as u64;
        if self.unlooked > LOOK_EACH {
            self.unlooked = 0;
            has_room(&self.path.0, 0)?;
        }
        self.digest.update(piece);
        self.file.write_all(piece).await.map_err(no_room)
    }

    /// The file as it came.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) async fn done(mut self) -> Result<Received> {
        self.file.flush().await.map_err(no_room)?;
        self.file.sync_all().await.map_err(no_room)?;
        Ok(Received {
            place: Place::Temporary(self.path),
            project: Project {
                sha256: hex(self.digest.finalize().as_slice()),
                name: self.name,
                bytes: i64::try_from(self.bytes).unwrap_or(i64::MAX),
            },
            _turn: Some(self.turn),
        })
    }
}

/// A file that is removed unless it is kept elsewhere.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // it is gone already where it was kept
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Where a file lies that came in.
#[derive(Debug)]
enum Place {
    /// On its way: it goes unless it is kept.
    Temporary(Temporary),
    /// Under its digest.
    Held(PathBuf),
}

/// A file that came in whole.
#[derive(Debug)]
pub(crate) struct Received {
    place: Place,
    pub(crate) project: Project,
    /// Its turn lasts until it is judged, or kept.
    _turn: Option<UploadPlace>,
}

impl Received {
    /// One that lies under its digest already.
    pub(super) const fn held(place: PathBuf, project: Project) -> Self {
        Self { place: Place::Held(place), project, _turn: None }
    }

    pub(crate) fn path(&self) -> &Path {
        match &self.place {
            Place::Temporary(file) => &file.0,
            Place::Held(path) => path,
        }
    }
}

/// What is to be said of a project.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) report: Report,
    /// The functions that can be called, where they could be read.
    pub(crate) functions: Vec<Exposed>,
}

impl Judged {
    /// Whether it can be deployed as it is.
    pub(crate) fn is_good(&self) -> bool {
        self.report.errors.is_empty()
    }

    /// Whether there is nothing to say about it: the wizard goes on with such a project alone.
    pub(crate) fn is_clean(&self) -> bool {
        self.is_good() && self.report.warnings.is_empty()
    }

    /// What stands against it, as a failure.
    ///
    /// # Errors
    /// `Validation` names what is wrong.
    pub(crate) fn good(self) -> Result<Self> {
        const TOLD: usize = 10;
        if self.is_good() {
            return Ok(self);
        }
        let mut all: Vec<String> =
            self.report.errors.iter().take(TOLD).map(|f| f.message.to_string()).collect();
        if self.report.errors.len() > TOLD {
            all.push(format!("And {} more.", self.report.errors.len() - TOLD));
        }
        Err(Error::validation("file", all.join(" ")))
    }
}

fn no_room(e: std::io::Error) -> Error {
    match e.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Error::new(Kind::StorageFull, "There is no room left for the file. Nothing was kept.")
        }
        _ => Error::internal(e),
    }
}

/// Refuses what would leave the disk below a path without the room that all else needs.
fn has_room(path: &Path, bytes: u64) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    let room = rustix::fs::statvfs(folder).map_err(|e| no_room(e.into()))?;
    match room.f_bavail.saturating_mul(room.f_frsize) >= bytes.saturating_add(SPARED) {
        true => Ok(()),
        false => Err(no_room(std::io::ErrorKind::StorageFull.into())),
    }
}

/// A directory that is removed unless it is renamed.
#[derive(Debug)]
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.0);
        let gone = move || match std::fs::remove_dir_all(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), error = %e, "a directory of scripts could not be removed");
            }
            _ => {}
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(gone)),
            Err(_) => gone(),
        }
    }
}

/// Runs what waits for the disk where it holds nobody up.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// Unpacks a file into a directory that is not there yet; nothing is left when that fails, or when nobody waits for it.
fn unpack(file: &Path, into: PathBuf) -> std::result::Result<Folder, String> {
    let into = Folder(into);
    let mut file = std::fs::File::open(file).map_err(|e| e.to_string())?;
    archive::unpack(&mut file, &into.0, &Limits::default()).map_err(|e| e.to_string())?;
    Ok(into)
}

/// A file's name as it is shown: the last part of what the browser says.
pub(crate) fn shown_name(name: Option<&str>) -> String {
    let last = name.unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control()).take(MAX_FILE_NAME).collect();
    if plain.trim().is_empty() { "project".to_owned() } else { plain }
}

impl Scripts {
    /// The turn of one upload of a workspace: there are so many at once.
    ///
    /// # Errors
    /// `Unavailable` when it has as many as it may.
    pub(crate) fn upload_place(&self, workspace: &WorkspaceId) -> Result<UploadPlace> {
        self.0.uploads.place(workspace)
    }

    /// Begins to take a file in, of at most so many bytes.
    ///
    /// # Errors
    /// `StorageFull` where the disk is nearly full; when it fails.
    pub(crate) async fn incoming(
        &self,
        turn: UploadPlace,
        name: Option<&str>,
        most: u64,
    ) -> Result<Incoming> {
        let path = Temporary(self.0.places.incoming(&self.0.store.ids().uuid().simple().to_string())?);
        has_room(&path.0, 0)?;
        let file =
            tokio::fs::File::options().write(true).create_new(true).open(&path.0).await.map_err(no_room)?;
        Ok(Incoming {
            path,
            file,
            digest: Sha256::new(),
            name: shown_name(name),
            bytes: 0,
            most,
            unlooked: 0,
            turn,
        })
    }

    /// Judges a file: its structure first, then, where that is good, what its main file defines.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) async fn judge(&self, received: Arc<Received>, language: Language) -> Result<Judged> {
        let file = Arc::clone(&received);
        let report = aside(move || {
            let mut file = std::fs::File::open(file.path())?;
            archive::inspect(&mut file, language, &Limits::default())
        });
        let mut report = report.await?.map_err(no_room)?;
        match dependencies::read(language, &report.manifests, self.0.packages.indexes()) {
            Ok(wanted) => report.warnings.extend(wanted.iter().flat_map(|w| w.warnings()).cloned()),
            Err(findings) => report.errors.extend(findings),
        }
        let mut judged = Judged { report, functions: Vec::new() };
        if judged.is_good()
            && let Some(interpreter) = self.reader_of(language).await
        {
            // read where it can be thrown away again: nothing of it is kept yet
            let folder = self.0.places.incoming(&format!("{}-read", self.0.store.ids().uuid().simple()))?;
            has_room(&folder, judged.report.bytes)?;
            let file = Arc::clone(&received);
            let read = match aside(move || unpack(file.path(), folder)).await? {
                Ok(folder) => self.functions_of(&interpreter, &folder.0).await,
                Err(why) => Err(why),
            };
            match read {
                Ok(functions) if functions.is_empty() => {
                    let main = language.main_file();
                    let message = format!("{main} defines no function that can be called.");
                    judged.report.errors.push(Finding::new(Code::NoFunction, message).about(main.as_bytes()));
                }
                Ok(functions) => judged.functions = functions,
                Err(message) => {
                    let main = language.main_file();
                    let finding = Finding::new(Code::Syntax, format!("{main}: {message}"));
                    judged.report.errors.push(finding.about(main.as_bytes()));
                }
            }
        }
        Ok(judged)
    }

    /// Keeps a file under its digest. The same one twice is one.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) async fn keep(&self, received: &Received) -> Result<()> {
        if matches!(received.place, Place::Held(_)) {
            return Ok(());
        }
        let place = self.0.places.project(&received.project.sha256)?;
        tokio::fs::rename(received.path(), &place).await.map_err(no_room)
    }

    /// The directory of an unpacked project; unpacked now if it is not there.
    ///
    /// # Errors
    /// `Conflict` when the file is not on this server, or does not unpack.
    pub(crate) async fn unpacked(&self, sha256: &str) -> Result<PathBuf> {
        let place = self.0.places.unpacked(sha256)?;
        if place.is_dir() {
            return Ok(place);
        }
        let file = self.0.places.project(sha256)?;
        if !file.is_file() {
            return Err(Error::conflict(
                "The project's file is not on this server. Servers of one installation share the directory of scripts.",
            ));
        }
        let beside = self.0.places.unpacked(&format!(".{}", self.0.store.ids().uuid().simple()))?;
        has_room(&beside, 0)?;
        let unpacked = aside(move || unpack(&file, beside)).await?;
        let unpacked =
            unpacked.map_err(|why| Error::conflict(format!("The project cannot be unpacked: {why}")))?;
        match tokio::fs::rename(&unpacked.0, &place).await {
            // another deployment of the same file was quicker
            Err(e) if !place.is_dir() => Err(no_room(e)),
            _ => Ok(place),
        }
    }
}
