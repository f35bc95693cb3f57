//! What a project must hold.

use super::build::{ZipEntry, cursor, entry, file, gzip, tar, zip};
use super::*;
use crate::archive::{Format, MAX_FINDINGS};

fn told(language: Language, files: &[(&str, &str)]) -> Report {
    let entries: Vec<_> = files.iter().map(|(name, text)| entry(name, text.as_bytes())).collect();
    inspect(&mut cursor(&zip(&entries)), language, &Limits::default()).unwrap()
}

fn one(language: Language, files: &[(&str, &str)]) -> (Code, String) {
    let report = told(language, files);
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
    assert!(!report.has_main);
    (report.errors[0].code, report.errors[0].message.to_string())
}

#[test]
fn formats_are_told_by_content() {
    let (zipped, tarred) = (zip(&[entry("main.py", MAIN)]), tar(&[file("main.py", MAIN)]));
    for (bytes, format) in
        [(zipped.clone(), Format::Zip), (tarred.clone(), Format::Tar), (gzip(&tarred), Format::TarGz)]
    {
        let report = report(&bytes);
        assert_eq!((report.errors, report.format), (vec![], Some(format)));
        assert_eq!((report.files, report.bytes, report.has_main), (1, MAIN.len() as u64, true));
    }
    for (bytes, message) in [
        (b"".to_vec(), "The file is empty."),
        (b"Rar!\x1a\x07\x01\0rest".to_vec(), "The file is a RAR archive."),
        (b"7z\xbc\xaf\x27\x1c rest".to_vec(), "The file is a 7z archive."),
        (b"\xfd7zXZ\0rest".to_vec(), "The file is compressed by xz."),
        (b"BZh91AY".to_vec(), "The file is compressed by bzip2."),
        (gzip(MAIN), "The .gz file holds no tar archive."),
        (gzip(&zipped), "The .gz file holds no tar archive."),
        (MAIN.to_vec(), "The file is no archive that is known here."),
        (vec![b'x'; 2000], "The file is no archive that is known here."),
    ] {
        let report = report(&bytes);
        assert_eq!(report.errors.len(), 1);
        assert_eq!(report.errors[0].code, Code::ArchiveFormat);
        let wanted = "Upload a .zip, a .tar, or a .gz that holds a tar.";
        assert_eq!(report.errors[0].message, format!("{message} {wanted}"));
    }
}

#[test]
fn the_main_file_is_at_the_root() {
    use Language::{JavaScript, Python};
    assert_eq!(
        one(Python, &[("project/main.py", "x"), ("project/lib/main.py", "x")]),
        (Code::MainNotAtRoot, "found project/main.py; must be at the archive root".to_owned())
    );
    assert_eq!(
        one(Python, &[("Main.py", "x")]),
        (Code::MainName, "found Main.py; the main file of Python must be named main.py".to_owned())
    );
    assert_eq!(
        one(JavaScript, &[("main.py", "x")]),
        (Code::MainName, "found main.py; the main file of JavaScript must be named main.js".to_owned())
    );
    assert_eq!(
        one(JavaScript, &[("main.mjs", "x")]),
        (Code::MainName, "found main.mjs; the main file of JavaScript must be named main.js".to_owned())
    );
    assert_eq!(
        one(Python, &[("app.py", "x")]),
        (Code::MainMissing, "There is no main.py at the archive root.".to_owned())
    );
    assert_eq!(one(Python, &[]).0, Code::MainMissing);
    assert!(told(Python, &[("main.py", "x"), ("lib/main.py", "x"), ("main.js", "")]).errors.is_empty());
}

#[test]
fn the_main_file_holds_code() {
    for text in ["", " \n\t\n", "# only\n# comments\n"] {
        let (code, message) = one(Language::Python, &[("main.py", text)]);
        assert_eq!(code, Code::MainEmpty);
        assert_eq!(message, "main.py holds no code. Define the functions there that are to be called.");
    }
    assert_eq!(one(Language::JavaScript, &[("main.js", "/* nothing */ // here")]).0, Code::MainEmpty);
}

