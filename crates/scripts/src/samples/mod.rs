//! A sample project for each language, to begin with.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::model::Language;

/// Path and content of a file.
type File = (&'static str, &'static str);

const PYTHON: [File; 4] = [
    ("README.md", include_str!("python/README.md")),
    ("helpers/text.py", include_str!("python/helpers/text.py")),
    ("main.py", include_str!("python/main.py")),
    ("requirements.txt", include_str!("python/requirements.txt")),
];
const JAVASCRIPT: [File; 4] = [
    ("README.md", include_str!("javascript/README.md")),
    ("lib/text.js", include_str!("javascript/lib/text.js")),
    ("main.js", include_str!("javascript/main.js")),
    ("package.json", include_str!("javascript/package.json")),
];

/// The files of a sample, sorted by path.
pub const fn files(language: Language) -> &'static [File] {
    match language {
        Language::Python => &PYTHON,
        Language::JavaScript => &JAVASCRIPT,
    }
}

/// The name under which a sample is downloaded.
pub fn file_name(language: Language) -> String {
    format!("sample-{}.zip", language.as_str())
}

/// A sample as a zip archive: the same bytes each time, and with every version of the libraries, as nothing is
/// compressed and no time is told.
pub fn archive(language: Language) -> std::io::Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files(language) {
        writer.start_file(*path, options)?;
        writer.write_all(content.as_bytes())?;
    }
    Ok(writer.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{Limits, inspect, unpack};
    use crate::dependencies::Indexes;
    use std::process::Command;

    #[test]
    fn a_sample_is_taken_without_a_word() {
        for language in Language::ALL {
            let bytes = archive(language).unwrap();
            let report = inspect(&mut Cursor::new(&bytes), language, &Limits::default()).unwrap();
            assert_eq!((report.errors, report.warnings), (vec![], vec![]));
            assert_eq!((report.files, report.has_main), (4, true));
            assert_eq!(report.dependency_file, Some(language.dependency_file()));
            assert_eq!(bytes, archive(language).unwrap(), "the same each time");
            assert!(files(language).is_sorted());
        }
        assert_eq!(file_name(Language::Python), "sample-python.zip");
    }

    #[test]
    fn a_sample_asks_for_no_packages() {
        for language in Language::ALL {
            let bytes = archive(language).unwrap();
            let report = inspect(&mut Cursor::new(&bytes), language, &Limits::default()).unwrap();
            let asked = crate::dependencies::read(language, &report.manifests, &Indexes::default()).unwrap();
            assert!(asked.is_none());
        }
    }

    /// What a runner does, in short: the project is a package, so that relative imports work.
    #[test]
    fn the_functions_of_a_sample_work() {
        let dir = tempfile::tempdir().unwrap();
        let expected =
            r#"["Hello, Ada Lovelace!", {"items": 2, "amount": 8.5}, ["AL ada lovelace"], ["a.csv"]]"#;
        let uploads = dir.path().join("uploads");
        std::fs::create_dir(&uploads).unwrap();
        std::fs::write(uploads.join("a.csv"), "x").unwrap();
        for language in Language::ALL {
            let name = language.as_str();
            let bytes = archive(language).unwrap();
            unpack(&mut Cursor::new(bytes), &dir.path().join(name), &Limits::default()).unwrap();
            let workspace = dir.path().join(format!("workspace-{name}"));
            std::fs::create_dir(&workspace).unwrap();
            let mut command = match language {
                Language::Python => Command::new("python3"),
                Language::JavaScript => Command::new("node"),
            };
            let code = match language {
                Language::Python => {
                    "import asyncio, json, python.main as m\n\
                     items = [{'price': 2.25, 'quantity': 2}, {'price': 4}]\n\
                     print(json.dumps([m.greet('ada lovelace'), m.total(items), m.remember('ada lovelace'), asyncio.run(m.uploads())]))"
                }
                Language::JavaScript => {
                    "const m = require('./javascript/main.js');\
                     const items = [{ price: 2.25, quantity: 2 }, { price: 4 }];\
                     m.uploads().then((files) => console.log(JSON.stringify(\
                     [m.greet('ada lovelace'), m.total(items), m.remember('ada lovelace'), files])))"
                }
            };
            let flag = if language == Language::Python { "-c" } else { "-e" };
            let output = command
                .args([flag, code])
                .current_dir(dir.path())
                .env("WORKSPACE_DIR", &workspace)
                .env("UPLOADS_DIR", &uploads)
                .output()
                .unwrap();
            let told: serde_json::Value = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|_| panic!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
            assert_eq!(told, serde_json::from_str::<serde_json::Value>(expected).unwrap(), "{name}");
        }
    }
}
