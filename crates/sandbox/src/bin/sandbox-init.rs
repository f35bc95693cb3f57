//! The engine alone, for trying it out and for the tests of this crate:
//!
//! `sandbox-init run <python|javascript> <interpreter> <project> <function> [arguments as JSON]` launches a project whose
//! workspace and uploads are the directories `workspace` and `uploads` beside it, and calls one function.
//! `sandbox-init probe` says what this machine lacks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gatehouse_sandbox::{Egress, INIT_SUBCOMMAND, Language, Limits, Sandbox, Settings, Spec};
use serde_json::value::RawValue;

/// How long a call may take.
const WITHIN: Duration = Duration::from_secs(600);

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == INIT_SUBCOMMAND) {
        gatehouse_sandbox::init_main()
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let told = match arguments.as_slice() {
        ["probe"] => format!("{:#?}", runtime.block_on(sandbox()?.probe())),
        ["run", language, interpreter, project, function] => {
            runtime.block_on(run(language, interpreter, project, function, "{}"))?
        }
        ["run", language, interpreter, project, function, given] => {
            runtime.block_on(run(language, interpreter, project, function, given))?
        }
        _ => return Err("probe | run <language> <interpreter> <project> <function> [arguments]".into()),
    };
    use std::io::Write;
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}

fn sandbox() -> Result<Sandbox, Failure> {
    let scratch = std::env::temp_dir().join(format!("sandbox-init-{}", std::process::id()));
    Ok(Sandbox::new(Settings { program: std::env::current_exe()?, scratch }))
}

async fn run(
    language: &str,
    interpreter: &str,
    project: &str,
    function: &str,
    given: &str,
) -> Result<String, Failure> {
    let language = match language {
        "python" => Language::Python,
        "javascript" => Language::JavaScript,
        other => return Err(format!("{other} is neither python nor javascript").into()),
    };
    let sandbox = sandbox()?;
    let interpreter = sandbox.identify(language, Path::new(interpreter)).await?;
    let project = PathBuf::from(project).canonicalize()?;
    let beside = project.parent().unwrap_or(&project);
    let spec = Spec {
        name: "try".to_owned(),
        uid: 700_000,
        interpreter,
        dependencies: None,
        workspace: beside.join("workspace"),
        uploads: beside.join("uploads"),
        project,
        environment: Vec::new(),
        functions: vec![function.to_owned()],
        limits: Limits { pids: 128, ..Limits::of_a_short_job() },
        egress: Egress::None,
        concurrency: 1,
    };
    let replica = sandbox.launch(spec).await?;
    let outcome = replica.call(function, RawValue::from_string(given.to_owned())?, WITHIN).await;
    replica.stop().await;
    match outcome {
        Ok(outcome) => Ok(outcome.result.get().to_owned()),
        Err(failure) => Err(failure.error.to_string().into()),
    }
}
