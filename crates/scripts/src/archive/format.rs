use std::io::{Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;

use super::findings::{Code, Finding, Stop};

/// The size of a block of a tar archive.
pub(super) const BLOCK: usize = 512;

/// What an archive is, by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A zip archive.
    Zip,
    /// A tar archive.
    Tar,
    /// A tar archive compressed by gzip.
    TarGz,
}

/// Beginnings of what people upload by mistake.
const OTHERS: [(&[u8], &str); 13] = [
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\xfd7zXZ\0", "compressed by xz"),
    (b"BZh", "compressed by bzip2"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
    (b"\x04\x22\x4d\x18", "compressed by lz4"),
    (b"\x1f\x9d", "compressed by compress"),
    (b"LZIP", "compressed by lzip"),
    (b"MSCF", "a cabinet archive"),
    (b"!<arch>\n", "an ar archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"%PDF-", "a PDF document"),
];

const WANTED: &str = "Upload a .zip, a .tar, or a .gz that holds a tar.";

/// Recognises an archive. Names do not count.
pub(super) fn recognise(file: &mut (impl Read + Seek)) -> Result<Format, Stop> {
    let start = first_block(file)?;
    match start.as_slice() {
        [] => refuse("The file is empty."),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(Format::Zip),
        [b'P', b'K', 7, 8, ..] | [b'P', b'K', b'0', b'0', b'P', b'K', ..] => Err(Finding::new(
            Code::ArchiveMultipart,
            "The archive is one part of several. Upload one whole archive.",
        )
        .into()),
        [0x1f, 0x8b, ..] => gzip(file),
        block if is_tar(block) => Ok(Format::Tar),
        other => match OTHERS.iter().find(|(beginning, _)| other.starts_with(beginning)) {
            Some((_, what)) => refuse(format!("The file is {what}.")),
            None => refuse("The file is no archive that is known here.".to_owned()),
        },
    }
}

fn refuse(found: impl std::fmt::Display) -> Result<Format, Stop> {
    Err(Finding::new(Code::ArchiveFormat, format!("{found} {WANTED}")).into())
}

/// A gzip file is taken when a tar archive is in it.
fn gzip(file: &mut (impl Read + Seek)) -> Result<Format, Stop> {
    use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    file.seek(SeekFrom::Start(0)).map_err(Stop::Read)?;
    let mut block = Vec::with_capacity(BLOCK);
    // What is damaged shows later, where it is read whole.
    let read = MultiGzDecoder::new(file).take(BLOCK as u64).read_to_end(&mut block);
    match read {
        _ if is_tar(&block) => Ok(Format::TarGz),
        Ok(_) => refuse("The .gz file holds no tar archive."),
        Err(error) if matches!(error.kind(), InvalidInput | InvalidData | UnexpectedEof) => {
            Err(Finding::damaged("The .gz file is damaged. Make it anew.").into())
        }
        Err(error) => Err(Stop::Read(error)),
    }
}

fn first_block(file: &mut (impl Read + Seek)) -> Result<Vec<u8>, Stop> {
    let mut block = Vec::with_capacity(BLOCK);
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.take(BLOCK as u64).read_to_end(&mut block))
        .map_err(Stop::Read)?;
    Ok(block)
}

/// Whether a block is the header of an entry, by its checksum, or the end of an archive.
fn is_tar(block: &[u8]) -> bool {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    if block.len() < BLOCK {
        return false;
    }
    if block.iter().all(|b| *b == 0) {
        return true;
    }
    let spaces = CHECKSUM.len() as u64 * u64::from(b' ');
    let sum = |range: &[u8]| range.iter().map(|b| u64::from(*b)).sum::<u64>();
    let expected = sum(&block[..CHECKSUM.start]) + spaces + sum(&block[CHECKSUM.end..BLOCK]);
    let field = &block[CHECKSUM];
    let text = std::str::from_utf8(field).unwrap_or_default();
    u64::from_str_radix(text.trim_matches([' ', '\0']), 8).is_ok_and(|told| told == expected)
}
