/// The largest archive that is taken, in bytes: 1 GB.
pub const MAX_ARCHIVE_BYTES: u64 = 1024 * 1024 * 1024;
/// The most that may come out of one archive, in bytes: 4 GB.
const MAX_TOTAL_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// The largest file in an archive, in bytes: 1 GB.
const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;
/// The most entries of an archive, folders and what is skipped included.
const MAX_ENTRIES: u64 = 20_000;
/// What comes out may be this many times as large as the archive …
const MAX_RATIO: u64 = 100;
/// … once more than this came out, in bytes: 10 MB.
const RATIO_FROM_BYTES: u64 = 10 * 1024 * 1024;
/// The longest path, in bytes.
const MAX_PATH_BYTES: usize = 4096;
/// The longest name of a file or folder, in bytes.
const MAX_NAME_BYTES: usize = 255;
/// The most names in a path.
const MAX_DEPTH: usize = 40;
/// All paths of an archive together, in bytes: 16 MB, on average 800 bytes each.
const MAX_PATHS_BYTES: usize = 16 * 1024 * 1024;

/// The bounds of an archive.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest archive, in bytes.
    pub archive_bytes: u64,
    /// The most that may come out, in bytes; counted while it does.
    pub total_bytes: u64,
    /// The largest file, in bytes.
    pub file_bytes: u64,
    /// The most entries.
    pub entries: u64,
    /// How many times as large as the archive that may be which comes out.
    pub ratio: u64,
    /// From how many bytes on the ratio counts.
    pub ratio_from_bytes: u64,
    /// The longest path, in bytes.
    pub path_bytes: usize,
    /// The longest name in a path, in bytes.
    pub name_bytes: usize,
    /// The most names in a path.
    pub depth: usize,
    /// All paths together, in bytes.
    pub paths_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive_bytes: MAX_ARCHIVE_BYTES,
            total_bytes: MAX_TOTAL_BYTES,
            file_bytes: MAX_FILE_BYTES,
            entries: MAX_ENTRIES,
            ratio: MAX_RATIO,
            ratio_from_bytes: RATIO_FROM_BYTES,
            path_bytes: MAX_PATH_BYTES,
            name_bytes: MAX_NAME_BYTES,
            depth: MAX_DEPTH,
            paths_bytes: MAX_PATHS_BYTES,
        }
    }
}

/// A number of bytes as people read it: `1 GB`, `10 MB`, `512 bytes`.
pub(super) fn readable(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")];
    let unit = UNITS.into_iter().find(|(size, _)| bytes >= *size && bytes.is_multiple_of(*size));
    unit.map_or_else(|| format!("{bytes} bytes"), |(size, name)| format!("{} {name}", bytes / size))
}
