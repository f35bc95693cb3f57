//! What a sandbox is asked for.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::runtime;
use crate::sandbox::JOBS_UID;

/// A language that scripts are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// CPython.
    Python,
    /// JavaScript on Node.js.
    JavaScript,
}

impl Language {
    /// The name as people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
        }
    }
}

/// A program of this machine that runs scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// What it runs.
    pub language: Language,
    /// The executable, without symbolic links on the way.
    pub path: PathBuf,
    /// What it says of itself, like `3.10.13`.
    pub version: String,
    /// What it needs to see, read-only and at the same place.
    pub binds: Vec<PathBuf>,
}

/// What a sandbox may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Thousandths of one processor.
    pub cpu_millis: u32,
    /// Memory, with files in /tmp and what the kernel caches for it, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads together.
    pub pids: u32,
    /// Files in /tmp, and again in /dev/shm, in bytes.
    pub tmp_bytes: u64,
    /// Open files of each process.
    pub open_files: u32,
    /// Files in the workspace, or of a command in its writable places together, in bytes; measured every few seconds.
    /// `None`: no limit besides the disk.
    pub workspace_bytes: Option<u64>,
}

impl Limits {
    /// For a short job of our own, like reading a version: one processor, 512 MB.
    #[must_use]
    pub fn of_a_short_job() -> Self {
        Self {
            cpu_millis: 1000,
            memory_bytes: 512 * 1024 * 1024,
            pids: 64,
            tmp_bytes: 64 * 1024 * 1024,
            open_files: 256,
            workspace_bytes: None,
        }
    }

    /// What programs are told about the number of processors.
    pub(crate) fn processors(&self) -> u32 {
        self.cpu_millis.div_ceil(1000).max(1)
    }
}

/// What of the network a sandbox reaches. Its own loopback is always there, and never the host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Egress {
    /// Nothing.
    None,
    /// These hosts, each a name, or `*.` and a domain.
    AllowList(Vec<String>),
    /// Every public address; private ranges, loopback and metadata services not.
    Public,
}

/// A replica: a worker that has loaded one project and answers calls.
#[derive(Clone)]
pub struct Spec {
    /// For logs and the cgroup: up to 40 of `[a-z0-9_]`.
    pub name: String,
    /// The unprivileged host user that the script is, in privileged mode; of one script alone.
    pub uid: u32,
    /// What runs it.
    pub interpreter: Interpreter,
    /// The directory with `main.py` or `main.js`; read-only at /app.
    pub project: PathBuf,
    /// Installed dependencies; read-only at /deps. For Python a directory of packages, for JavaScript one with `node_modules`.
    pub dependencies: Option<PathBuf>,
    /// Writable at /workspace, and `WORKSPACE_DIR`.
    pub workspace: PathBuf,
    /// Read-only at /uploads, and `UPLOADS_DIR`.
    pub uploads: PathBuf,
    /// Variables of the script.
    pub environment: Vec<(String, Zeroizing<String>)>,
    /// The only names that can be called.
    pub functions: Vec<String>,
    /// What it may use up.
    pub limits: Limits,
    /// What it may reach.
    pub egress: Egress,
    /// Calls at a time; 1 or more.
    pub concurrency: u16,
}

/// A place of the host inside a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// The host's directory or file; no symbolic link.
    pub from: PathBuf,
    /// The absolute place inside.
    pub to: PathBuf,
    /// Whether the sandbox may change it.
    pub writable: bool,
}

/// One program that runs to its end.
#[derive(Clone)]
pub struct Command {
    /// For logs and the cgroup: up to 40 of `[a-z0-9_]`.
    pub name: String,
    /// The unprivileged host user that it runs as, in privileged mode.
    pub uid: u32,
    /// The executable, as seen inside.
    pub program: PathBuf,
    /// Its arguments. Nothing secret: other processes of the sandbox can read them.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, Zeroizing<String>)>,
    /// Directories and files of the system that it needs, at the same place, read-only; symbolic links stay links.
    pub system: Vec<PathBuf>,
    /// Directories and files of ours.
    pub binds: Vec<Bind>,
    /// Texts that lie in the sandbox as files: (absolute path, contents).
    pub files: Vec<(PathBuf, String)>,
    /// Where it starts, as seen inside.
    pub directory: PathBuf,
    /// What it may use up.
    pub limits: Limits,
    /// What it may reach.
    pub egress: Egress,
    /// How long it may take.
    pub within: Duration,
}

impl Command {
    /// A short job of ours: it sees nothing of the host, reaches nothing, and what it says is all that comes of it.
    pub fn short(name: &str, program: impl Into<PathBuf>, arguments: Vec<String>, within: Duration) -> Self {
        Self {
            name: name.to_owned(),
            uid: JOBS_UID,
            program: program.into(),
            arguments,
            environment: runtime::environment(),
            system: Vec::new(),
            binds: Vec::new(),
            files: Vec::new(),
            directory: "/".into(),
            limits: Limits::of_a_short_job(),
            egress: Egress::None,
            within,
        }
    }
}

/// The variables by their names alone.
fn names(environment: &[(String, Zeroizing<String>)]) -> Vec<&str> {
    environment.iter().map(|(name, _)| name.as_str()).collect()
}

impl std::fmt::Debug for Spec {
    /// Shows no value of a variable.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Spec");
        shown.field("name", &self.name).field("uid", &self.uid).field("functions", &self.functions);
        shown.field("environment", &names(&self.environment)).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Command {
    /// Shows no value of a variable.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Command");
        shown.field("name", &self.name).field("program", &self.program).field("arguments", &self.arguments);
        shown.field("environment", &names(&self.environment)).finish_non_exhaustive()
    }
}
