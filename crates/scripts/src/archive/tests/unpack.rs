//! What comes out on the disk.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::build::{ZipEntry, cursor, entry, file, gzip, header, summed, tar, zip};
use super::*;
use crate::archive::{UnpackError, Unpacked, unpack};

fn out(bytes: &[u8], into: &Path) -> Result<Unpacked, UnpackError> {
    unpack(&mut cursor(bytes), into, &Limits::default())
}

/// All that lies there: its mode and content by its path.
fn listing(root: &Path) -> BTreeMap<String, (u32, Option<Vec<u8>>)> {
    fn visit(root: &Path, at: &Path, all: &mut BTreeMap<String, (u32, Option<Vec<u8>>)>) {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            assert!(meta.is_dir() || meta.is_file(), "{path:?}");
            let content = meta.is_file().then(|| std::fs::read(&path).unwrap());
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            all.insert(name, (meta.mode() & 0o7777, content));
            if meta.is_dir() {
                visit(root, &path, all);
            }
        }
    }
    let mut all = BTreeMap::new();
    visit(root, root, &mut all);
    all
}

#[test]
fn files_come_out_with_plain_modes() {
    let of = |name: &str, mode| ZipEntry { mode, ..entry(name, b"x") };
    let bytes = zip(&[
        of("main.py", 0o106_777),
        of("lib/deep/a.py", 0o100_600),
        of("lib/run", 0o100_700),
        of("lib/none", 0),
        ZipEntry { content: vec![], method: 0, ..of("z/", 0o040_000) },
        ZipEntry { system: 0, ..of("lib/dos", 0o100_777) },
        of("__MACOSX/x", 0o100_644),
    ]);
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("project");
    assert_eq!(out(&bytes, &into).unwrap(), Unpacked { files: 5, bytes: 5 });
    let modes: Vec<_> = listing(&into).into_iter().map(|(name, (mode, _))| (name, mode)).collect();
    let expected = [
        ("lib", 0o755),
        ("lib/deep", 0o755),
        ("lib/deep/a.py", 0o644),
        ("lib/dos", 0o644),
        ("lib/none", 0o644),
        ("lib/run", 0o755),
        ("main.py", 0o755),
        ("z", 0o755),
    ];
    assert_eq!(modes, expected.map(|(name, mode)| (name.to_owned(), mode)));
    assert_eq!(into.metadata().unwrap().permissions().mode() & 0o7777, 0o755);
}

#[test]
fn both_formats_bring_the_same_out() {
    let large: Vec<u8> = (0..50_000u32).flat_map(u32::to_le_bytes).collect();
    let dir = tempfile::tempdir().unwrap();
    let tarred = tar(&[file("./main.py", MAIN), file("a/b.bin", &large), file("c", b"")]);
    let archives = [
        zip(&[entry("main.py", MAIN), entry("a/b.bin", &large), entry("c", b"")]),
        tarred.clone(),
        gzip(&tarred),
    ];
    for (n, bytes) in archives.iter().enumerate() {
        let into = dir.path().join(n.to_string());
        assert_eq!(out(bytes, &into).unwrap().files, 3);
        let all = listing(&into);
        assert_eq!(all["main.py"].1.as_deref(), Some(MAIN));
        assert_eq!(all["a/b.bin"].1.as_ref(), Some(&large));
        assert_eq!(all["c"].1.as_deref(), Some(&b""[..]));
        assert_eq!(all.len(), 4);
    }
}

#[test]
fn a_refused_archive_leaves_nothing() {
    let mut link = header(b"lib/x", b'2', 0o777, 0);
    link[157..168].copy_from_slice(b"/etc/shadow");
    let shadow = ZipEntry { mode: 0o120_777, ..entry("main.py", b"/etc/shadow") };
    let start = gzip(&header(b"main.py", b'0', 0o644, 12 << 20));
    let bomb = [start, gzip(&vec![0; 1 << 20]).repeat(12), gzip(&[0; 1024])].concat();
    let dir = tempfile::tempdir().unwrap();
    for (bytes, code) in [
        (zip(&[entry("main.py", MAIN), entry("lib/../../x", b"x")]), Code::ArchivePath),
        (zip(&[shadow]), Code::ArchiveLink),
        (tar(&[file("main.py", MAIN), summed(link)]), Code::ArchiveLink),
        (tar(&[file("main.py", MAIN), header(b"null", b'3', 0o666, 0)]), Code::ArchiveSpecial),
        (tar(&[file("main.py", MAIN), file("main.py", b"x")]), Code::ArchiveDuplicate),
        (bomb, Code::ArchiveBomb),
        (tar(&[file("main.py", MAIN)])[..700].to_vec(), Code::ArchiveDamaged),
        (b"Rar!\x1a\x07\0".to_vec(), Code::ArchiveFormat),
    ] {
        let refused = out(&bytes, &dir.path().join("project")).unwrap_err();
        assert!(matches!(&refused, UnpackError::Refused(finding) if finding.code == code), "{refused:?}");
        assert_eq!(gatehouse_types::Error::from(refused).field(), Some("file"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{code:?}");
    }
}

#[test]
fn what_is_there_already_is_neither_used_nor_removed() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = zip(&[entry("main.py", MAIN)]);
    let there = dir.path().join("there");
    std::fs::create_dir(&there).unwrap();
    std::fs::write(there.join("kept"), "x").unwrap();
    assert!(matches!(out(&bytes, &there), Err(UnpackError::Write(_))));
    assert_eq!(listing(&there).len(), 1);
    let link = dir.path().join("link");
    symlink(&there, &link).unwrap();
    assert!(matches!(out(&bytes, &link), Err(UnpackError::Write(_))));
    assert_eq!(listing(&there).len(), 1);
    assert!(matches!(out(&bytes, &dir.path().join("no/parent")), Err(UnpackError::Write(_))));
}

#[test]
fn what_was_inspected_comes_out_the_same() {
    let bytes = zip(&[entry("main.py", MAIN), entry("lib/a.py", b"x"), entry(".git/x", b"x")]);
    let report = report(&bytes);
    let dir = tempfile::tempdir().unwrap();
    let unpacked = out(&bytes, &dir.path().join("p")).unwrap();
    assert!(report.is_good());
    assert_eq!((report.files, report.bytes), (unpacked.files, unpacked.bytes));
}
