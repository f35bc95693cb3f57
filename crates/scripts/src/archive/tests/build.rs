//! Archives made byte by byte, so that they can lie.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

/// An entry of a zip archive. What is not said is as it should be.
#[derive(Clone)]
pub(super) struct ZipEntry {
    pub(super) name: Vec<u8>,
    pub(super) local_name: Option<Vec<u8>>,
    pub(super) content: Vec<u8>,
    pub(super) method: u16,
    pub(super) flags: u16,
    pub(super) mode: u32,
    /// The system that made it; 3 is POSIX.
    pub(super) system: u8,
    pub(super) size: Option<u64>,
    pub(super) checksum: Option<u32>,
    /// Where the local header is said to lie.
    pub(super) offset: Option<u64>,
    /// Sizes in the extra field of zip64.
    pub(super) zip64: bool,
    /// Only in the central directory.
    pub(super) central_only: bool,
}

pub(super) fn entry(name: &str, content: &[u8]) -> ZipEntry {
    ZipEntry {
        name: name.as_bytes().to_vec(),
        local_name: None,
        content: content.to_vec(),
        method: 8,
        flags: 0,
        mode: 0o100_644,
        system: 3,
        size: None,
        checksum: None,
        offset: None,
        zip64: false,
        central_only: false,
    }
}

pub(super) fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A zip archive of these entries.
pub(super) fn zip(entries: &[ZipEntry]) -> Vec<u8> {
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for e in entries {
        let packed = if e.method == 8 { deflated(&e.content) } else { e.content.clone() };
        let checksum = e.checksum.unwrap_or_else(|| crc32fast::hash(&e.content));
        let size = e.size.unwrap_or(e.content.len() as u64);
        let offset = e.offset.unwrap_or(out.len() as u64);
        let descriptor = e.flags & 8 != 0;
        if !e.central_only {
            let name = e.local_name.as_ref().unwrap_or(&e.name);
            out.extend(b"PK\x03\x04");
            for n in [20, e.flags, e.method, 0, 0x21] {
                out.extend(n.to_le_bytes());
            }
            let told = if descriptor { [0; 3] } else { [checksum, packed.len() as u32, size as u32] };
            told.iter().for_each(|n| out.extend(n.to_le_bytes()));
            out.extend((name.len() as u16).to_le_bytes());
            out.extend(0u16.to_le_bytes());
            out.extend(name);
            out.extend(&packed);
            if descriptor {
                out.extend(b"PK\x07\x08");
                [checksum, packed.len() as u32, size as u32].iter().for_each(|n| out.extend(n.to_le_bytes()));
            }
        }
        central.extend(b"PK\x01\x02");
        central.extend([20, e.system]);
        for n in [20, e.flags, e.method, 0, 0x21] {
            central.extend(n.to_le_bytes());
        }
        central.extend(checksum.to_le_bytes());
        let mut extra = Vec::new();
        if e.zip64 {
            central.extend([0xFF; 8]);
            extra.extend(1u16.to_le_bytes());
            extra.extend(24u16.to_le_bytes());
            [size, packed.len() as u64, offset].iter().for_each(|n| extra.extend(n.to_le_bytes()));
        } else {
            central.extend((packed.len() as u32).to_le_bytes());
            central.extend((size as u32).to_le_bytes());
        }
        for n in [e.name.len() as u16, extra.len() as u16, 0, 0, 0] {
            central.extend(n.to_le_bytes());
        }
        central.extend((e.mode << 16).to_le_bytes());
        central.extend(if e.zip64 { u32::MAX } else { offset as u32 }.to_le_bytes());
        central.extend(&e.name);
        central.extend(extra);
    }
    let offset = out.len() as u64;
    out.extend(&central);
    if entries.iter().any(|e| e.zip64) {
        let at = out.len() as u64;
        out.extend(b"PK\x06\x06");
        out.extend(44u64.to_le_bytes());
        out.extend([45, 3, 45, 0]);
        out.extend([0; 8]);
        for n in [entries.len() as u64, entries.len() as u64, central.len() as u64, offset] {
            out.extend(n.to_le_bytes());
        }
        out.extend(b"PK\x06\x07");
        out.extend(0u32.to_le_bytes());
        out.extend(at.to_le_bytes());
        out.extend(1u32.to_le_bytes());
        out.extend(end(u16::MAX, u16::MAX, u32::MAX, u32::MAX));
    } else {
        let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
        out.extend(end(count, count, central.len() as u32, offset as u32));
    }
    out
}

/// The record at the end of a zip archive.
pub(super) fn end(here: u16, all: u16, size: u32, offset: u32) -> Vec<u8> {
    let mut out = b"PK\x05\x06\0\0\0\0".to_vec();
    out.extend(here.to_le_bytes());
    out.extend(all.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend(0u16.to_le_bytes());
    out
}

/// A header of a tar archive in the format ustar.
pub(super) fn header(name: &[u8], kind: u8, mode: u32, size: u64) -> Vec<u8> {
    let mut block = vec![0u8; 512];
    block[..name.len()].copy_from_slice(name);
    block[100..108].copy_from_slice(format!("{mode:07o}\0").as_bytes());
    block[108..116].copy_from_slice(b"0000000\0");
    block[116..124].copy_from_slice(b"0000000\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[136..148].copy_from_slice(b"00000000000\0");
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    summed(block)
}

/// The header with its checksum.
pub(super) fn summed(mut block: Vec<u8>) -> Vec<u8> {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// Content, filled up to whole blocks.
pub(super) fn blocks(content: &[u8]) -> Vec<u8> {
    let mut out = content.to_vec();
    out.resize(content.len().next_multiple_of(512), 0);
    out
}

/// A plain file in a tar archive.
pub(super) fn file(name: &str, content: &[u8]) -> Vec<u8> {
    [header(name.as_bytes(), b'0', 0o644, content.len() as u64), blocks(content)].concat()
}

/// A tar archive of these parts.
pub(super) fn tar(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), vec![0; 1024]].concat()
}

/// A record of an extended header of POSIX.
pub(super) fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}").into_bytes()
}

/// An extended header of POSIX with these records.
pub(super) fn extended(kind: u8, records: &[Vec<u8>]) -> Vec<u8> {
    let content = records.concat();
    [header(b"PaxHeaders/x", kind, 0o644, content.len() as u64), blocks(&content)].concat()
}

pub(super) fn cursor(bytes: &[u8]) -> Cursor<&[u8]> {
    Cursor::new(bytes)
}
