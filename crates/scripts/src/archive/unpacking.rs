use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, fchmod, mkdirat, openat};
use rustix::io::Errno;

use super::findings::{Finding, Stop};
use super::limits::Limits;
use super::walk::{Visitor, walk};

/// The mode of what is private until the whole is there.
const PRIVATE: u32 = 0o700;
const FOLDER: u32 = 0o755;
const PLAIN: u32 = 0o644;
const EXECUTABLE: u32 = 0o755;

/// What came out of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// How many files.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

/// Why an archive was not unpacked; nothing of it is left then.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The archive is not taken.
    #[error("{}", .0.message)]
    Refused(Finding),
    /// It could not be read from where it lies.
    #[error("the archive could not be read")]
    Read(#[source] io::Error),
    /// Its content could not be written.
    #[error("the project could not be written")]
    Write(#[source] io::Error),
}

/// Unpacks an archive into a folder that this makes; it must not be there yet, its parent must be ours alone. Plain
/// files come out with mode 0644 or 0755, folders with 0755. Every name is opened beneath the folder before it and
/// no link is followed, whoever might have put one there. On failure nothing is left.
pub fn unpack(
    archive: &mut (impl Read + Seek),
    into: &Path,
    limits: &Limits,
) -> Result<Unpacked, UnpackError> {
    let mut writer = Writer::begin(into).map_err(UnpackError::Write)?;
    let result = walk(archive, limits, &mut writer).and_then(|_| writer.complete());
    match result {
        Ok(()) => {
            writer.keep = true;
            Ok(writer.unpacked)
        }
        Err(Stop::Refused(finding)) => Err(UnpackError::Refused(finding)),
        Err(Stop::Read(error)) => Err(UnpackError::Read(error)),
        Err(Stop::Write(error)) => Err(UnpackError::Write(error)),
    }
}

struct Writer {
    path: PathBuf,
    root: OwnedFd,
    /// The folders from the root to where the last entry went.
    open: Vec<(String, OwnedFd)>,
    file: Option<(File, u32)>,
    unpacked: Unpacked,
    keep: bool,
}

impl Writer {
    fn begin(path: &Path) -> io::Result<Self> {
        mkdirat(CWD, path, Mode::from_raw_mode(PRIVATE))?;
        let root = match open_folder(CWD, path) {
            Ok(root) => root,
            Err(error) => {
                let _ = std::fs::remove_dir(path);
                return Err(error.into());
            }
        };
        Ok(Self {
            path: path.to_owned(),
            root,
            open: Vec::new(),
            file: None,
            unpacked: Unpacked::default(),
            keep: false,
        })
    }

    fn complete(&self) -> Result<(), Stop> {
        fchmod(&self.root, Mode::from_raw_mode(FOLDER)).map_err(write)
    }

    /// The folder of this path, made where it is missing.
    fn enter(&mut self, path: &str) -> rustix::io::Result<&OwnedFd> {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let same = self.open.iter().zip(&names).take_while(|((open, _), name)| open == *name).count();
        self.open.truncate(same);
        for name in &names[same..] {
            let parent = self.open.last().map_or(&self.root, |(_, folder)| folder);
            let made = match mkdirat(parent, *name, Mode::from_raw_mode(FOLDER)) {
                Ok(()) => true,
                Err(Errno::EXIST) => false,
                Err(error) => return Err(error),
            };
            let folder = open_folder(parent, *name)?;
            if made {
                // Whatever the process masks.
                fchmod(&folder, Mode::from_raw_mode(FOLDER))?;
            }
            self.open.push(((*name).to_owned(), folder));
        }
        Ok(self.open.last().map_or(&self.root, |(_, folder)| folder))
    }

    fn create(&mut self, path: &str) -> rustix::io::Result<OwnedFd> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(self.enter(folder)?, name, flags, Mode::from_raw_mode(0o600))
    }
}

fn open_folder(parent: impl AsFd, name: impl rustix::path::Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

fn write(error: impl Into<io::Error>) -> Stop {
    Stop::Write(error.into())
}

impl Visitor for Writer {
    fn problem(&mut self, finding: Finding) -> Result<(), Stop> {
        Err(Stop::Refused(finding))
    }

    fn skipped(&mut self, _: &str) {}

    fn folder(&mut self, path: &str) -> Result<(), Stop> {
        self.enter(path).map(|_| ()).map_err(write)
    }

    fn file(&mut self, path: &str, executable: bool) -> Result<(), Stop> {
        let file = self.create(path).map_err(write)?;
        self.file = Some((File::from(file), if executable { EXECUTABLE } else { PLAIN }));
        self.unpacked.files += 1;
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.unpacked.bytes += bytes.len() as u64;
        match &mut self.file {
            Some((file, _)) => file.write_all(bytes).map_err(Stop::Write),
            None => Ok(()),
        }
    }

    fn file_end(&mut self) -> Result<(), Stop> {
        match self.file.take() {
            Some((file, mode)) => fchmod(&file, Mode::from_raw_mode(mode)).map_err(write),
            None => Ok(()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.keep {
            // It follows no links; what cannot be removed now lies where we alone look, and is swept later.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

impl From<UnpackError> for gatehouse_types::Error {
    fn from(error: UnpackError) -> Self {
        match error {
            UnpackError::Refused(finding) => Self::validation("file", finding.message),
            UnpackError::Write(error)
                if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                let message = "There is no room left for the project. Nothing was changed.";
                Self::new(gatehouse_types::Kind::StorageFull, message).caused_by(error)
            }
            UnpackError::Read(error) | UnpackError::Write(error) => Self::internal(error),
        }
    }
}
