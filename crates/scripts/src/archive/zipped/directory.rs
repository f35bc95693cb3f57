use std::io::{BufReader, Read, Seek, SeekFrom};

use super::end::End;
use super::{cut_off, le16, le32, le64, read_at};
use crate::archive::findings::{Code, Finding, Stop};
use crate::archive::walk::{Judge, Kind};

const SIGNATURE: &[u8] = b"PK\x01\x02";
/// A header of the central directory, without name, extra fields and comment.
const HEADER: usize = 46;
const LOCAL_SIGNATURE: &[u8] = b"PK\x03\x04";
/// A local header, without name and extra fields.
const LOCAL: usize = 30;
/// Bits of the flags: encrypted, patched, strongly encrypted, directory encrypted.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
const PATCHED: u16 = 1 << 5;
/// The extra field of zip64.
const ZIP64: u16 = 1;
/// Systems whose external attributes hold a mode of POSIX.
const UNIX: [u8; 2] = [3, 19];
/// The bit of the attributes of DOS that marks folders.
const DOS_FOLDER: u32 = 0x10;

/// How content is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

/// An entry as the central directory tells of it.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) method: Method,
    pub(super) checksum: u32,
    pub(super) compressed: u64,
    pub(super) size: u64,
    /// Where its local header lies.
    pub(super) offset: u64,
    /// Where its content begins; known when the local header was read.
    pub(super) start: u64,
}

/// Reads the central directory.
pub(super) fn read(file: &mut (impl Read + Seek), end: &End, judge: &Judge<'_>) -> Result<Vec<Record>, Stop> {
    if end.entries > judge.limits.entries {
        return Err(judge.too_many());
    }
    file.seek(SeekFrom::Start(end.offset)).map_err(Stop::Read)?;
    let mut reader = BufReader::new(file.take(end.size));
    let (mut records, mut names) = (Vec::new(), 0);
    for _ in 0..end.entries {
        let record = record(&mut reader)?;
        if record.offset >= end.offset {
            return Err(Finding::damaged("An entry lies outside of the archive.").about(&record.name).into());
        }
        names += record.name.len();
        if names > judge.limits.paths_bytes {
            return Err(
                Finding::new(Code::ArchiveTooManyEntries, "The paths of the archive are too long.").into()
            );
        }
        records.push(record);
    }
    if reader.read(&mut [0]).map_err(Stop::Read)? != 0 {
        return Err(Finding::damaged("The directory of the archive holds more than it says.").into());
    }
    Ok(records)
}

fn record(reader: &mut impl Read) -> Result<Record, Stop> {
    let mut header = [0; HEADER];
    reader.read_exact(&mut header).map_err(cut_off)?;
    if !header.starts_with(SIGNATURE) {
        return Err(Finding::damaged("The directory of the archive is damaged.").into());
    }
    let name = bytes(reader, le16(&header, 28))?;
    let extra = bytes(reader, le16(&header, 30))?;
    bytes(reader, le16(&header, 32))?;
    let about = |finding: Finding| Stop::from(finding.about(&name));
    let (flags, method) = (le16(&header, 8), le16(&header, 10));
    let method = taken(flags, method).map_err(about)?;
    let large = large(&header, &extra).map_err(about)?;
    if large.disk != 0 {
        let message = "The archive is one part of several. Upload one whole archive.";
        return Err(about(Finding::new(Code::ArchiveMultipart, message)));
    }
    if method == Method::Stored && large.size != large.compressed {
        return Err(about(Finding::damaged("An entry that is not compressed has two sizes.")));
    }
    Ok(Record {
        kind: kind(&header, &name),
        method,
        checksum: le32(&header, 16),
        compressed: large.compressed,
        size: large.size,
        offset: large.offset,
        start: 0,
        name,
    })
}

fn bytes(reader: &mut impl Read, length: u16) -> Result<Vec<u8>, Stop> {
    let mut bytes = vec![0; length.into()];
    reader.read_exact(&mut bytes).map_err(cut_off)?;
    Ok(bytes)
}

