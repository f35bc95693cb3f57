//! Tar archives that lie.

use super::build::{blocks, extended, file, gzip, header, record, summed, tar};
use super::*;

fn main() -> Vec<u8> {
    file("main.py", MAIN)
}

#[test]
fn what_an_ordinary_program_writes_is_taken() {
    let mut builder = ::tar::Builder::new(Vec::new());
    let mut add = |name: &str, text: &[u8]| {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o755);
        builder.append_data(&mut header, name, text).unwrap();
    };
    add("main.py", MAIN);
    let long = format!("{}/x.py", ["deeper"; 38].join("/"));
    add(&long, b"x");
    let bytes = builder.into_inner().unwrap();
    for bytes in [bytes.clone(), gzip(&bytes)] {
        let report = report(&bytes);
        assert_eq!((report.errors, report.files), (vec![], 2));
    }
}

#[test]
fn names_with_dots_before_them_are_the_same_names() {
    let folder = header(b"./", b'5', 0o755, 0);
    let report = report(&tar(&[folder, file("./main.py", MAIN)]));
    assert!(report.is_good() && report.has_main);
    assert_eq!(codes(&tar(&[main(), file("./main.py", MAIN)])), [Code::ArchiveDuplicate]);
}

#[test]
fn long_names_of_both_kinds_count() {
    let long = format!("{}/x.py", ["deeper"; 20].join("/"));
    let posix = extended(b'x', &[record("mtime", "1.5"), record("path", &long)]);
    let gnu = [
        header(b"././@LongLink", b'L', 0o644, long.len() as u64 + 1),
        blocks(format!("{long}\0").as_bytes()),
    ]
    .concat();
    for ahead in [posix, gnu] {
        let report = report(&tar(&[main(), ahead.clone(), file("short", b"x")]));
        assert_eq!((report.errors, report.files), (vec![], 2));
        let evil = tar(&[main(), extended(b'x', &[record("path", "../../x")]), file("short", b"x")]);
        assert_eq!(codes(&evil), [Code::ArchivePath]);
        assert_eq!(
            codes(&tar(&[main(), ahead.clone(), ahead.clone(), file("a", b"x")])),
            [Code::ArchiveDamaged]
        );
        assert_eq!(codes(&tar(&[main(), ahead])), [Code::ArchiveDamaged], "nothing follows");
    }
}

#[test]
fn headers_before_entries_cannot_play_tricks() {
    let with = |records: &[Vec<u8>]| codes(&tar(&[main(), extended(b'x', records), file("a", b"x")]));
    assert_eq!(with(&[record("size", "0")]), [Code::ArchiveDamaged]);
    assert_eq!(with(&[record("size", "1")]), []);
    assert_eq!(with(&[record("size", "x")]), [Code::ArchiveDamaged]);
    assert_eq!(with(&[record("path", "b"), record("path", "c")]), [Code::ArchiveDamaged]);
    assert_eq!(with(&[record("path", "a\0b")]), [Code::ArchivePath]);
    assert_eq!(with(&[record("GNU.sparse.major", "1")]), [Code::ArchiveSpecial]);
    assert_eq!(with(&[b"99 path=x\n".to_vec()]), [Code::ArchiveDamaged]);
    assert_eq!(with(&[b"no length".to_vec()]), [Code::ArchiveDamaged]);
    assert_eq!(with(&[record("comment", &"x".repeat(100_000))]), [Code::ArchiveDamaged]);
    let global = |key: &str| codes(&tar(&[extended(b'g', &[record(key, "5")]), main()]));
    assert_eq!(global("comment"), [], "git archive writes one");
    assert_eq!(global("path"), [Code::ArchiveDamaged]);
    assert_eq!(global("size"), [Code::ArchiveDamaged]);
}

#[test]
fn links_and_special_files_are_refused() {
    for (kind, code) in [
        (b'1', Code::ArchiveLink),
        (b'2', Code::ArchiveLink),
        (b'3', Code::ArchiveSpecial),
        (b'4', Code::ArchiveSpecial),
        (b'6', Code::ArchiveSpecial),
        (b'D', Code::ArchiveSpecial),
        (b'V', Code::ArchiveSpecial),
        (b'Z', Code::ArchiveSpecial),
        (b'S', Code::ArchiveSpecial),
        (b'M', Code::ArchiveMultipart),
    ] {
        let mut block = header(b"x", kind, 0o777, 0);
        block[157..168].copy_from_slice(b"/etc/shadow");
        assert_eq!(codes(&tar(&[main(), summed(block)])), [code], "{}", kind as char);
    }
    let mut block = header(b"main.py", b'2', 0o777, 0);
    block[157..168].copy_from_slice(b"/etc/shadow");
    assert_eq!(codes(&tar(&[summed(block)])), [Code::ArchiveLink], "told once");
}

