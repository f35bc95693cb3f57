//! Which functions a project offers: its main file is parsed in a sandbox by its own language, and not run.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::outcome::{Function, ListError};
use crate::runtime;
use crate::sandbox::{JOBS_UID, Sandbox};
use crate::spec::{Bind, Command, Interpreter, Language, Limits};

/// How long a parser may take.
const WITHIN: Duration = Duration::from_secs(20);

/// What the listing programs print.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Listed {
    Functions(Vec<Function>),
    Syntax { file: String, line: u32, message: String },
    NoMain(String),
}

pub(crate) async fn functions(
    sandbox: &Sandbox,
    interpreter: &Interpreter,
    project: &Path,
) -> Result<Vec<Function>, ListError> {
    let finished = sandbox.run(job(interpreter, project)).await.map_err(ListError::Sandbox)?;
    if finished.timed_out {
        return Err(ListError::Failed(format!("the main file was not parsed within {} s", WITHIN.as_secs())));
    }
    if finished.out_of_memory {
        return Err(ListError::Failed("the main file needs too much memory to be parsed".to_owned()));
    }
    match serde_json::from_slice(&finished.stdout) {
        Ok(Listed::Functions(functions)) => Ok(functions),
        Ok(Listed::Syntax { file, line, message }) => Err(ListError::Syntax { file, line, message }),
        Ok(Listed::NoMain(file)) => Err(ListError::NoMain(file)),
        Err(_) => {
            let told = String::from_utf8_lossy(&finished.stderr);
            Err(ListError::Failed(told.chars().take(2000).collect()))
        }
    }
}

fn job(interpreter: &Interpreter, project: &Path) -> Command {
    let memory = Limits::of_a_short_job().memory_bytes;
    let (arguments, files) = runtime::list_program(interpreter.language, memory);
    let name = match interpreter.language {
        Language::Python => "list_python",
        Language::JavaScript => "list_javascript",
    };
    Command {
        system: interpreter.binds.clone(),
        binds: vec![Bind { from: project.to_owned(), to: runtime::APP.into(), writable: false }],
        files,
        ..Command::short(name, interpreter.path.clone(), arguments, WITHIN)
    }
}

const _: () = assert!(JOBS_UID >= 65_536);
