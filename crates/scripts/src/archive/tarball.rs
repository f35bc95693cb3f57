//! Tar archives, plain or compressed by gzip: ustar, with the long names of GNU and of POSIX.

use std::io::{BufReader, Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

use super::findings::{Code, Finding, Stop};
use super::format::Format;
use super::walk::{Cause, Counted, Judge, Kind, Meter, Source, Visitor, admit_size};

/// Room for pieces of content.
const PIECE: usize = 64 * 1024;
/// The longest extension of a header, in bytes: a path, and what programs write besides.
const MAX_EXTENSION: u64 = 64 * 1024;
/// The most headers that say something about one entry.
const MAX_EXTENSIONS: u32 = 4;

/// Goes through all entries.
pub(super) fn walk<R: Read + Seek>(
    file: &mut R,
    format: Format,
    judge: Judge<'_>,
    meter: Meter<'_>,
    visitor: &mut dyn Visitor,
) -> Result<(), Stop> {
    file.seek(SeekFrom::Start(0)).map_err(Stop::Read)?;
    let cause = Cause::default();
    let source = BufReader::with_capacity(PIECE, Source { file, cause: cause.clone() });
    match format {
        Format::TarGz => {
            let inner = MultiGzDecoder::new(source);
            let mut rest = entries(Counted { inner, meter, cause: cause.clone() }, &cause, judge, visitor)?;
            // To the end, so that the checksum is judged.
            std::io::copy(&mut rest, &mut std::io::sink()).map_err(|error| cause.of(error))?;
        }
        _ => {
            entries(Counted { inner: source, meter, cause: cause.clone() }, &cause, judge, visitor)?;
        }
    }
    Ok(())
}

/// What headers before an entry say about it.
#[derive(Default)]
struct Ahead {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    count: u32,
}

fn entries<R: Read>(
    reader: Counted<'_, R>,
    cause: &Cause,
    mut judge: Judge<'_>,
    visitor: &mut dyn Visitor,
) -> Result<impl Read, Stop> {
    let limits = judge.limits;
    let mut archive = Archive::new(reader);
    let mut ahead = Ahead::default();
    for entry in archive.entries().map_err(|error| cause.of(error))?.raw(true) {
        let mut entry = entry.map_err(|error| cause.of(error))?;
        let size = entry.header().entry_size().map_err(|error| cause.of(error))?;
        if extension(&mut entry, size, cause, &mut judge, &mut ahead)? {
            continue;
        }
        let Ahead { name, size: told, .. } = std::mem::take(&mut ahead);
        let name = name.unwrap_or_else(|| entry.path_bytes().into_owned());
        if told.is_some_and(|told| told != size) {
            return Err(Finding::damaged("Two headers tell different sizes.").about(&name).into());
        }
        let kind = kind(&entry, &name, size)?;
        let Some(path) = judge.admit(&name, kind, visitor)? else { continue };
        if let Kind::File { executable } = kind {
            admit_size(limits, size, &name)?;
            visitor.file(&path.text, executable)?;
            content(&mut entry, size, cause, visitor)?;
            visitor.file_end()?;
        } else if !path.text.is_empty() {
            visitor.folder(&path.text)?;
        }
    }
    if ahead.count > 0 {
        return Err(Finding::damaged("The archive ends where an entry should follow.").into());
    }
    Ok(archive.into_inner())
}

fn content(entry: &mut impl Read, size: u64, cause: &Cause, visitor: &mut dyn Visitor) -> Result<(), Stop> {
    let mut piece = vec![0; PIECE.min(usize::try_from(size).unwrap_or(PIECE))];
    let mut left = size;
    while left > 0 {
        let read = entry.read(&mut piece).map_err(|error| cause.of(error))?;
        if read == 0 {
            return Err(Finding::damaged("The archive is cut off.").into());
        }
        left -= read as u64;
        visitor.piece(&piece[..read])?;
    }
    Ok(())
}

/// Takes a header that says something about the next entry, or about all of them.
fn extension<R: Read>(
    entry: &mut Entry<'_, R>,
    size: u64,
    cause: &Cause,
    judge: &mut Judge<'_>,
    ahead: &mut Ahead,
) -> Result<bool, Stop> {
    let kind = entry.header().entry_type();
    let known = kind.is_gnu_longname()
        || kind.is_gnu_longlink()
        || kind.is_pax_local_extensions()
        || kind.is_pax_global_extensions();
    if !known {
        return Ok(false);
    }
    ahead.count += 1;
    if kind.is_pax_global_extensions() {
        ahead.count -= 1;
        judge.count(&[])?;
    }
    if size > MAX_EXTENSION || ahead.count > MAX_EXTENSIONS {
        return Err(Finding::damaged("A header is longer than any name needs.").into());
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|error| cause.of(error))?;
    if bytes.len() as u64 != size {
        return Err(Finding::damaged("The archive is cut off.").into());
    }
    if kind.is_gnu_longname() {
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        set(&mut ahead.name, bytes)?;
    } else if !kind.is_gnu_longlink() {
        for (key, value) in records(&bytes)? {
            record(key, value, kind, ahead)?;
        }
    }
    Ok(true)
}

/// What is told twice could be read in two ways.
fn set<T>(slot: &mut Option<T>, value: T) -> Result<(), Finding> {
    if slot.replace(value).is_some() {
        return Err(Finding::damaged("Two headers tell the same of one entry."));
    }
    Ok(())
}

fn record(key: &[u8], value: &[u8], kind: EntryType, ahead: &mut Ahead) -> Result<(), Finding> {
    let global = kind.is_pax_global_extensions();
    match key {
        b"path" | b"size" if global => {
            Err(Finding::damaged("A header tells the path or size of all entries at once."))
        }
        b"path" => set(&mut ahead.name, value.to_vec()),
        b"size" => {
            let size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            set(&mut ahead.size, size.ok_or_else(|| Finding::damaged("A header tells no size."))?)
        }
        key if key.starts_with(b"GNU.sparse.") => Err(sparse()),
        _ => Ok(()),
    }
}

fn sparse() -> Finding {
    Finding::new(Code::ArchiveSpecial, "The archive holds sparse files. Make it without that option.")
}

/// Key and value.
type Record<'a> = (&'a [u8], &'a [u8]);

/// The records of an extended header of POSIX: `length key=value` and a line feed each.
fn records(mut bytes: &[u8]) -> Result<Vec<Record<'_>>, Finding> {
    let wrong = || Finding::damaged("An extended header is damaged.");
    let mut all = Vec::new();
    while !bytes.is_empty() && bytes[0] != 0 {
        let space = bytes.iter().position(|b| *b == b' ').ok_or_else(wrong)?;
        let digits = std::str::from_utf8(&bytes[..space]).map_err(|_| wrong())?;
        let length: usize = digits.parse().map_err(|_| wrong())?;
        if length <= space + 1 || length > bytes.len() || bytes[length - 1] != b'\n' {
            return Err(wrong());
        }
        let text = &bytes[space + 1..length - 1];
        let equals = text.iter().position(|b| *b == b'=').ok_or_else(wrong)?;
        all.push((&text[..equals], &text[equals + 1..]));
        bytes = &bytes[length..];
    }
    Ok(all)
}

fn kind<R: Read>(entry: &Entry<'_, R>, name: &[u8], size: u64) -> Result<Kind, Finding> {
    let header = entry.header();
    let executable = header.mode().is_ok_and(|mode| mode & 0o111 != 0);
    Ok(match header.entry_type() {
        // Archives older than 1988 mark folders by the slash alone.
        EntryType::Regular if name.ends_with(b"/") && size == 0 => Kind::Folder,
        EntryType::Regular | EntryType::Continuous => Kind::File { executable },
        EntryType::Directory => Kind::Folder,
        EntryType::Symlink => Kind::SymbolicLink,
        EntryType::Link => Kind::HardLink,
        EntryType::Char => Kind::Special("a character device"),
        EntryType::Block => Kind::Special("a block device"),
        EntryType::Fifo => Kind::Special("a named pipe"),
        EntryType::GNUSparse => return Err(sparse().about(name)),
        other if other.as_byte() == b'M' => {
            let message = "The archive is one part of several. Upload one whole archive.";
            return Err(Finding::new(Code::ArchiveMultipart, message));
        }
        _ => Kind::Special("of a kind that is not known"),
    })
}
