use std::io::Read;
use std::path::Path;

/// What a backup holds, unpacked: every row of every table, of either database.
pub(crate) fn unpacked(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap();
    let packed = &bytes[b"gatehouse-backup 1\n".len()..bytes.len() - 65];
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    text
}
