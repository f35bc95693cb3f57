//! An uploaded project: zip, tar or tar in gzip.
#![no_main]

use std::io::Cursor;
use std::path::Path;

use gatehouse_scripts::archive::{Code, Limits, UnpackError, inspect, unpack};
use gatehouse_scripts::model::Language;
use libfuzzer_sys::fuzz_target;

fn limits() -> Limits {
    Limits { total_bytes: 1 << 20, file_bytes: 1 << 19, entries: 200, ratio_from_bytes: 1 << 16, ..Limits::default() }
}

/// Files and their bytes beneath a folder; nothing but plain files and folders may be there.
fn counted(folder: &Path) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let meta = path.symlink_metadata().expect("what it is");
        if meta.is_dir() {
            let inner = counted(&path);
            (files, bytes) = (files + inner.0, bytes + inner.1);
        } else {
            assert!(meta.is_file(), "{path:?}");
            (files, bytes) = (files + 1, bytes + meta.len());
        }
    }
    (files, bytes)
}

/// Whether a finding is about the project, and not about the archive.
fn of_project(code: Code) -> bool {
    use Code::{DependencyFileTooLarge, MainEmpty, MainMissing, MainName, MainNotAtRoot};
    matches!(code, MainMissing | MainNotAtRoot | MainName | MainEmpty | DependencyFileTooLarge)
}

fuzz_target!(|data: &[u8]| {
    let report = inspect(&mut Cursor::new(data), Language::Python, &limits()).expect("memory can be read");
    for finding in report.errors.iter().chain(&report.warnings) {
        assert!(!finding.message.is_empty());
        assert!(finding.entry.iter().all(|entry| !entry.contains(char::is_control)));
    }
    let parent = tempfile::tempdir().expect("a folder");
    let into = parent.path().join("project");
    let unpacked = unpack(&mut Cursor::new(data), &into, &limits());
    if report.errors.iter().all(|finding| of_project(finding.code)) {
        let unpacked = unpacked.expect("what was inspected");
        assert_eq!((report.files, report.bytes), (unpacked.files, unpacked.bytes));
        assert_eq!(counted(&into), (unpacked.files, unpacked.bytes));
        assert_eq!(std::fs::read_dir(parent.path()).expect("a folder").count(), 1);
    } else {
        assert!(matches!(unpacked, Err(UnpackError::Refused(_))), "{unpacked:?}");
        assert_eq!(std::fs::read_dir(parent.path()).expect("a folder").count(), 0);
    }
});
