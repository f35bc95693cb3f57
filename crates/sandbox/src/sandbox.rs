//! The face of the engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{OnceCell, mpsc};

use crate::cgroup::{Group, Place};
use crate::egress::{Decision, Dial, Rules};
use crate::orders::{BindOrder, Identity, Orders};
use crate::outcome::{Finished, Function, LaunchError, ListError};
use crate::probe::{Mode, Probe};
use crate::replica::{self, Replica};
use crate::spec::{Bind, Command, Egress, Interpreter, Language, Limits, Spec};
use crate::{identify, listing, process, runtime, world};

/// The largest file that a script may write, in bytes.
const FILE_MAX: u64 = 1024 * 1024 * 1024;
/// The user that short jobs of our own run as in privileged mode; no script is given it.
pub const JOBS_UID: u32 = 699_999;
/// Decisions about ways out that wait to be logged.
const DECISIONS_WAITING: usize = 256;
/// User ids that are of real users or of nobody in particular are refused.
const UID_MIN: u32 = 65_536;

/// Where and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The executable that has `__sandbox-init` as its hidden subcommand.
    pub program: PathBuf,
    /// A directory of ours for roots of sandboxes; kept empty, mode 0700.
    pub scratch: PathBuf,
}

/// A sandbox on its way.
pub(crate) struct Started {
    pub process: process::Process,
    pub group: Group,
    pub decisions: mpsc::Receiver<Decision>,
}

/// Runs strangers' code; cheap to clone.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sandbox").field(&self.0.mode).finish()
    }
}

struct Inner {
    settings: Settings,
    mode: Mode,
    dial: Option<Arc<dyn Dial>>,
    place: OnceCell<Place>,
}

