use std::collections::BTreeMap;
use std::io::{self, Read, Seek};

use super::findings::{Code, Finding, Stop, shown};
use super::format::Format;
use super::limits::{Limits, readable};
use super::main_file;
use super::walk::{Visitor, walk};
use crate::model::Language;

/// The most errors, and the most warnings, that are told of one archive.
pub const MAX_FINDINGS: usize = 50;
/// The largest `requirements.txt` or `package.json`, in bytes.
pub const MAX_MANIFEST_BYTES: u64 = 1024 * 1024;
/// The largest `package-lock.json`, in bytes.
pub const MAX_LOCK_BYTES: u64 = 16 * 1024 * 1024;

/// Files at the root that tell of dependencies: they are kept, for whoever judges them.
const MANIFESTS: [(&str, Language, u64); 3] = [
    ("requirements.txt", Language::Python, MAX_MANIFEST_BYTES),
    ("package.json", Language::JavaScript, MAX_MANIFEST_BYTES),
    ("package-lock.json", Language::JavaScript, MAX_LOCK_BYTES),
];
/// Names under which people look for the main file.
const MAIN_LIKE: [&str; 5] = ["main.py", "main.js", "main.mjs", "main.cjs", "main.ts"];

/// The content of the files that tell of dependencies, by name.
pub type Manifests = BTreeMap<&'static str, Vec<u8>>;

/// What was found in an archive.
#[derive(Debug, Default)]
pub struct Report {
    /// What it is, where that could be told.
    pub format: Option<Format>,
    /// Why it cannot be deployed. None: it can be unpacked.
    pub errors: Vec<Finding>,
    /// What its maker should know besides.
    pub warnings: Vec<Finding>,
    /// Whether there are more errors or warnings than are told.
    pub more: bool,
    /// How many files would be kept.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// Whether the main file is at the root and holds code.
    pub has_main: bool,
    /// The file at the root that names dependencies.
    pub dependency_file: Option<&'static str>,
    /// The files at the root that tell of dependencies, for those of the language.
    pub manifests: Manifests,
}

impl Report {
    /// Whether nothing stands against it.
    pub fn is_good(&self) -> bool {
        self.errors.is_empty()
    }
}

/// Reads an archive whole and tells everything that is wrong about it. An `Err` is a failure to read the file from
/// where it lies; whatever the archive holds is a finding.
pub fn inspect(archive: &mut (impl Read + Seek), language: Language, limits: &Limits) -> io::Result<Report> {
    let mut inspector = Inspector {
        report: Report::default(),
        language,
        skipped: BTreeMap::new(),
        found: Vec::new(),
        main: None,
        refused_main: false,
        current: Current::Other,
    };
    match walk(archive, limits, &mut inspector) {
        Ok(format) => {
            inspector.report.format = Some(format);
            inspector.judge_main();
        }
        Err(Stop::Refused(finding)) => inspector.last(finding),
        Err(Stop::Read(error) | Stop::Write(error)) => return Err(error),
    }
    Ok(inspector.done())
}

struct Inspector {
    report: Report,
    language: Language,
    /// Folders that are left out, with their entries.
    skipped: BTreeMap<String, u64>,
    /// Files that look like the main file but are not at its place.
    found: Vec<String>,
    /// The main file, once it came.
    main: Option<main_file::Code>,
    /// Whether something else was said of the main file already.
    refused_main: bool,
    current: Current,
}

/// What the pieces that come are of.
enum Current {
    Main,
    Manifest(&'static str, u64),
    Other,
}

impl Inspector {
    fn error(&mut self, finding: Finding) {
        if self.report.errors.len() < MAX_FINDINGS {
            self.report.errors.push(finding);
        } else {
            self.report.more = true;
        }
    }

    /// What ends the reading is told in any case.
    fn last(&mut self, finding: Finding) {
        self.report.more |= self.report.errors.len() == MAX_FINDINGS;
        self.report.errors.truncate(MAX_FINDINGS - 1);
        self.report.errors.push(finding);
    }

