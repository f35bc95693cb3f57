use std::io::{Read, Seek, SeekFrom};

use super::{le16, le32, le64, read_at};
use crate::archive::findings::{Code, Finding, Stop};

/// The record at the end of an archive, without its comment.
const RECORD: usize = 22;
const SIGNATURE: &[u8] = b"PK\x05\x06";
/// What leads to the record of zip64.
const LOCATOR: usize = 20;
const LOCATOR_SIGNATURE: &[u8] = b"PK\x06\x07";
/// The record of zip64, without what may be added.
const RECORD64: usize = 56;
const RECORD64_SIGNATURE: &[u8] = b"PK\x06\x06";

/// Where the central directory lies.
#[derive(Debug)]
pub(super) struct End {
    pub(super) entries: u64,
    pub(super) size: u64,
    pub(super) offset: u64,
}

/// Finds the end of the central directory. The record must end with the file: nothing may be hung on.
pub(super) fn find(file: &mut (impl Read + Seek), file_size: u64) -> Result<End, Stop> {
    let tail_size = file_size.min((RECORD + usize::from(u16::MAX)) as u64);
    let tail_start = file_size - tail_size;
    file.seek(SeekFrom::Start(tail_start)).map_err(Stop::Read)?;
    let mut tail = Vec::new();
    file.take(tail_size).read_to_end(&mut tail).map_err(Stop::Read)?;
    let is_record = |at: &usize| {
        let record = &tail[*at..];
        record.starts_with(SIGNATURE) && RECORD + usize::from(le16(record, 20)) == record.len()
    };
    let found = (0..(tail.len() + 1).saturating_sub(RECORD)).rev().find(is_record);
    let Some(at) = found else {
        let message = "The archive has no end: it is cut off, or something was hung on. Make it anew.";
        return Err(Finding::damaged(message).into());
    };
    let (record, position) = (&tail[at..], tail_start + at as u64);
    let (here, all) = (le16(record, 8), le16(record, 10));
    let (size, offset) = (le32(record, 12), le32(record, 16));
    let long = here == u16::MAX || all == u16::MAX || size == u32::MAX || offset == u32::MAX;
    let (end, limit) = if long && position >= LOCATOR as u64 {
        zip64(file, position - LOCATOR as u64)?
    } else {
        one_part(u32::from(le16(record, 4)) | u32::from(le16(record, 6)), here.into(), all.into())?;
        (End { entries: all.into(), size: size.into(), offset: offset.into() }, position)
    };
    if end.offset.checked_add(end.size).is_none_or(|end| end > limit) {
        return Err(Finding::damaged("The directory of the archive lies outside of it.").into());
    }
    Ok(end)
}

fn zip64(file: &mut (impl Read + Seek), locator_at: u64) -> Result<(End, u64), Stop> {
    let wrong = || Finding::damaged("The archive's record of large sizes is missing or damaged.");
    let locator: [u8; LOCATOR] = read_at(file, locator_at)?;
    if !locator.starts_with(LOCATOR_SIGNATURE) {
        return Err(wrong().into());
    }
    if le32(&locator, 4) != 0 || le32(&locator, 16) > 1 {
        return Err(several_parts().into());
    }
    let at = le64(&locator, 8);
    if at.checked_add(RECORD64 as u64).is_none_or(|end| end > locator_at) {
        return Err(wrong().into());
    }
    let record: [u8; RECORD64] = read_at(file, at)?;
    if !record.starts_with(RECORD64_SIGNATURE) {
        return Err(wrong().into());
    }
    let (here, all) = (le64(&record, 24), le64(&record, 32));
    one_part(le32(&record, 16) | le32(&record, 20), here, all)?;
    Ok((End { entries: all, size: le64(&record, 40), offset: le64(&record, 48) }, at))
}

fn one_part(disks: u32, entries_here: u64, entries: u64) -> Result<(), Finding> {
    if disks != 0 || entries_here != entries { Err(several_parts()) } else { Ok(()) }
}

fn several_parts() -> Finding {
    Finding::new(Code::ArchiveMultipart, "The archive is one part of several. Upload one whole archive.")
}