#[test]
fn old_kinds_of_files_and_folders_are_taken() {
    let old = header(b"lib/", 0, 0o755, 0);
    let contiguous = [header(b"lib/a", b'7', 0o644, 1), blocks(b"x")].concat();
    let report = report(&tar(&[main(), old, contiguous]));
    assert_eq!((report.errors, report.files), (vec![], 2));
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let raw = |name: &[u8]| header(name, b'0', 0o644, 0);
    let bytes =
        tar(&[main(), file("../x", b"x"), file("/etc/x", b"x"), raw(b"a\\b"), raw(b"\xff"), raw(b"a\x07")]);
    assert_eq!(codes(&bytes), [Code::ArchivePath; 5]);
    let mut split = header(b"x", b'0', 0o644, 0);
    split[345..347].copy_from_slice(b"..");
    assert_eq!(codes(&tar(&[main(), summed(split)])), [Code::ArchivePath], "in the prefix");
    assert_eq!(codes(&tar(&[main(), file("", b"x")])), [Code::ArchivePath]);
    assert_eq!(codes(&tar(&[main(), file("lib/", b"x")])), [Code::ArchivePath], "a file like a folder");
}

#[test]
fn damage_is_told() {
    let good = tar(&[main()]);
    assert_eq!(codes(&good[..600 - 80]), [Code::ArchiveDamaged]);
    let mut changed = tar(&[main(), file("a", b"x")]);
    changed[1024] = b'b';
    assert_eq!(codes(&changed), [Code::ArchiveDamaged]);
    let packed = gzip(&good);
    assert_eq!(codes(&packed[..packed.len() - 9]), [Code::ArchiveDamaged]);
    let mut checksum = packed.clone();
    let at = checksum.len() - 6;
    checksum[at] ^= 1;
    assert_eq!(codes(&checksum), [Code::ArchiveDamaged], "the checksum at the end counts");
    let huge = header(b"a", b'0', 0o644, 0o77_777_777_777);
    assert_eq!(codes(&tar(&[main(), huge])), [Code::ArchiveContentTooLarge]);
    let mut negative = header(b"a", b'0', 0o644, 0);
    negative[124..136].fill(0xFF);
    assert!(!report(&tar(&[main(), summed(negative)])).is_good());
    assert_eq!(codes(&vec![0; 1024]), [Code::MainMissing], "nothing in it");
}

#[test]
fn one_megabyte_that_becomes_a_gigabyte_is_stopped_early() {
    // Gzip files may be joined: one compressed megabyte, many times.
    let size = 1024 * 1024 * 1024;
    let start = gzip(&header(b"main.py", b'0', 0o644, size));
    let bytes = [start, gzip(&vec![0; 1 << 20]).repeat(1024), gzip(&[0; 1024])].concat();
    assert!(bytes.len() < 1_100_000);
    let report = report(&bytes);
    assert_eq!(report.errors[0].code, Code::ArchiveBomb);
    assert!(report.bytes < 111_000_000, "{}", report.bytes);
}

#[test]
fn what_is_skipped_counts_as_well() {
    let limits = Limits { total_bytes: 100_000, ..Limits::default() };
    let bytes = tar(&[main(), file(".git/objects/pack", &vec![b'x'; 200_000])]);
    assert_eq!(with(&bytes, &limits).errors[0].code, Code::ArchiveContentTooLarge);
    let trailing = gzip(&[tar(&[main()]), vec![b'x'; 200_000]].concat());
    assert_eq!(with(&trailing, &limits).errors[0].code, Code::ArchiveContentTooLarge);
}

#[test]
fn sixty_thousand_entries_are_refused() {
    let parts: Vec<_> = (0..60_000).map(|n| header(format!("{n}").as_bytes(), b'0', 0o644, 0)).collect();
    assert_eq!(codes(&tar(&parts)), [Code::ArchiveTooManyEntries]);
    let empty = extended(b'g', &[]);
    assert_eq!(codes(&tar(&vec![empty; 20_001])), [Code::ArchiveTooManyEntries]);
}
