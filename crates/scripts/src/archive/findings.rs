use std::borrow::Cow;
use std::io;

use serde::Serialize;

/// How much of a name is shown, in characters.
const SHOWN: usize = 200;

/// The kind of a finding: stable words for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The archive itself is larger than 1 GB.
    ArchiveTooLarge,
    /// No archive, or none of a kind that is taken.
    ArchiveFormat,
    /// Cut off, changed, or contradicting itself.
    ArchiveDamaged,
    /// Encrypted.
    ArchiveEncrypted,
    /// A part of an archive of several parts.
    ArchiveMultipart,
    /// Compressed in a way that is not taken.
    ArchiveMethod,
    /// More comes out than may.
    ArchiveContentTooLarge,
    /// Too many entries, or too long ones.
    ArchiveTooManyEntries,
    /// Far more comes out than went in.
    ArchiveBomb,
    /// Entries that lie upon each other.
    ArchiveOverlap,
    /// A name that leads elsewhere, or that no file should have.
    ArchivePath,
    /// The same name twice, perhaps in another case.
    ArchiveDuplicate,
    /// A symbolic or hard link.
    ArchiveLink,
    /// A device, a pipe and the like.
    ArchiveSpecial,
    /// A folder that is left out.
    IgnoredFolder,
    /// The main file is missing.
    MainMissing,
    /// The main file lies in a folder.
    MainNotAtRoot,
    /// The main file has another name.
    MainName,
    /// The main file holds no code.
    MainEmpty,
    /// The main file is not understood.
    Syntax,
    /// The main file defines nothing that can be called.
    NoFunction,
    /// The file of dependencies is larger than it may be.
    DependencyFileTooLarge,
    /// Something about a dependency; the file and line are told.
    Dependency,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::ArchiveTooLarge,
        Self::ArchiveFormat,
        Self::ArchiveDamaged,
        Self::ArchiveEncrypted,
        Self::ArchiveMultipart,
        Self::ArchiveMethod,
        Self::ArchiveContentTooLarge,
        Self::ArchiveTooManyEntries,
        Self::ArchiveBomb,
        Self::ArchiveOverlap,
        Self::ArchivePath,
        Self::ArchiveDuplicate,
        Self::ArchiveLink,
        Self::ArchiveSpecial,
        Self::IgnoredFolder,
        Self::MainMissing,
        Self::MainNotAtRoot,
        Self::MainName,
        Self::MainEmpty,
        Self::DependencyFileTooLarge,
        Self::Dependency,
    ];
}

/// Something about an archive that its maker should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A stable word for programs.
    pub code: Code,
    /// A sentence for people: what was found, and what would do.
    pub message: Cow<'static, str>,
    /// The entry it is about, as it may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
}

impl Finding {
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), entry: None }
    }

    /// The same about an entry.
    pub(crate) fn about(mut self, raw_name: &[u8]) -> Self {
        self.entry = Some(shown(raw_name));
        self
    }

    pub(super) fn damaged(message: &'static str) -> Self {
        Self::new(Code::ArchiveDamaged, message)
    }
}

/// A name that may be anything, fit for a message: one line, no control characters, not endless.
pub(super) fn shown(raw_name: &[u8]) -> String {
    let beginning = &raw_name[..raw_name.len().min(SHOWN * 4)];
    let text = String::from_utf8_lossy(beginning);
    let mut shown: String =
        text.chars().take(SHOWN).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
    if text.chars().count() > SHOWN || beginning.len() < raw_name.len() {
        shown.push('…');
    }
    shown
}

/// Why reading an archive ends before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// It cannot or must not be read on.
    Refused(Finding),
    /// The archive could not be read from where it lies.
    Read(io::Error),
    /// What came out could not be written.
    Write(io::Error),
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Refused(finding)
    }
}
