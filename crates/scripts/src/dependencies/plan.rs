use super::key::Installer;
use super::{Indexes, Lock, Wanted};
use crate::model::Language;

/// The file that holds the lock of Python packages.
const PYTHON_LOCK: &str = "requirements.lock";
const PYTHON_MANIFEST: &str = "requirements.in";
const NPM_LOCK: &str = "package-lock.json";
const NPM_MANIFEST: &str = "package.json";

/// Folders as the installer sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Where packages go; it is empty before.
    pub target: String,
    /// Where the installer keeps what it fetched.
    pub cache: String,
}

/// A file that must lie in the target before a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// Its name.
    pub name: &'static str,
    /// Its content.
    pub content: Vec<u8>,
}

/// One run of an installer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The program.
    pub program: String,
    /// Its arguments; nothing in them is secret.
    pub arguments: Vec<String>,
    /// The folder it runs in.
    pub folder: String,
    /// What must lie there.
    pub inputs: Vec<InputFile>,
    /// The file that it writes, where that is its point: the lock.
    pub writes: Option<&'static str>,
}

/// How packages are installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Hosts that the installer may reach; no others.
    pub hosts: Vec<String>,
    /// Finds versions, and writes the lock. None where the project has a lock.
    pub resolve: Option<Step>,
}

impl Wanted {
    /// The plan: hosts, and the step that finds versions where there is no lock.
    pub fn plan(&self, installer: &Installer, indexes: &Indexes, places: &Places) -> Plan {
        Plan {
            hosts: match self.language {
                Language::Python => indexes.python_hosts(),
                Language::JavaScript => indexes.npm_hosts(),
            },
            resolve: self.lock.is_none().then(|| self.resolve(installer, indexes, places)),
        }
    }

    fn resolve(&self, installer: &Installer, indexes: &Indexes, places: &Places) -> Step {
        let (arguments, name, writes) = match self.language {
            Language::Python => {
                let own = ["pip", "compile", "--generate-hashes", "--no-header", "--no-annotate"];
                let files = ["--output-file", PYTHON_LOCK, PYTHON_MANIFEST];
                let arguments = [words(&own), uv(installer, indexes, places), words(&files)].concat();
                (arguments, PYTHON_MANIFEST, PYTHON_LOCK)
            }
            Language::JavaScript => {
                let own = ["install", "--package-lock-only"];
                ([words(&own), npm(indexes, places)].concat(), NPM_MANIFEST, NPM_LOCK)
            }
        };
        Step {
            program: installer.program.clone(),
            arguments: [installer.before.clone(), arguments].concat(),
            folder: places.target.clone(),
            inputs: vec![InputFile { name, content: self.manifest.clone() }],
            writes: Some(writes),
        }
    }

    /// The step that installs what a lock says: the project's own, or one that was resolved for it.
    pub fn install(&self, lock: &Lock, installer: &Installer, indexes: &Indexes, places: &Places) -> Step {
        let locked = |name| InputFile { name, content: lock.bytes.clone() };
        let (arguments, inputs) = match self.language {
            Language::Python => {
                let own = ["pip", "install", "--require-hashes", "--compile-bytecode", "--link-mode", "copy"];
                let files = ["--target", &places.target, "--requirements", PYTHON_LOCK];
                let arguments = [words(&own), uv(installer, indexes, places), words(&files)].concat();
                (arguments, vec![locked(PYTHON_LOCK)])
            }
            Language::JavaScript => {
                let own = ["ci", "--omit=dev", "--no-bin-links"];
                let manifest = InputFile { name: NPM_MANIFEST, content: self.manifest.clone() };
                ([words(&own), npm(indexes, places)].concat(), vec![manifest, locked(NPM_LOCK)])
            }
        };
        Step {
            program: installer.program.clone(),
            arguments: [installer.before.clone(), arguments].concat(),
            folder: places.target.clone(),
            inputs,
            writes: None,
        }
    }
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

/// What every run of uv is told. No configuration is looked for, no interpreter fetched.
fn uv(installer: &Installer, indexes: &Indexes, places: &Places) -> Vec<String> {
    let mut all = words(&[
        "--no-config",
        "--no-python-downloads",
        "--no-progress",
        "--color",
        "never",
        "--cache-dir",
        &places.cache,
        "--python",
        &installer.interpreter,
        "--index-url",
        indexes.python(),
    ]);
    if !indexes.build_from_source {
        // Building from source runs the code of packages.
        all.extend(words(&["--only-binary", ":all:"]));
    }
    all
}

/// What every run of npm is told. No configuration is read, and no script of a package runs.
fn npm(indexes: &Indexes, places: &Places) -> Vec<String> {
    words(&[
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        "--no-progress",
        "--no-color",
        "--logs-max",
        "0",
        // Milliseconds between attempts; usually they take more than the whole installation may.
        "--fetch-retry-mintimeout",
        "1000",
        "--fetch-retry-maxtimeout",
        "5000",
        // Files that are not there; npm refuses the same one twice.
        "--userconfig",
        "/dev/null/user",
        "--globalconfig",
        "/dev/null/global",
        "--cache",
        &places.cache,
        "--registry",
        indexes.npm(),
    ])
}
