//! Backups: one file for both databases, written while the server runs; restored whole or not at all.
//!
//! The master key is not in the file: whoever has only the file cannot open what is sealed in it.

mod connection;
mod format;
mod read;
mod restore;
mod tables;
mod verify;
mod write;

use gatehouse_types::Timestamp;

pub use restore::restore;
pub use write::write;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The number of the schema's last migration.
    pub schema: i64,
    /// Tables in the file.
    pub tables: usize,
    /// Rows in all of them.
    pub rows: u64,
    /// The file's length, bytes.
    pub bytes: u64,
    /// The SHA-256 of the file without its last line, as that line says it.
    pub sha256: String,
}

/// What was restored, and what was looked at afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The backup.
    pub backup: Made,
    /// When it was made.
    pub created_at: Timestamp,
    /// Which database it came from.
    pub from: String,
    /// The schema after the migrations that followed.
    pub schema: i64,
    /// Audit chains, each found whole from its first entry to its head.
    pub chains: u64,
    /// Entries in them.
    pub entries: u64,
    /// Sealed values.
    pub sealed: u64,
    /// Of these, those that did not open: they did not in the database that was backed up either.
    pub refused: u64,
    /// Where the first of them are.
    pub refused_places: Vec<String>,
    /// What was alive in the backup and ended with the restore.
    pub ended: Ended,
}

/// What ends with a restore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Sessions.
    pub sessions: u64,
    /// Authorizations of outside services that somebody must give again.
    pub grants: u64,
}
