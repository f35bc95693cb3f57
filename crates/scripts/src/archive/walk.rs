//! What all formats share: entries are judged one by one, their content is counted while it comes out, and a visitor
//! takes what is left.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use super::findings::{Code, Finding, Stop, shown};
use super::format::{Format, recognise};
use super::limits::{Limits, readable};
use super::paths::Path;
use super::tree::{Clash, Tree};
use super::{tarball, zipped};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file, perhaps one that can be run.
    File {
        executable: bool,
    },
    Folder,
    SymbolicLink,
    HardLink,
    /// Anything else, in words.
    Special(&'static str),
}

/// Who takes what comes out of an archive.
pub(super) trait Visitor {
    /// Something is wrong about one entry; an error ends the reading.
    fn problem(&mut self, finding: Finding) -> Result<(), Stop>;
    /// An entry of this folder is left out.
    fn skipped(&mut self, folder: &str);
    /// A folder.
    fn folder(&mut self, path: &str) -> Result<(), Stop>;
    /// A file begins.
    fn file(&mut self, path: &str, executable: bool) -> Result<(), Stop>;
    /// The next piece of the file.
    fn piece(&mut self, bytes: &[u8]) -> Result<(), Stop>;
    /// The file is whole.
    fn file_end(&mut self) -> Result<(), Stop>;
}

/// Reads an archive from its beginning to its end.
pub(super) fn walk<R: Read + Seek>(
    file: &mut R,
    limits: &Limits,
    visitor: &mut dyn Visitor,
) -> Result<Format, Stop> {
    let size = file.seek(SeekFrom::End(0)).map_err(Stop::Read)?;
    if size > limits.archive_bytes {
        let most = readable(limits.archive_bytes);
        let message = format!("The archive has {size} bytes. At most {most} are taken.");
        return Err(Finding::new(Code::ArchiveTooLarge, message).into());
    }
    let format = recognise(file)?;
    let judge = Judge { limits, tree: Tree::default(), entries: 0, paths_bytes: 0 };
    let meter = Meter { limits, archive: size, total: 0 };
    match format {
        Format::Zip => zipped::walk(file, size, judge, meter, visitor)?,
        Format::Tar | Format::TarGz => tarball::walk(file, format, judge, meter, visitor)?,
    }
    Ok(format)
}

/// Judges names and kinds of entries.
pub(super) struct Judge<'a> {
    pub(super) limits: &'a Limits,
    tree: Tree,
    entries: u64,
    paths_bytes: usize,
}

impl Judge<'_> {
    /// Counts an entry.
    pub(super) fn count(&mut self, raw_name: &[u8]) -> Result<(), Stop> {
        self.entries += 1;
        self.paths_bytes += raw_name.len();
        if self.entries > self.limits.entries {
            return Err(self.too_many());
        }
        if self.paths_bytes > self.limits.paths_bytes {
            let most = readable(self.limits.paths_bytes as u64);
            let message = format!("All paths together have more than {most}.");
            return Err(Finding::new(Code::ArchiveTooManyEntries, message).into());
        }
        Ok(())
    }

    /// The refusal of too many entries.
    pub(super) fn too_many(&self) -> Stop {
        let message = format!(
            "The archive has more than {} entries. Leave out what is not needed to run, and name packages in the dependency file.",
            self.limits.entries
        );
        Finding::new(Code::ArchiveTooManyEntries, message).into()
    }

    /// The path of an entry that is to be kept; what is not is told to the visitor.
    pub(super) fn admit(
        &mut self,
        raw_name: &[u8],
        kind: Kind,
        visitor: &mut dyn Visitor,
    ) -> Result<Option<Path>, Stop> {
        self.count(raw_name)?;
        let path = match Path::of(raw_name, self.limits) {
            Ok(path) => path,
            Err(finding) => return visitor.problem(finding).map(|()| None),
        };
        if let Some(folder) = path.ignored() {
            visitor.skipped(folder);
            return Ok(None);
        }
        match self.kept(&path, kind) {
            Ok(()) => Ok(Some(path)),
            Err(finding) => visitor.problem(finding.about(raw_name)).map(|()| None),
        }
    }

    fn kept(&mut self, path: &Path, kind: Kind) -> Result<(), Finding> {
        let refuse = |code, message: &'static str| Err(Finding::new(code, message));
        match kind {
            Kind::SymbolicLink => refuse(
                Code::ArchiveLink,
                "The entry is a symbolic link. Put the file itself into the archive.",
            ),
            Kind::HardLink => {
                refuse(Code::ArchiveLink, "The entry is a hard link. Put the file itself into the archive.")
            }
            Kind::Special(what) => {
                let message = format!("The entry is {what}. Only files and folders are taken.");
                Err(Finding::new(Code::ArchiveSpecial, message))
            }
            Kind::Folder if path.text.is_empty() => Ok(()),
            Kind::File { .. } if path.text.is_empty() || path.folder => {
                refuse(Code::ArchivePath, "The entry is a file with the name of a folder.")
            }
            Kind::File { .. } | Kind::Folder => {
                self.tree.add(&path.text, kind == Kind::Folder).map_err(clash)
            }
        }
    }
}