impl Sandbox {
    /// Does nothing yet; [`Sandbox::probe`] tells whether this machine has what it takes.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Inner { settings, mode: Mode::of_this_process(), dial: None, place: OnceCell::new() }))
    }

    /// The same with a way out: without one, only [`Egress::None`] is possible.
    #[must_use]
    pub fn with_dial(settings: Settings, dial: Arc<dyn Dial>) -> Self {
        let mode = Mode::of_this_process();
        Self(Arc::new(Inner { settings, mode, dial: Some(dial), place: OnceCell::new() }))
    }

    /// Whether sandboxes can be given a network.
    #[must_use]
    pub fn has_dial(&self) -> bool {
        self.0.dial.is_some()
    }

    /// Which kind of isolation this process can build.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// Builds a sandbox with every protection, looks at it from inside, and says what is missing.
    pub async fn probe(&self) -> Probe {
        crate::probe::probe(self).await
    }

    /// Ends and removes what a predecessor left behind that was killed; answers how many groups there were.
    pub async fn sweep(&self) -> usize {
        let Ok(place) = self.place().await.cloned() else { return 0 };
        tokio::task::spawn_blocking(move || place.sweep()).await.unwrap_or(0)
    }

    /// Starts a replica; comes back when its worker has loaded the project.
    ///
    /// # Errors
    /// When the isolation cannot be built (nothing was run then), or the project cannot be loaded.
    pub async fn launch(&self, spec: Spec) -> Result<Replica, LaunchError> {
        let job = runtime::job_of(&spec)?;
        self.give_workspace(&spec).await?;
        let started = self.start(job, true).await?;
        replica::launch(&spec, started).await
    }

    /// Runs one program to its end.
    ///
    /// # Errors
    /// When the isolation cannot be built; how the program itself ended is in [`Finished`].
    pub async fn run(&self, command: Command) -> Result<Finished, LaunchError> {
        let bounds = crate::command::Bounds::of(&command);
        let started = self.start(command, false).await?;
        crate::command::see_through(started, bounds).await
    }

    /// The functions of a project, read without running it.
    ///
    /// # Errors
    /// When the file has a wrong syntax, with the line, or cannot be read.
    pub async fn functions(
        &self,
        interpreter: &Interpreter,
        project: &Path,
    ) -> Result<Vec<Function>, ListError> {
        listing::functions(self, interpreter, project).await
    }

    /// Asks an interpreter for its version, inside a sandbox, and finds what it needs to see.
    ///
    /// # Errors
    /// When there is no such interpreter, or it cannot be run.
    pub async fn identify(&self, language: Language, path: &Path) -> Result<Interpreter, LaunchError> {
        identify::identify(self, language, path).await
    }

    pub(crate) async fn place(&self) -> Result<&Place, LaunchError> {
        let found = self.0.place.get_or_try_init(|| async {
            Place::find().map_err(|message| LaunchError::Isolation { step: "cgroup".to_owned(), message })
        });
        found.await
    }

    async fn group(&self, name: &str, limits: &Limits) -> Result<Group, LaunchError> {
        let made = self.place().await?.create(name, limits);
        made.map_err(|message| LaunchError::Isolation { step: "cgroup".to_owned(), message })
    }

    async fn start(&self, command: Command, worker: bool) -> Result<Started, LaunchError> {
        check(&command)?;
        let (rules, decisions) = self.rules(&command.egress)?;
        let settings = &self.0.settings;
        prepare_scratch(&settings.scratch).map_err(|error| LaunchError::Isolation {
            step: "scratch".to_owned(),
            message: format!("{}: {error}", settings.scratch.display()),
        })?;
        let group = self.group(&command.name, &command.limits).await?;
        let orders = self.orders(command, &group);
        let process = process::start(&settings.program, orders, group.clone(), worker, rules).await?;
        Ok(Started { process, group, decisions })
    }

    fn rules(&self, egress: &Egress) -> Result<(Option<Rules>, mpsc::Receiver<Decision>), LaunchError> {
        let (decisions, decided) = mpsc::channel(DECISIONS_WAITING);
        let rules = match (egress, &self.0.dial) {
            (Egress::None, _) => None,
            (_, Some(dial)) => Some(Rules { egress: egress.clone(), dial: dial.clone(), decisions }),
            (_, None) => {
                let message = "this sandbox has no way out to give to a script";
                return Err(LaunchError::BadRequest(message.to_owned()));
            }
        };
        Ok((rules, decided))
    }

    fn orders(&self, command: Command, group: &Group) -> Orders {
        let identity = match self.0.mode {
            Mode::Privileged => Identity::Host(command.uid),
            Mode::Rootless => Identity::Namespace,
        };
        let (mut binds, mut links) = world::system(&command.system);
        links.extend(runtime::links(&command.binds));
        binds.extend(command.binds.into_iter().map(|Bind { from, to, writable }| BindOrder {
            from,
            to,
            writable,
            strict: true,
        }));
        let network = command.egress != Egress::None;
        let mut files = world::files(identity, network);
        files.extend(command.files);
        let limits = command.limits;
        Orders {
            cgroups: group.doors(),
            identity,
            root: self.0.settings.scratch.clone(),
            binds,
            links,
            files,
            tmp_bytes: limits.tmp_bytes,
            processors: limits.processors(),
            memory_bytes: limits.memory_bytes,
            open_files: limits.open_files,
            file_bytes: FILE_MAX,
            program: command.program,
            arguments: command.arguments,
            environment: command
                .environment
                .into_iter()
                .map(|(name, value)| (name, value.to_string()))
                .collect(),
            directory: command.directory,
            tunnel: network,
        }
    }

    /// In privileged mode the workspace itself belongs to the script's user.
    async fn give_workspace(&self, spec: &Spec) -> Result<(), LaunchError> {
        if self.0.mode == Mode::Rootless {
            return Ok(());
        }
        let given = std::os::unix::fs::lchown(&spec.workspace, Some(spec.uid), Some(spec.uid));
        given.map_err(|error| LaunchError::Isolation {
            step: "workspace".to_owned(),
            message: format!("{}: {error}", spec.workspace.display()),
        })
    }
}

fn prepare_scratch(scratch: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(scratch)
}

fn check(command: &Command) -> Result<(), LaunchError> {
    let refuse = |message: &str| Err(LaunchError::BadRequest(message.to_owned()));
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if command.name.is_empty() || command.name.len() > 40 || !command.name.bytes().all(plain) {
        return refuse("the name of a sandbox has 1 to 40 characters of a-z, 0-9 and _");
    }
    if command.uid < UID_MIN {
        return refuse("a sandbox runs as a user of its own, 65536 or above");
    }
    let limits = &command.limits;
    if limits.cpu_millis == 0 || limits.memory_bytes == 0 || limits.pids < 2 || limits.open_files < 32 {
        return refuse("a limit of the sandbox is too low to start anything");
    }
    for (name, value) in &command.environment {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return refuse("a name or value of an environment variable holds a character that it must not");
        }
    }
    Ok(())
}
