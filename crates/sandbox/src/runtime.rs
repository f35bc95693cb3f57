//! The workers, and the world that a replica is given.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::outcome::LaunchError;
use crate::spec::{Bind, Command, Language, Spec};

/// Where the project lies.
pub(crate) const APP: &str = "/app";
/// Where its dependencies lie.
const DEPS: &str = "/deps";
/// Where our own programs lie.
const RUNTIME: &str = "/runtime";
/// Where the script may keep files.
const WORKSPACE: &str = "/workspace";
/// Where it finds uploaded files.
const UPLOADS: &str = "/uploads";

const PYTHON_WORKER: &str = include_str!("../runtime/python/worker.py");
const PYTHON_LIST: &str = include_str!("../runtime/python/list.py");
const NODE_WORKER: &str = include_str!("../runtime/node/worker.js");
const NODE_LIST: &str = include_str!("../runtime/node/list.js");
const ACORN: &str = include_str!("../runtime/node/acorn.js");

/// Variables that every sandbox has; a script cannot change what they mean for its interpreter.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Of the memory limit, what V8 may use for its old objects, in hundredths.
const HEAP_PERCENT: u64 = 70;

fn placed(name: &str, text: &str) -> (PathBuf, String) {
    (Path::new(RUNTIME).join(name), text.to_owned())
}

/// The files of /runtime.
fn files(language: Language) -> Vec<(PathBuf, String)> {
    match language {
        Language::Python => vec![placed("worker.py", PYTHON_WORKER), placed("list.py", PYTHON_LIST)],
        Language::JavaScript => {
            vec![placed("worker.js", NODE_WORKER), placed("list.js", NODE_LIST), placed("acorn.js", ACORN)]
        }
    }
}

/// The variables that are always there, unless the script's own settings say otherwise.
pub(crate) fn environment() -> Vec<(String, Zeroizing<String>)> {
    let fixed = [
        ("PATH", PATH),
        ("HOME", "/tmp"),
        ("TMPDIR", "/tmp"),
        ("LANG", "C.UTF-8"),
        ("TZ", "UTC"),
        ("WORKSPACE_DIR", WORKSPACE),
        ("UPLOADS_DIR", UPLOADS),
    ];
    fixed.map(|(name, value)| (name.to_owned(), Zeroizing::new(value.to_owned()))).into()
}

/// The worker of a replica as a program to run.
pub(crate) fn job_of(spec: &Spec) -> Result<Command, LaunchError> {
    if spec.concurrency == 0 {
        return Err(LaunchError::BadRequest("a replica takes one call at a time at least".to_owned()));
    }
    let bind = |from: &Path, to: &str, writable| Bind { from: from.to_owned(), to: to.into(), writable };
    let mut binds = vec![
        bind(&spec.project, APP, false),
        bind(&spec.workspace, WORKSPACE, true),
        bind(&spec.uploads, UPLOADS, false),
    ];
    binds.extend(spec.dependencies.as_deref().map(|dependencies| bind(dependencies, DEPS, false)));
    let mut environment = environment();
    for (name, value) in &spec.environment {
        environment.retain(|(other, _)| other != name);
        environment.push((name.clone(), value.clone()));
    }
    Ok(Command {
        name: spec.name.clone(),
        uid: spec.uid,
        program: spec.interpreter.path.clone(),
        arguments: arguments(spec.interpreter.language, spec.limits.memory_bytes, "worker"),
        environment,
        system: spec.interpreter.binds.clone(),
        binds,
        files: files(spec.interpreter.language),
        directory: APP.into(),
        limits: spec.limits,
        egress: spec.egress.clone(),
        within: crate::READY_WITHIN,
    })
}

/// Node looks for packages in each directory above the one that asks, and for modules nowhere else.
pub(crate) fn links(binds: &[Bind]) -> Option<(PathBuf, PathBuf)> {
    let dependencies = binds.iter().find(|bind| bind.to == Path::new(DEPS))?;
    let packages = dependencies.from.join("node_modules");
    packages.is_dir().then(|| ("/node_modules".into(), Path::new(DEPS).join("node_modules")))
}

/// The command line of one of our programs.
fn arguments(language: Language, memory_bytes: u64, program: &str) -> Vec<String> {
    match language {
        // Isolated: no variable and no directory of the user changes what is imported; no .pyc is tried to be written.
        Language::Python => ["-I", "-B", "-u", &format!("{RUNTIME}/{program}.py")].map(str::to_owned).into(),
        Language::JavaScript => {
            let heap = (memory_bytes / (1024 * 1024) * HEAP_PERCENT / 100).max(16);
            vec![format!("--max-old-space-size={heap}"), format!("{RUNTIME}/{program}.js")]
        }
    }
}

/// The program that lists functions, without what it reads.
pub(crate) fn list_program(language: Language, memory_bytes: u64) -> (Vec<String>, Vec<(PathBuf, String)>) {
    (arguments(language, memory_bytes, "list"), files(language))
}