fn clash(clash: Clash) -> Finding {
    let message = match clash {
        Clash::Twice => "The name is there twice.".to_owned(),
        Clash::Case(other) => {
            format!("The name differs only in case from {}, which is there as well.", shown(other.as_bytes()))
        }
        Clash::FileAndFolder => "The name is there as a file and as a folder.".to_owned(),
    };
    Finding::new(Code::ArchiveDuplicate, message)
}

/// Counts what comes out.
pub(super) struct Meter<'a> {
    limits: &'a Limits,
    archive: u64,
    total: u64,
}

impl Meter<'_> {
    /// Some bytes came out.
    pub(super) fn count(&mut self, bytes: u64) -> Result<(), Finding> {
        self.total += bytes;
        if self.total > self.limits.total_bytes {
            let most = readable(self.limits.total_bytes);
            let message = format!("The content has more than {most}.");
            return Err(Finding::new(Code::ArchiveContentTooLarge, message));
        }
        let allowed = self.archive.saturating_mul(self.limits.ratio);
        if self.total > self.limits.ratio_from_bytes && self.total > allowed {
            let message =
                format!("The content is more than {} times as large as the archive.", self.limits.ratio);
            return Err(Finding::new(Code::ArchiveBomb, message));
        }
        Ok(())
    }
}

/// Whether a file of this size may come out.
pub(super) fn admit_size(limits: &Limits, file_bytes: u64, raw_name: &[u8]) -> Result<(), Finding> {
    if file_bytes > limits.file_bytes {
        let message = format!("The file is larger than {}.", readable(limits.file_bytes));
        return Err(Finding::new(Code::ArchiveContentTooLarge, message).about(raw_name));
    }
    Ok(())
}

/// What really went wrong beneath readers that know nothing but input and output.
#[derive(Clone, Default)]
pub(super) struct Cause(Rc<RefCell<Option<Stop>>>);

impl Cause {
    /// Why a reader above failed: what was noted, else damage of the archive.
    pub(super) fn of(&self, _: io::Error) -> Stop {
        self.0
            .borrow_mut()
            .take()
            .unwrap_or_else(|| Finding::damaged("The archive is damaged or cut off. Make it anew.").into())
    }

    fn note(&self, stop: Stop) -> io::Error {
        *self.0.borrow_mut() = Some(stop);
        io::Error::other("noted")
    }
}

/// The file itself: its failures are not those of the archive.
pub(super) struct Source<R> {
    pub(super) file: R,
    pub(super) cause: Cause,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.cause.note(Stop::Read(error))),
                read => return read,
            }
        }
    }
}

/// What comes out, counted.
pub(super) struct Counted<'a, R> {
    pub(super) inner: R,
    pub(super) meter: Meter<'a>,
    pub(super) cause: Cause,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.meter.count(read as u64).map_err(|finding| self.cause.note(finding.into()))?;
        Ok(read)
    }
}