#[test]
fn dependency_files_at_the_root_are_kept() {
    let files = [
        ("main.js", "exports.x = () => 1"),
        ("package.json", "{}"),
        ("package-lock.json", "[]"),
        ("lib/package.json", "no"),
        ("requirements.txt", "x"),
    ];
    let report = told(Language::JavaScript, &files);
    assert_eq!(report.dependency_file, Some("package.json"));
    let kept: Vec<_> = report.manifests.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    assert_eq!(kept, [("package-lock.json", &b"[]"[..]), ("package.json", b"{}")]);
    let without = told(Language::JavaScript, &files[..1]);
    assert_eq!((without.dependency_file, without.manifests.len()), (None, 0));
    let large = "x".repeat(1024 * 1024 + 1);
    let (code, message) = {
        let report = told(Language::Python, &[("main.py", "x"), ("requirements.txt", &large)]);
        (report.errors[0].code, report.errors[0].message.to_string())
    };
    assert_eq!(
        (code, message.as_str()),
        (Code::DependencyFileTooLarge, "requirements.txt is larger than 1 MB.")
    );
}

#[test]
fn folders_of_tools_are_left_out_with_a_warning() {
    let mut link = entry("node_modules/.bin/semver", b"../semver/cli.js");
    link.mode = 0o120_777;
    let entries =
        [entry("main.py", MAIN), entry("__MACOSX/._main.py", b"x"), entry("__MACOSX/._lib", b"x"), link];
    let report = report(&zip(&entries));
    assert_eq!((report.errors, report.files), (vec![], 1));
    let told: Vec<_> = report.warnings.iter().map(|f| f.message.as_ref()).collect();
    assert_eq!(
        told,
        [
            "__MACOSX is left out (2 entries): it is not needed to run.",
            "node_modules/.bin is left out (1 entry): it is not needed to run."
        ]
    );
    assert!(report.warnings.iter().all(|f| f.code == Code::IgnoredFolder));
}

#[test]
fn a_refused_main_file_is_told_once() {
    let mut link = entry("main.py", b"/etc/shadow");
    link.mode = 0o120_777;
    assert_eq!(codes(&zip(&[link])), [Code::ArchiveLink]);
}

#[test]
fn findings_are_bounded() {
    let entries: Vec<_> = (0..200).map(|n| entry(&format!("../{n}"), b"")).collect();
    let report = report(&zip(&entries));
    assert_eq!((report.errors.len(), report.more), (MAX_FINDINGS, true));
    let skipped: Vec<_> = (0..200).map(|n| entry(&format!("{n}/.git/config"), b"")).collect();
    let report = super::report(&zip(&skipped));
    assert_eq!((report.warnings.len(), report.more), (MAX_FINDINGS, true));
}

#[test]
fn what_ends_the_reading_is_told_beside_many_findings() {
    let mut entries: Vec<_> = (0..60).map(|n| entry(&format!("../{n}"), b"")).collect();
    entries.push(ZipEntry { checksum: Some(1), ..entry("main.py", MAIN) });
    let report = report(&zip(&entries));
    assert_eq!((report.errors.len(), report.more), (MAX_FINDINGS, true));
    assert_eq!(report.errors.last().unwrap().code, Code::ArchiveDamaged);
}

#[test]
fn an_archive_of_more_than_the_largest_size_is_not_read() {
    let bytes = zip(&[entry("main.py", MAIN)]);
    let limits = Limits { archive_bytes: bytes.len() as u64 - 1, ..Limits::default() };
    let report = with(&bytes, &limits);
    assert_eq!(report.errors[0].code, Code::ArchiveTooLarge);
    assert!(with(&bytes, &Limits { archive_bytes: bytes.len() as u64, ..limits }).is_good());
    assert_eq!(Limits::default().archive_bytes, 1_073_741_824);
}

#[test]
fn a_failure_of_the_disk_is_none_of_the_archive() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from_raw_os_error(5))
        }
    }
    impl std::io::Seek for Broken {
        fn seek(&mut self, _: std::io::SeekFrom) -> std::io::Result<u64> {
            Ok(100)
        }
    }
    assert!(inspect(&mut Broken, Language::Python, &Limits::default()).is_err());
}

#[test]
fn the_documentation_tells_every_code() {
    let page = include_str!("../../../../../docs/custom-scripts.md");
    for code in Code::ALL {
        let word = serde_json::to_value(code).unwrap();
        let word = word.as_str().unwrap();
        assert!(page.contains(&format!("`{word}`")), "docs/custom-scripts.md does not tell of {word}");
    }
}
