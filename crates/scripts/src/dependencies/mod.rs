//! The packages that a project asks for: what stands in its files is judged, and how they are installed is planned.
//! Nothing is run here; `host/packages` does what is planned.
//!
//! Packages come from the index of the installation alone, each with its checksum, and run nothing while they are
//! installed: Python packages as wheels, those of npm without install scripts. What is judged is written down anew, so
//! that the installer reads what we understood and not something else.

mod indexes;
mod key;
mod npm;
mod npm_lock;
mod plan;
mod python;

use gatehouse_types::Error;

use crate::archive::{Finding, Manifests};
use crate::model::Language;

pub use indexes::{Indexes, NPM as NPM_REGISTRY, PYTHON as PYTHON_INDEX};
pub use key::Installer;
pub use plan::{InputFile, Places, Plan, Step};

/// The most packages that a project may name, and the most that a lock file may hold.
pub const MAX_PACKAGES: usize = 500;
/// The most packages of a lock file.
pub const MAX_LOCKED: usize = 5_000;

/// What a project asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    language: Language,
    /// The file that names packages, written anew.
    manifest: Vec<u8>,
    /// The project's own lock file, unless it has none.
    lock: Option<Lock>,
    /// What its maker should know.
    warnings: Vec<Finding>,
}

/// Packages with their exact versions and checksums, written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    language: Language,
    bytes: Vec<u8>,
    /// Packages whose install scripts are not run.
    scripts: Vec<String>,
}

/// Judges what a project asks for. `None`: nothing.
pub fn read(
    language: Language,
    manifests: &Manifests,
    indexes: &Indexes,
) -> Result<Option<Wanted>, Vec<Finding>> {
    match language {
        Language::Python => python::read(manifests),
        Language::JavaScript => npm::read(manifests, indexes),
    }
}

impl Wanted {
    /// What the packages are for.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// What the maker of the project should know.
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// The lock that came with the project.
    pub const fn lock(&self) -> Option<&Lock> {
        self.lock.as_ref()
    }
}

impl Lock {
    /// Judges a lock that was resolved here, or is kept of an earlier deployment.
    pub fn read(language: Language, bytes: &[u8], indexes: &Indexes) -> Result<Self, Vec<Finding>> {
        match language {
            Language::Python => python::lock(bytes),
            Language::JavaScript => npm_lock::read(bytes, indexes),
        }
    }

    /// As it is kept and handed to the installer.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Packages whose install scripts are not run; they may not work without.
    pub fn scripts(&self) -> &[String] {
        &self.scripts
    }
}

/// Findings as one refusal, each named by its file and line.
pub fn refusal(findings: &[Finding]) -> Option<Error> {
    let told = |f: &Finding| match &f.entry {
        Some(entry) => format!("{entry}: {}", f.message),
        None => f.message.to_string(),
    };
    Error::validations(findings.iter().map(|f| ("file".to_owned(), told(f))).collect())
}

#[cfg(test)]
mod tests;
