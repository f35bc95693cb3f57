//! The programs that install packages: looked for when they are needed, their versions asked of themselves.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gatehouse_sandbox::{Command, Interpreter, Language, Sandbox};
use tokio::sync::OnceCell;

use super::run::{self, USER};
use crate::dependencies::Installer;
use crate::host::runtimes::on_path;

/// How long a program may take to tell its version.
const WITHIN: Duration = Duration::from_secs(20);
/// Where npm lies beside an interpreter that was not installed by the system.
const BESIDE_NODE: &str = "../lib/node_modules/npm/bin/npm-cli.js";

/// The installers that the operator names; `None`: the first one that is found.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    /// For packages of Python.
    pub uv: Option<PathBuf>,
    /// For packages of npm.
    pub npm: Option<PathBuf>,
}

/// A program that installs packages for one interpreter.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    name: &'static str,
    pub(super) installer: Installer,
    /// What it and the interpreter need to see.
    pub(super) system: Vec<PathBuf>,
}

impl Tool {
    pub(super) fn label(&self) -> String {
        format!("{} {}", self.name, self.installer.version)
    }

    /// What versions are found for: those that fit one release of an interpreter fit its corrections.
    pub(super) fn environment(&self, interpreter: &Interpreter) -> String {
        let release = interpreter.version.split('.').take(2).collect::<Vec<_>>().join(".");
        format!("{} {release} {}", interpreter.language.name(), self.installer.platform)
    }
}

/// The installers of this machine.
#[derive(Debug)]
pub(super) struct Tools {
    sandbox: Sandbox,
    programs: Programs,
    uv: OnceCell<Tool>,
    npm: OnceCell<Tool>,
}

impl Tools {
    pub(super) fn new(sandbox: Sandbox, programs: Programs) -> Self {
        Self { sandbox, programs, uv: OnceCell::new(), npm: OnceCell::new() }
    }

    /// What installs packages for an interpreter. One that was not found is looked for again the next time.
    ///
    /// # Errors
    /// What is missing, and what to do.
    pub(super) async fn of(&self, interpreter: &Interpreter) -> Result<Tool, String> {
        let found = match interpreter.language {
            Language::Python => self.uv.get_or_try_init(|| self.find_uv(interpreter)).await,
            Language::JavaScript => self.npm.get_or_try_init(|| self.find_npm(interpreter)).await,
        };
        found.cloned()
    }

    async fn find_uv(&self, interpreter: &Interpreter) -> Result<Tool, String> {
        let candidates = match &self.programs.uv {
            Some(path) => vec![path.clone()],
            None => on_path("uv"),
        };
        let mut why = None;
        for path in candidates {
            let real = path.canonicalize().unwrap_or(path);
            let tool = Tool {
                name: "uv",
                installer: installer(&real, Vec::new(), interpreter),
                system: [interpreter.binds.clone(), vec![real.clone()]].concat(),
            };
            match self.asked(tool).await {
                Ok(tool) => return Ok(tool),
                Err(told) => why = Some(told),
            }
        }
        Err(missing("uv", "GATEHOUSE_SCRIPT_UV", "install it (like pip install uv)", why))
    }

    async fn find_npm(&self, interpreter: &Interpreter) -> Result<Tool, String> {
        let candidates = match &self.programs.npm {
            Some(path) => vec![path.clone()],
            None => {
                let beside = interpreter.path.parent().map(|bin| bin.join(BESIDE_NODE));
                beside.into_iter().chain(on_path("npm")).filter(|path| path.is_file()).collect()
            }
        };
        let mut why = None;
        for path in candidates {
            let real = path.canonicalize().unwrap_or(path);
            // npm is a program for the interpreter; some installations put one before it that looks for both
            if real.extension().is_none_or(|ending| ending != "js") {
                why = Some(format!("{} is no npm-cli.js.", real.display()));
                continue;
            }
            let folder = real.parent().and_then(Path::parent).unwrap_or(&real).to_owned();
            let before = vec![real.display().to_string()];
            let tool = Tool {
                name: "npm",
                installer: installer(&interpreter.path, before, interpreter),
                // its own folder may lie in that of the interpreter
                system: [interpreter.binds.clone(), vec![interpreter.path.clone(), folder]].concat(),
            };
            match self.asked(tool).await {
                Ok(tool) => return Ok(tool),
                Err(told) => why = Some(told),
            }
        }
        Err(missing("npm", "GATEHOUSE_SCRIPT_NPM", "install it (it comes with Node.js)", why))
    }

    /// The program with its version; one that does not tell any is none.
    async fn asked(&self, tool: Tool) -> Result<Tool, String> {
        let arguments = [tool.installer.before.clone(), vec!["--version".to_owned()]].concat();
        let command = Command {
            uid: USER,
            environment: run::environment(None),
            system: tool.system.clone(),
            ..Command::short("packages_version", &tool.installer.program, arguments, WITHIN)
        };
        let finished = self.sandbox.run(command).await.map_err(|e| e.to_string())?;
        let told = String::from_utf8_lossy(&finished.stdout);
        let version = told.trim().strip_prefix("uv ").unwrap_or(told.trim());
        let version: String =
            version.chars().take_while(|c| c.is_ascii_alphanumeric() || ".+-".contains(*c)).collect();
        if !finished.succeeded() || !version.starts_with(|c: char| c.is_ascii_digit()) {
            let said: String = String::from_utf8_lossy(&finished.stderr).trim().chars().take(300).collect();
            return Err(format!("{} told no version: {said}", tool.name));
        }
        Ok(Tool { installer: Installer { version, ..tool.installer }, ..tool })
    }
}

fn installer(program: &Path, before: Vec<String>, interpreter: &Interpreter) -> Installer {
    Installer {
        program: program.display().to_string(),
        before,
        version: String::new(),
        interpreter: interpreter.path.display().to_string(),
        interpreter_version: interpreter.version.clone(),
        platform: platform(),
    }
}

/// System, processor and C library. Servers that share the folder of packages may differ in them.
fn platform() -> String {
    let arch = std::env::consts::ARCH;
    let is_musl = Path::new(&format!("/lib/ld-musl-{arch}.so.1")).exists();
    format!("linux-{arch}-{}", if is_musl { "musl" } else { "gnu" })
}

fn missing(name: &str, setting: &str, remedy: &str, why: Option<String>) -> String {
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    format!(
        "{name}, which installs packages, was not found on this server{why}: {remedy}, or name it in {setting}."
    )
}
