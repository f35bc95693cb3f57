//! Uploaded projects: taken in piece by piece, judged before anything is unpacked, kept under their digest.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gatehouse_types::{Error, Kind, Result, WorkspaceId, hex};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::Scripts;
use crate::archive::{self, Code, Finding, Limits, Report};
use crate::dependencies::{self, Indexes};
use crate::model::{Exposed, Language};
use crate::places::remove;
use crate::store::scripts::Project;

/// The longest name of an uploaded file, in characters.
const MAX_FILE_NAME: usize = 200;

/// Uploads of one workspace that are under way at once, on one server.
const AT_ONCE: usize = 4;
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
    path: Option<PathBuf>,
    file: tokio::fs::File,
    digest: Sha256,
    name: String,
    bytes: u64,
    most: u64,
    _place: UploadPlace,
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
        let path = self.path.take().ok_or_else(|| Error::internal("a file came twice"))?;
        let digest = std::mem::take(&mut self.digest).finalize();
        Ok(Received {
            place: Place::Temporary(Temporary(path)),
            project: Project {
                sha256: hex(digest.as_slice()),
                name: self.name.clone(),
                bytes: i64::try_from(self.bytes).unwrap_or(i64::MAX),
            },
        })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        drop(self.path.take().map(Temporary));
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
}

impl Received {
    /// One that lies under its digest already.
    pub(super) const fn held(place: PathBuf, project: Project) -> Self {
        Self { place: Place::Held(place), project }
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

/// Runs what waits for the disk where it holds nobody up.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// Unpacks a file into a directory that is not there yet; nothing is left when that fails.
fn unpack(file: &Path, into: &Path) -> std::result::Result<(), String> {
    let mut file = std::fs::File::open(file).map_err(|e| e.to_string())?;
    archive::unpack(&mut file, into, &Limits::default()).map(drop).map_err(|e| e.to_string())
}

/// A file's name as it is shown: the last part of what the browser says.
pub(crate) fn shown_name(name: Option<&str>) -> String {
    let last = name.unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control()).take(MAX_FILE_NAME).collect();
    if plain.trim().is_empty() { "project".to_owned() } else { plain }
}

impl Scripts {
    /// Begins to take a file of a workspace in, of at most so many bytes.
    ///
    /// # Errors
    /// `Unavailable` when the workspace has as many on their way as it may; when the disk fails.
    pub(crate) async fn incoming(
        &self,
        workspace: &WorkspaceId,
        name: Option<&str>,
        most: u64,
    ) -> Result<Incoming> {
        let place = self.0.uploads.place(workspace)?;
        let path = self.0.places.incoming(&self.0.store.ids().uuid().simple().to_string())?;
        let file =
            tokio::fs::File::options().write(true).create_new(true).open(&path).await.map_err(no_room)?;
        Ok(Incoming {
            path: Some(path),
            file,
            digest: Sha256::new(),
            name: shown_name(name),
            bytes: 0,
            most,
            _place: place,
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
        match dependencies::read(language, &report.manifests, &Indexes::default()) {
            Ok(wanted) => report.warnings.extend(wanted.iter().flat_map(|w| w.warnings()).cloned()),
            Err(findings) => report.errors.extend(findings),
        }
        let mut judged = Judged { report, functions: Vec::new() };
        if judged.is_good()
            && let Some(interpreter) = self.reader_of(language).await
        {
            // read where it can be thrown away again: nothing of it is kept yet
            let folder = self.0.places.incoming(&format!("{}-read", self.0.store.ids().uuid().simple()))?;
            let (file, into) = (Arc::clone(&received), folder.clone());
            let unpacked = aside(move || unpack(file.path(), &into)).await?;
            let read = match unpacked {
                Ok(()) => self.functions_of(&interpreter, &folder).await,
                Err(why) => Err(why),
            };
            remove(&folder).await;
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
        let into = beside.clone();
        let done = aside(move || unpack(&file, &into)).await?;
        if let Err(why) = done {
            return Err(Error::conflict(format!("The project cannot be unpacked: {why}")));
        }
        if let Err(e) = tokio::fs::rename(&beside, &place).await {
            remove(&beside).await;
            // another deployment of the same file was quicker
            if !place.is_dir() {
                return Err(no_room(e));
            }
        }
        Ok(place)
    }
}
