//! Which interpreters this machine has: looked for once, their versions asked of themselves and shown truthfully.

use std::path::{Path, PathBuf};

use gatehouse_sandbox::{Interpreter, Probe, Sandbox};
use tokio::sync::OnceCell;

use crate::model::Language;

/// The programs looked for, best first: nearest to the version that is offered.
const PYTHONS: [&str; 6] = ["python3.10", "python3.11", "python3.12", "python3.13", "python3.9", "python3"];
const NODES: [&str; 2] = ["node", "nodejs"];

/// What runs a language here.
#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    pub(crate) language: Language,
    /// The interpreter, or why there is none.
    pub(crate) found: Result<Interpreter, String>,
}

impl Runtime {
    /// Language and version as it really is, like `Python 3.10.15 (runs 3.11.2)`.
    pub(crate) fn label(&self) -> String {
        let offered = format!("{} {}", self.language.label(), self.language.version());
        match &self.found {
            Ok(i) if i.version == self.language.version() => offered,
            Ok(i) => format!("{offered} (runs {})", i.version),
            Err(_) => format!("{offered} (missing)"),
        }
    }
}

/// The interpreters and the sandbox of this machine.
#[derive(Debug)]
pub(crate) struct Runtimes {
    sandbox: Sandbox,
    python: Option<PathBuf>,
    node: Option<PathBuf>,
    pythons: OnceCell<Runtime>,
    nodes: OnceCell<Runtime>,
    probe: OnceCell<Probe>,
}

impl Runtimes {
    pub(crate) fn new(sandbox: Sandbox, python: Option<PathBuf>, node: Option<PathBuf>) -> Self {
        let (pythons, nodes, probe) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { sandbox, python, node, pythons, nodes, probe }
    }

    /// Whether and how scripts are isolated here.
    pub(crate) async fn probe(&self) -> &Probe {
        self.probe.get_or_init(|| self.sandbox.probe()).await
    }

    /// What runs a language.
    pub(crate) async fn of(&self, language: Language) -> &Runtime {
        let (cell, given, names): (_, _, &[&str]) = match language {
            Language::Python => (&self.pythons, &self.python, &PYTHONS),
            Language::JavaScript => (&self.nodes, &self.node, &NODES),
        };
        cell.get_or_init(|| async {
            let found = match given {
                Some(path) => self.identified(language, path).await,
                None => self.first_of(language, names).await,
            };
            Runtime { language, found }
        })
        .await
    }

    async fn first_of(&self, language: Language, names: &[&str]) -> Result<Interpreter, String> {
        let mut last = None;
        for name in names {
            for path in on_path(name) {
                match self.identified(language, &path).await {
                    Ok(found) => return Ok(found),
                    // some are scripts that choose a program; the next one may be a program
                    Err(why) => last = Some(why),
                }
            }
        }
        Err(last.unwrap_or_else(|| {
            format!(
                "No interpreter for {} was found on this machine; install one, or name it in the settings.",
                language.label()
            )
        }))
    }

    async fn identified(&self, language: Language, path: &Path) -> Result<Interpreter, String> {
        let found = self.sandbox.identify(sandboxed(language), path).await;
        found.map_err(|e| format!("{} cannot be used: {e}", path.display()))
    }
}

/// The language as the sandbox calls it.
pub(crate) const fn sandboxed(language: Language) -> gatehouse_sandbox::Language {
    match language {
        Language::Python => gatehouse_sandbox::Language::Python,
        Language::JavaScript => gatehouse_sandbox::Language::JavaScript,
    }
}

/// The files of a program's name in the search path, in its order.
pub(super) fn on_path(name: &str) -> Vec<PathBuf> {
    let Some(path) = std::env::var_os("PATH") else { return Vec::new() };
    let files = std::env::split_paths(&path).map(|dir| dir.join(name)).filter(|file| file.is_file());
    files.filter_map(|file| std::fs::canonicalize(file).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_says_what_really_runs() {
        let runtime = |version: Option<&str>| Runtime {
            language: Language::Python,
            found: version.map_or(Err("none".to_owned()), |version| {
                let (path, binds) = (PathBuf::from("/usr/bin/python3"), Vec::new());
                Ok(Interpreter {
                    language: gatehouse_sandbox::Language::Python,
                    path,
                    version: version.to_owned(),
                    binds,
                })
            }),
        };
        assert_eq!(runtime(Some("3.10.15")).label(), "Python 3.10.15");
        assert_eq!(runtime(Some("3.11.2")).label(), "Python 3.10.15 (runs 3.11.2)");
        assert_eq!(runtime(None).label(), "Python 3.10.15 (missing)");
    }
}
