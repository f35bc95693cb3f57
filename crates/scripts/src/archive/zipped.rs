//! Zip archives (PKWARE APPNOTE 6.3), stored or deflated, zip64 included. The central directory says what there is;
//! each local header must agree, and entries must not lie upon each other.

mod directory;
mod end;

use std::io::{BufReader, Read, Seek, SeekFrom};

use flate2::bufread::DeflateDecoder;

use super::findings::{Code, Finding, Stop};
use super::walk::{Cause, Judge, Kind, Meter, Source, Visitor, admit_size};
use directory::{Method, Record};

/// Room for pieces of content.
const PIECE: usize = 64 * 1024;

/// Goes through all entries, in the order in which they lie.
pub(super) fn walk<R: Read + Seek>(
    file: &mut R,
    size: u64,
    mut judge: Judge<'_>,
    mut meter: Meter<'_>,
    visitor: &mut dyn Visitor,
) -> Result<(), Stop> {
    let end = end::find(file, size)?;
    let mut records = directory::read(file, &end, &judge)?;
    records.sort_by_key(|record| record.offset);
    for index in 0..records.len() {
        let next = records.get(index + 1).map_or(end.offset, |next| next.offset);
        let start = directory::content_start(file, &records[index])?;
        let record = &mut records[index];
        record.start = start;
        if start.checked_add(record.compressed).is_none_or(|end| end > next) {
            let message = "Entries of the archive lie upon each other.";
            return Err(Finding::new(Code::ArchiveOverlap, message).about(&record.name).into());
        }
    }
    for record in &records {
        let Some(path) = judge.admit(&record.name, record.kind, visitor)? else { continue };
        match record.kind {
            Kind::File { executable } => {
                admit_size(judge.limits, record.size, &record.name)?;
                visitor.file(&path.text, executable)?;
                content(file, record, &mut meter, visitor)?;
                visitor.file_end()?;
            }
            _ if record.size > 0 => {
                return Err(Finding::damaged("A folder has content.").about(&record.name).into());
            }
            _ if path.text.is_empty() => {}
            _ => visitor.folder(&path.text)?,
        }
    }
    Ok(())
}

fn content<R: Read + Seek>(
    file: &mut R,
    record: &Record,
    meter: &mut Meter<'_>,
    visitor: &mut dyn Visitor,
) -> Result<(), Stop> {
    file.seek(SeekFrom::Start(record.start)).map_err(Stop::Read)?;
    let cause = Cause::default();
    let source = Source { file, cause: cause.clone() }.take(record.compressed);
    let source = BufReader::with_capacity(PIECE, source);
    let mut reader: Box<dyn Read + '_> = match record.method {
        Method::Stored => Box::new(source),
        Method::Deflated => Box::new(DeflateDecoder::new(source)),
    };
    let (mut piece, mut checksum, mut left) = (vec![0; PIECE], crc32fast::Hasher::new(), record.size);
    loop {
        let read = reader.read(&mut piece).map_err(|error| cause.of(error))?;
        if read == 0 {
            break;
        }
        meter.count(read as u64)?;
        left = left.checked_sub(read as u64).ok_or_else(|| contradiction(record))?;
        checksum.update(&piece[..read]);
        visitor.piece(&piece[..read])?;
    }
    if left != 0 || checksum.finalize() != record.checksum {
        return Err(contradiction(record).into());
    }
    Ok(())
}

fn contradiction(record: &Record) -> Finding {
    Finding::damaged("The content has another size or checksum than the archive says.").about(&record.name)
}

fn le16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from(le16(bytes, at)) | u32::from(le16(bytes, at + 2)) << 16
}

fn le64(bytes: &[u8], at: usize) -> u64 {
    u64::from(le32(bytes, at)) | u64::from(le32(bytes, at + 4)) << 32
}

/// Reads exactly so many bytes from a place; what lies behind the end of the file is damage.
fn read_at<const N: usize>(file: &mut (impl Read + Seek), at: u64) -> Result<[u8; N], Stop> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at)).map_err(Stop::Read)?;
    file.read_exact(&mut bytes).map_err(cut_off)?;
    Ok(bytes)
}

fn cut_off(error: std::io::Error) -> Stop {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        return Finding::damaged("The archive is damaged or cut off. Make it anew.").into();
    }
    Stop::Read(error)
}
