//! What the tests have in common: a sandbox, projects of a few lines, and calls.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use gatehouse_sandbox::{
    CallError, CallFailure, Command, Egress, Interpreter, Language, LaunchError, Limits, Mode, Outcome,
    Replica, Sandbox, Settings, Spec,
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// Python that tells what an expression or a system call does: `done`, or the name of the error.
pub(crate) const ATTEMPT: &str = "
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def attempt(what):
    try:
        what()
    except OSError as error:
        return errno.errorcode[error.errno]
    return 'done'
def call(number, *arguments):
    ctypes.set_errno(0)
    long = [ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *long)
    return 'done' if result >= 0 else errno.errorcode[ctypes.get_errno()]
";

/// Longer than anything here should take.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) fn program() -> PathBuf {
    // Another place, when the suite runs as a user that cannot reach this one.
    std::env::var_os("GATEHOUSE_TEST_PROGRAM")
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_sandbox-init").into())
        .into()
}

pub(crate) fn sandbox() -> Sandbox {
    let scratch = std::env::temp_dir().join(format!("gatehouse-sandbox-tests-{}", std::process::id()));
    Sandbox::new(Settings { program: program(), scratch })
}

/// The user that files of a script belong to on the host.
pub(crate) fn mode_uid(project: &Project) -> u32 {
    match sandbox().mode() {
        Mode::Privileged => project.uid,
        Mode::Rootless => nix::unistd::geteuid().as_raw(),
    }
}

/// A program that runs to its end.
pub(crate) fn short_job(program: &str, arguments: &[&str]) -> Command {
    Command {
        name: "command".to_owned(),
        uid: 700_500,
        program: program.into(),
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        environment: Vec::new(),
        system: Vec::new(),
        binds: Vec::new(),
        files: Vec::new(),
        directory: "/".into(),
        limits: Limits::of_a_short_job(),
        egress: Egress::None,
        within: Duration::from_secs(10),
    }
}

/// The interpreters of this machine. A missing one fails the test that needs it.
pub(crate) async fn interpreter(sandbox: &Sandbox, language: Language) -> Interpreter {
    static PYTHON: OnceCell<Interpreter> = OnceCell::const_new();
    static NODE: OnceCell<Interpreter> = OnceCell::const_new();
    let (cell, names, variable) = match language {
        Language::Python => {
            (&PYTHON, ["/usr/bin/python3", "/usr/local/bin/python3"], "GATEHOUSE_TEST_PYTHON")
        }
        Language::JavaScript => (&NODE, ["/usr/bin/node", "/usr/local/bin/node"], "GATEHOUSE_TEST_NODE"),
    };
    let found = cell.get_or_init(|| async {
        let named = std::env::var(variable).ok();
        let path = named.as_deref().or_else(|| names.into_iter().find(|name| Path::new(name).exists()));
        let path = path.unwrap_or_else(|| {
            panic!("no {} at {names:?}: install it, or name it in {variable}", language.name())
        });
        match sandbox.identify(language, Path::new(path)).await {
            Ok(interpreter) => interpreter,
            Err(error) => {
                panic!("{path} cannot be used: {error}; the probe says {:#?}", sandbox.probe().await)
            }
        }
    });
    found.await.clone()
}

/// A project, its workspace and its uploads.
pub(crate) struct Project {
    pub folder: tempfile::TempDir,
    pub name: String,
    pub language: Language,
    pub limits: Limits,
    pub concurrency: u16,
    pub environment: Vec<(String, String)>,
    pub egress: Egress,
    pub uid: u32,
    pub dependencies: Option<PathBuf>,
}

static NEXT_UID: AtomicU32 = AtomicU32::new(700_001);

pub(crate) fn python(main: &str) -> Project {
    Project::new(Language::Python, "main.py", main)
}

pub(crate) fn node(main: &str) -> Project {
    Project::new(Language::JavaScript, "main.js", main)
}

impl Project {
    fn new(language: Language, file: &str, main: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["app", "workspace", "uploads"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let project = Self {
            folder,
            name: "test".to_owned(),
            language,
            limits: Limits {
                cpu_millis: 1000,
                memory_bytes: 256 * 1024 * 1024,
                pids: 64,
                tmp_bytes: 32 * 1024 * 1024,
                open_files: 256,
                workspace_bytes: None,
            },
            concurrency: 4,
            environment: Vec::new(),
            egress: Egress::None,
            uid: NEXT_UID.fetch_add(1, Ordering::Relaxed),
            dependencies: None,
        };
        project.with(file, main)
    }

    pub(crate) fn with(self, file: &str, text: &str) -> Self {
        let path = self.app().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn app(&self) -> PathBuf {
        self.folder.path().join("app")
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.folder.path().join("uploads")
    }

    pub(crate) async fn spec(&self, sandbox: &Sandbox, functions: &[&str]) -> Spec {
        Spec {
            name: self.name.clone(),
            uid: self.uid,
            interpreter: interpreter(sandbox, self.language).await,
            project: self.app(),
            dependencies: self.dependencies.clone(),
            workspace: self.workspace(),
            uploads: self.uploads(),
            environment: self
                .environment
                .iter()
                .map(|(name, value)| (name.clone(), value.clone().into()))
                .collect(),
            functions: functions.iter().map(|name| (*name).to_owned()).collect(),
            limits: self.limits,
            egress: self.egress.clone(),
            concurrency: self.concurrency,
        }
    }

    pub(crate) async fn try_launch(&self, functions: &[&str]) -> Result<Replica, LaunchError> {
        let sandbox = sandbox();
        sandbox.launch(self.spec(&sandbox, functions).await).await
    }

    pub(crate) async fn launch(&self, functions: &[&str]) -> Replica {
        match self.try_launch(functions).await {
            Ok(replica) => replica,
            Err(error) => panic!("{error:#?}"),
        }
    }

    /// What `main()` answers.
    pub(crate) async fn answer(&self) -> Value {
        let replica = self.launch(&["main"]).await;
        let answer =
            value(&call(&replica, "main", json!({})).await.unwrap_or_else(|failure| panic!("{failure:#?}")));
        replica.stop().await;
        answer
    }
}

pub(crate) async fn call(
    replica: &Replica,
    function: &str,
    arguments: Value,
) -> Result<Outcome, CallFailure> {
    call_within(replica, function, arguments, LONG).await
}

pub(crate) async fn call_within(
    replica: &Replica,
    function: &str,
    arguments: Value,
    within: Duration,
) -> Result<Outcome, CallFailure> {
    replica.call(function, serde_json::value::to_raw_value(&arguments).unwrap(), within).await
}

pub(crate) async fn error(replica: &Replica, function: &str, arguments: Value) -> CallError {
    call(replica, function, arguments).await.expect_err("the call must fail").error
}

pub(crate) fn value(outcome: &Outcome) -> Value {
    serde_json::from_str(outcome.result.get()).unwrap()
}