    fn judge_main(&mut self) {
        let wanted = self.language.main_file();
        match &self.main {
            Some(code) if code.found() => self.report.has_main = true,
            Some(_) => {
                let message =
                    format!("{wanted} holds no code. Define the functions there that are to be called.");
                self.error(Finding::new(Code::MainEmpty, message).about(wanted.as_bytes()));
            }
            None if self.refused_main => {}
            None => {
                let finding = self.missing_main();
                self.error(finding);
            }
        }
    }

    /// Why there is no main file: the likeliest mistake first.
    fn missing_main(&self) -> Finding {
        let wanted = self.language.main_file();
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let in_folder = self.found.iter().filter(|path| name(path) == wanted).min_by_key(|path| path.len());
        if let Some(path) = in_folder {
            let message = format!("found {}; must be at the archive root", shown(path.as_bytes()));
            return Finding::new(Code::MainNotAtRoot, message).about(path.as_bytes());
        }
        if let Some(path) = self.found.iter().find(|path| !path.contains('/')) {
            let label = self.language.label();
            let message = format!("found {path}; the main file of {label} must be named {wanted}");
            return Finding::new(Code::MainName, message).about(path.as_bytes());
        }
        Finding::new(Code::MainMissing, format!("There is no {wanted} at the archive root."))
    }

    fn done(mut self) -> Report {
        for (folder, entries) in self.skipped {
            if self.report.warnings.len() == MAX_FINDINGS {
                self.report.more = true;
                break;
            }
            let plural = if entries == 1 { "entry" } else { "entries" };
            let message = format!(
                "{} is left out ({entries} {plural}): it is not needed to run.",
                shown(folder.as_bytes())
            );
            self.report.warnings.push(Finding::new(Code::IgnoredFolder, message).about(folder.as_bytes()));
        }
        self.report
    }
}

impl Visitor for Inspector {
    fn problem(&mut self, finding: Finding) -> Result<(), Stop> {
        let main = self.language.main_file();
        self.refused_main |= finding.entry.as_deref().is_some_and(|e| e.trim_start_matches("./") == main);
        self.error(finding);
        Ok(())
    }

    fn skipped(&mut self, folder: &str) {
        if self.skipped.len() <= MAX_FINDINGS || self.skipped.contains_key(folder) {
            *self.skipped.entry(folder.to_owned()).or_default() += 1;
        }
    }

    fn folder(&mut self, _: &str) -> Result<(), Stop> {
        Ok(())
    }

    fn file(&mut self, path: &str, _: bool) -> Result<(), Stop> {
        self.report.files += 1;
        self.current = Current::Other;
        let name = path.rsplit('/').next().unwrap_or_default();
        if path == self.language.main_file() {
            self.main = Some(main_file::Code::of(self.language));
            self.current = Current::Main;
        } else if MAIN_LIKE.contains(&name.to_ascii_lowercase().as_str()) && self.found.len() < MAX_FINDINGS {
            self.found.push(path.to_owned());
        } else if let Some((name, _, most)) =
            MANIFESTS.into_iter().find(|(name, of, _)| *name == path && *of == self.language)
        {
            self.report.manifests.insert(name, Vec::new());
            self.current = Current::Manifest(name, most);
            if name == self.language.dependency_file() {
                self.report.dependency_file = Some(name);
            }
        }
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.report.bytes += bytes.len() as u64;
        match self.current {
            Current::Main => {
                if let Some(code) = &mut self.main {
                    code.feed(bytes);
                }
            }
            Current::Manifest(name, most) => {
                let kept = self.report.manifests.entry(name).or_default();
                if (kept.len() + bytes.len()) as u64 <= most {
                    kept.extend_from_slice(bytes);
                } else {
                    kept.clear();
                    self.current = Current::Other;
                    let message = format!("{name} is larger than {}.", readable(most));
                    self.error(Finding::new(Code::DependencyFileTooLarge, message).about(name.as_bytes()));
                }
            }
            Current::Other => {}
        }
        Ok(())
    }

    fn file_end(&mut self) -> Result<(), Stop> {
        Ok(())
    }
}
