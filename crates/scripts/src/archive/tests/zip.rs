//! Zip archives that lie.

use std::io::Write;

use super::build::{ZipEntry, end, entry, zip};
use super::*;

fn main() -> ZipEntry {
    entry("main.py", MAIN)
}

fn message(bytes: &[u8]) -> String {
    let report = report(bytes);
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
    report.errors[0].message.to_string()
}

#[test]
fn what_an_ordinary_program_writes_is_taken() {
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = ::zip::write::SimpleFileOptions::default();
    writer.add_directory("lib/", options).unwrap();
    for (name, large) in [("main.py", false), ("lib/größe.py", true)] {
        writer.start_file(name, options.large_file(large)).unwrap();
        writer.write_all(MAIN).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    let report = report(&bytes);
    assert_eq!((report.errors, report.files, report.bytes), (vec![], 2, 2 * MAIN.len() as u64));
}

#[test]
fn stored_and_streamed_and_large_entries_are_taken() {
    let stored = ZipEntry { method: 0, ..main() };
    let streamed = ZipEntry { flags: 8, ..main() };
    let large = ZipEntry { zip64: true, ..main() };
    for e in [stored, streamed, large] {
        let report = report(&zip(&[e, entry("lib/a.py", b"x")]));
        assert_eq!((report.errors, report.files), (vec![], 2));
    }
}

#[test]
fn names_that_lead_elsewhere_are_each_told() {
    let bytes =
        zip(&[main(), entry("../../etc/cron.d/x", b"x"), entry("/etc/x", b"x"), entry("C:\\x", b"x")]);
    let report = report(&bytes);
    assert_eq!(report.errors.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::ArchivePath; 3]);
    let named: Vec<_> = report.errors.iter().filter_map(|f| f.entry.as_deref()).collect();
    assert_eq!(named, ["../../etc/cron.d/x", "/etc/x", "C:\\x"]);
}

#[test]
fn names_of_old_systems_are_refused() {
    let cp437 = ZipEntry { name: b"gr\x94\xe1e.py".to_vec(), ..main() };
    assert_eq!(codes(&zip(&[main(), cp437])), [Code::ArchivePath]);
    let flagged = ZipEntry { flags: 1 << 11, ..entry("größe.py", b"x") };
    let unflagged = entry("länge.py", b"x");
    assert!(report(&zip(&[main(), flagged, unflagged])).is_good());
}

#[test]
fn links_and_special_files_are_refused() {
    for (mode, code) in [
        (0o120_777, Code::ArchiveLink),
        (0o020_666, Code::ArchiveSpecial),
        (0o060_660, Code::ArchiveSpecial),
        (0o010_644, Code::ArchiveSpecial),
        (0o140_755, Code::ArchiveSpecial),
        (0o110_644, Code::ArchiveSpecial),
    ] {
        let e = ZipEntry { mode, ..entry("lib/x", b"/etc/shadow") };
        assert_eq!(codes(&zip(&[main(), e])), [code], "{mode:o}");
    }
    let dos = ZipEntry { mode: 0o120_777, system: 0, ..entry("x", b"/etc/shadow") };
    assert_eq!(codes(&zip(&[main(), dos])), [Code::ArchiveLink], "whatever made it");
}

#[test]
fn a_name_is_there_once() {
    let twice = zip(&[main(), entry("main.py", b"import os; os.remove('x')")]);
    assert_eq!(codes(&twice), [Code::ArchiveDuplicate]);
    assert_eq!(codes(&zip(&[main(), entry("./main.py", b"x")])), [Code::ArchiveDuplicate]);
    assert_eq!(codes(&zip(&[main(), entry("MAIN.PY", b"x")])), [Code::ArchiveDuplicate]);
    let inside = zip(&[main(), entry("a", b"x"), entry("a/b", b"x")]);
    assert_eq!(codes(&inside), [Code::ArchiveDuplicate]);
    let folder = ZipEntry { mode: 0o040_755, ..entry("lib/", b"") };
    assert!(report(&zip(&[main(), folder.clone(), folder, entry("lib/a", b"x")])).is_good());
}

#[test]
fn encrypted_archives_and_parts_are_told() {
    assert_eq!(
        message(&zip(&[ZipEntry { flags: 1, ..main() }])),
        "The archive is encrypted. Make it without a password."
    );
    assert_eq!(codes(&zip(&[ZipEntry { method: 99, ..main() }])), [Code::ArchiveEncrypted]);
    assert_eq!(
        message(&zip(&[ZipEntry { method: 12, ..main() }])),
        "An entry is compressed by bzip2. Make the archive with the method Deflate."
    );
    let mut bytes = zip(&[main()]);
    let at = bytes.len() - 22;
    bytes[at + 4] = 1;
    assert_eq!(codes(&bytes), [Code::ArchiveMultipart]);
    let mut fewer = zip(&[main()]);
    fewer[at + 8] = 0;
    assert_eq!(codes(&fewer), [Code::ArchiveMultipart]);
    assert_eq!(codes(b"PK\x07\x08PK\x03\x04"), [Code::ArchiveMultipart]);
}