/// Whether an entry is kept in a way that is taken.
fn taken(flags: u16, method: u16) -> Result<Method, Finding> {
    if flags & ENCRYPTED != 0 || method == 99 {
        return Err(Finding::new(
            Code::ArchiveEncrypted,
            "The archive is encrypted. Make it without a password.",
        ));
    }
    let name = match method {
        _ if flags & PATCHED != 0 => "patches",
        0 => return Ok(Method::Stored),
        8 => return Ok(Method::Deflated),
        1..=6 => "an old method",
        9 => "Deflate64",
        12 => "bzip2",
        14 => "LZMA",
        93 | 20 => "Zstandard",
        95 => "XZ",
        98 => "PPMd",
        _ => "an unknown method",
    };
    let message = format!("An entry is compressed by {name}. Make the archive with the method Deflate.");
    Err(Finding::new(Code::ArchiveMethod, message))
}

/// The numbers that may stand in the extra field of zip64.
struct Large {
    size: u64,
    compressed: u64,
    offset: u64,
    disk: u32,
}

fn large(header: &[u8], extra: &[u8]) -> Result<Large, Finding> {
    let mut field = zip64(extra)?;
    let mut number = |at: usize| match le32(header, at) {
        u32::MAX => {
            let Some(value) = field.get(..8) else {
                return Err(Finding::damaged("An entry's large size is missing."));
            };
            field = &field[8..];
            Ok(le64(value, 0))
        }
        short => Ok(short.into()),
    };
    let (size, compressed, offset) = (number(24)?, number(20)?, number(42)?);
    let disk = match le16(header, 34) {
        u16::MAX => field.get(..4).map_or(u32::MAX, |disk| le32(disk, 0)),
        short => short.into(),
    };
    Ok(Large { size, compressed, offset, disk })
}

/// The content of the extra field of zip64; empty where there is none.
fn zip64(mut extra: &[u8]) -> Result<&[u8], Finding> {
    let mut found = None;
    // Some programs fill up with less than a header.
    while extra.len() >= 4 {
        let (id, length) = (le16(extra, 0), usize::from(le16(extra, 2)));
        let Some(content) = extra.get(4..4 + length) else { break };
        if id == ZIP64 && found.replace(content).is_some() {
            return Err(Finding::damaged("An entry has two sizes."));
        }
        extra = &extra[4 + length..];
    }
    Ok(found.unwrap_or_default())
}

fn kind(header: &[u8], name: &[u8]) -> Kind {
    const TYPE: u32 = 0o170_000;
    let attributes = le32(header, 38);
    let mode = attributes >> 16;
    let folder = name.ends_with(b"/");
    // A link is one whatever system is told: some programs keep the mode and tell DOS.
    match mode & TYPE {
        0o120_000 => Kind::SymbolicLink,
        _ if !UNIX.contains(&header[5]) => {
            if folder || attributes & DOS_FOLDER != 0 {
                Kind::Folder
            } else {
                Kind::File { executable: false }
            }
        }
        0o040_000 => Kind::Folder,
        0o020_000 => Kind::Special("a character device"),
        0o060_000 => Kind::Special("a block device"),
        0o010_000 => Kind::Special("a named pipe"),
        0o140_000 => Kind::Special("a socket"),
        _ if folder => Kind::Folder,
        0 | 0o100_000 => Kind::File { executable: mode & 0o111 != 0 },
        _ => Kind::Special("of a kind that is not known"),
    }
}

/// Where the content of an entry begins. Its local header must speak of the same entry.
pub(super) fn content_start(file: &mut (impl Read + Seek), record: &Record) -> Result<u64, Stop> {
    let different = || {
        Finding::damaged("An entry and the directory of the archive contradict each other.")
            .about(&record.name)
    };
    let local: [u8; LOCAL] = read_at(file, record.offset)?;
    if !local.starts_with(LOCAL_SIGNATURE) {
        return Err(different().into());
    }
    let mut name = vec![0; le16(&local, 26).into()];
    file.read_exact(&mut name).map_err(cut_off)?;
    let method = taken(le16(&local, 6), le16(&local, 8)).map_err(|finding| finding.about(&record.name))?;
    if name != record.name || method != record.method {
        return Err(different().into());
    }
    Ok(record.offset + LOCAL as u64 + name.len() as u64 + u64::from(le16(&local, 28)))
}
