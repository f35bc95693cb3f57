//! What the supervisor tells the init process: one frame over the inherited socket, never in arguments or environment.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The most that one message of orders may take, in bytes.
pub(crate) const ORDERS_MAX: usize = 16 * 1024 * 1024;

/// The name of the hidden subcommand.
pub const SUBCOMMAND: &str = "__sandbox-init";

/// Everything the init process needs to know.
#[derive(Serialize, Deserialize)]
pub(crate) struct Orders {
    /// The `cgroup.procs` files to write ourselves into, before anything else.
    pub cgroups: Vec<PathBuf>,
    pub identity: Identity,
    /// An existing directory where the new root is mounted; seen by nobody else.
    pub root: PathBuf,
    pub binds: Vec<BindOrder>,
    /// Symbolic links of the new root: (path, what it says).
    pub links: Vec<(PathBuf, PathBuf)>,
    /// Files of the new root, read-only for the script: (path, contents).
    pub files: Vec<(PathBuf, String)>,
    pub tmp_bytes: u64,
    /// What the synthetic /proc tells.
    pub processors: u32,
    pub memory_bytes: u64,
    pub open_files: u32,
    pub file_bytes: u64,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub directory: PathBuf,
    /// The sandbox gets a network; our end of it is handed up.
    pub tunnel: bool,
}

/// Who the script is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Identity {
    /// This unprivileged user id of the host; needs a privileged supervisor.
    Host(u32),
    /// The supervisor's own id, inside a user namespace.
    Namespace,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct BindOrder {
    pub from: PathBuf,
    pub to: PathBuf,
    pub writable: bool,
    /// Ours, and so never a symbolic link.
    pub strict: bool,
}

/// What the init process tells back, one frame each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    /// A step of the isolation failed; nothing of the script ran.
    Failed { step: String, message: String },
    /// The program is about to be executed. Comes with our end of the network, if one was ordered.
    Starting {},
    /// The program ended.
    Exited { code: Option<i32>, signal: Option<i32> },
}