#[test]
fn contradictions_are_damage() {
    let damaged = |bytes: Vec<u8>| assert_eq!(codes(&bytes), [Code::ArchiveDamaged]);
    damaged(zip(&[ZipEntry { local_name: Some(b"other.py".to_vec()), ..main() }]));
    damaged(zip(&[ZipEntry { checksum: Some(1), ..main() }]));
    damaged(zip(&[ZipEntry { size: Some(1), ..main() }]));
    damaged(zip(&[ZipEntry { size: Some(1_000), ..main() }]));
    damaged(zip(&[ZipEntry { size: Some(1_000), method: 0, ..main() }]));
    damaged(zip(&[ZipEntry { offset: Some(5), ..main() }]));
    damaged([zip(&[main()]), b"hung on".to_vec()].concat());
    damaged([b"PK\x03\x04".to_vec(), zip(&[main()])].concat());
    let good = zip(&[main()]);
    for cut in [4, 10, 31, good.len() / 2, good.len() - 1] {
        damaged(good[..cut].to_vec());
    }
    let mut end = end(1, 1, u32::MAX - 1, 0);
    end.splice(0..0, *b"PK\x03\x04");
    damaged(end);
}

#[test]
fn places_beyond_any_file_are_damage_of_the_archive() {
    // A real file, since seeking there fails in the system.
    for offset in [u64::MAX, u64::MAX - 40, 1 << 40] {
        let mut file = tempfile::tempfile().unwrap();
        let entries = [entry("lib/a.py", b"x"), ZipEntry { zip64: true, offset: Some(offset), ..main() }];
        file.write_all(&zip(&entries)).unwrap();
        let report = inspect(&mut file, Language::Python, &Limits::default()).unwrap();
        assert_eq!(report.errors.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::ArchiveDamaged]);
    }
    let good = zip(&[ZipEntry { zip64: true, ..main() }]);
    let record = good.len() - 22 - 20 - 56;
    for at in [record + 40, record + 48, record + 56 + 8] {
        let mut file = tempfile::tempfile().unwrap();
        let mut bytes = good.clone();
        bytes[at..at + 8].fill(0xFF);
        file.write_all(&bytes).unwrap();
        let report = inspect(&mut file, Language::Python, &Limits::default()).unwrap();
        assert_eq!(report.errors.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::ArchiveDamaged]);
    }
}

#[test]
fn a_comment_at_the_end_is_no_harm() {
    let mut bytes = zip(&[main()]);
    let at = bytes.len() - 2;
    bytes[at] = 5;
    bytes.extend(b"hello");
    assert!(report(&bytes).is_good());
}

#[test]
fn entries_that_lie_upon_each_other_are_refused() {
    // One content that many entries share: little goes in, much comes out.
    let mut kernel = entry("a0", &[b'a'; 50_000]);
    kernel.method = 8;
    let shared: Vec<_> = (1..100)
        .map(|n| ZipEntry {
            name: format!("a{n}").into_bytes(),
            offset: Some(0),
            central_only: true,
            ..kernel.clone()
        })
        .collect();
    let bytes = zip(&[vec![kernel], shared].concat());
    let report = report(&bytes);
    assert_eq!(report.errors.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::ArchiveOverlap]);
    assert_eq!(report.bytes, 0, "told before anything came out");

    // Each stored entry holds the header of the next one in its content.
    let inner = zip(&[entry("b", b"x")]);
    let length = inner.len() - 22 - 46 - 1;
    let outer = ZipEntry { method: 0, ..entry("a", &inner[..length]) };
    let quoted = ZipEntry { offset: Some(31), central_only: true, ..entry("b", b"x") };
    assert_eq!(codes(&zip(&[outer, quoted])), [Code::ArchiveOverlap]);
}

#[test]
fn what_comes_out_is_bounded_while_it_does() {
    let bomb = zip(&[entry("main.py", &vec![0; 11_000_000])]);
    assert!(bomb.len() < 40_000);
    let report = report(&bomb);
    assert_eq!(report.errors[0].code, Code::ArchiveBomb);
    assert!(report.bytes <= 10 * 1024 * 1024 + 65_536, "{}", report.bytes);

    let limits = Limits { total_bytes: 50_000, ..Limits::default() };
    let two = zip(&[entry("main.py", &vec![b'x'; 30_000]), entry("b", &vec![b'x'; 30_000])]);
    assert_eq!(with(&two, &limits).errors[0].code, Code::ArchiveContentTooLarge);
    let limits = Limits { file_bytes: 29_999, ..Limits::default() };
    let report = with(&two, &limits);
    assert_eq!((report.errors[0].code, report.bytes), (Code::ArchiveContentTooLarge, 0));

    // A size that is told too small does not help.
    let liar = ZipEntry { size: Some(10), ..entry("main.py", &vec![b'x'; 1_000_000]) };
    assert_eq!(codes(&zip(&[liar])), [Code::ArchiveDamaged]);
}

#[test]
fn sixty_thousand_entries_are_refused_unread() {
    let entries: Vec<_> =
        (0..60_000).map(|n| ZipEntry { method: 0, ..entry(&format!("{n}"), b"") }).collect();
    assert_eq!(codes(&zip(&entries)), [Code::ArchiveTooManyEntries]);
    let most = Limits { entries: 3, ..Limits::default() };
    assert!(with(&zip(&[main(), entry("a", b""), entry("b", b"")]), &most).is_good());
}

#[test]
fn very_long_paths_are_bounded_together() {
    let long = ["x"; 40].join("/");
    let entries: Vec<_> = (0..100).map(|n| entry(&format!("{long}{n}"), b"")).collect();
    let limits = Limits { paths_bytes: 5_000, ..Limits::default() };
    assert_eq!(with(&zip(&entries), &limits).errors[0].code, Code::ArchiveTooManyEntries);
}
