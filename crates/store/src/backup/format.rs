//! The file of a backup: one line that says what it is, JSON Lines in gzip, and a digest of all of it.
//!
//! ```text
//! gatehouse-backup 1
//! <gzip of:>
//!   {"schema":9,"from":"SQLite","createdAt":"…","tables":[{"name","columns":[{"name","kind"}]}]}
//!   {"table":"users"}      then one JSON array a row, in the order of the columns
//!   {"rows":2,"sha256":"…"}    over the lines of the rows
//!   …
//!   {"total":{"tables":20,"rows":1234,"key":"dk…","mac":"…"}}
//! <SHA-256 of everything before, 64 hexadecimal digits and a line feed>
//! ```
//!
//! `mac` is an HMAC-SHA-256 over all lines before it, under a key derived from a data key: who does not have the
//! master key cannot make a file that is taken for one of ours.

use std::io::{BufRead, Read, Write};

use gatehouse_types::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// The first line of a file.
pub(super) const MAGIC: &[u8] = b"gatehouse-backup 1\n";
/// How a line begins whose number may be another.
pub(super) const MAGIC_OF_ANY: &[u8] = b"gatehouse-backup ";
/// The last line: 64 digits and the line feed.
pub(super) const TRAILER: u64 = 65;
/// The longest line, bytes: a row with its largest texts.
const MAX_LINE: u64 = 64 * 1024 * 1024;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ColumnKind {
    /// TEXT.
    Text,
    /// BIGINT.
    Int,
    /// BOOLEAN.
    Bool,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
}

/// A table with its columns, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

/// The first line inside.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Header {
    /// The number of the last migration.
    pub(super) schema: i64,
    /// Which database it was.
    pub(super) from: String,
    /// When.
    pub(super) created_at: Timestamp,
    /// All tables, in the order in which they follow.
    pub(super) tables: Vec<Table>,
}

/// The line before a table's rows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    pub(super) table: String,
}

/// The line after a table's rows.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Closing {
    pub(super) rows: u64,
    pub(super) sha256: String,
}

/// The last line inside.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Footer {
    pub(super) total: Total,
}

/// What the last line counts and proves.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Total {
    pub(super) tables: usize,
    pub(super) rows: u64,
    /// The data key that the key of the proof is derived from.
    pub(super) key: String,
    pub(super) mac: String,
}

/// A refusal of a file, in words.
pub(super) fn refuse(why: impl std::fmt::Display) -> Error {
    Error::File(format!("the backup is not usable: {why}"))
}

/// Passes bytes on and keeps their digest.
pub(super) struct Digesting<T> {
    pub(super) inner: T,
    pub(super) digest: Sha256,
}

impl<T> Digesting<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, digest: Sha256::new() }
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.digest.update(bytes.get(..n).unwrap_or_default());
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// The next line without its line feed; `None` at the end.
pub(super) fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool> {
    line.clear();
    let read = reader.take(MAX_LINE).read_until(b'\n', line);
    read.map_err(|e| refuse(format!("its content cannot be unpacked ({e})")))?;
    if line.pop_if(|b| *b == b'\n').is_none() {
        return if line.is_empty() { Ok(false) } else { Err(refuse("a line is too long or ends early")) };
    }
    Ok(true)
}

/// A line of a known form.
pub(super) fn parse<'a, T: Deserialize<'a>>(line: &'a [u8], what: &str) -> Result<T> {
    serde_json::from_slice(line).map_err(|_| refuse(format!("{what} cannot be read")))
}

/// Hexadecimal digits of a digest.
pub(super) fn hex_of(digest: Sha256) -> String {
    gatehouse_types::hex(&digest.finalize())
}
