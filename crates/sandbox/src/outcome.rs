//! What comes out of a sandbox.

use std::time::Duration;

use serde_json::value::RawValue;

/// How loud a line of a script's log is, or where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Written to the standard output.
    Stdout,
    /// Written to the standard error.
    Stderr,
    /// For developers.
    Debug,
    /// For information.
    Info,
    /// Something looks wrong.
    Warning,
    /// Something is wrong.
    Error,
}

impl Level {
    /// The name as the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One piece of what a script wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The call that wrote it, where that is known.
    pub call: Option<u64>,
    /// How loud, or where.
    pub level: Level,
    /// The text, without the end of line.
    pub text: String,
    /// When, counted from the launch of the replica.
    pub at_offset: Duration,
}

/// What a function answered.
#[derive(Debug)]
pub struct Outcome {
    /// The number under which the log knows this call.
    pub call: u64,
    /// The function's result.
    pub result: Box<RawValue>,
    /// What it wrote: the first 64 KB, the last 64 KB, and how much was between.
    pub logs: Vec<LogLine>,
    /// From the call to the answer.
    pub duration: Duration,
}

/// Why a call has no result, with what it wrote until then.
#[derive(Debug)]
pub struct CallFailure {
    /// The number under which the log knows this call, if it was begun.
    pub call: Option<u64>,
    /// Why.
    pub error: CallError,
    /// What it wrote.
    pub logs: Vec<LogLine>,
    /// From the call to the failure.
    pub duration: Duration,
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No such function.
    #[error("there is no function of this name; there are: {}", .available.join(", "))]
    NotFound {
        /// The names that can be called.
        available: Vec<String>,
    },
    /// The arguments do not fit the function.
    #[error("{message}")]
    BadArguments {
        /// What does not fit.
        message: String,
    },
    /// The arguments are too large to hand over.
    #[error("the arguments take {bytes} bytes; {} are allowed", crate::FRAME_MAX)]
    ArgumentsTooLarge {
        /// How large they are.
        bytes: usize,
    },
    /// The function itself failed.
    #[error("{kind}: {message}")]
    Script {
        /// The type of the exception.
        kind: String,
        /// Its text.
        message: String,
        /// Where it came from; paths as seen inside.
        traceback: String,
    },
    /// The function answered something that JSON cannot say.
    #[error("the result is no JSON: {found} at {path}")]
    ResultNotJson {
        /// What was found, like `generator`.
        found: String,
        /// Where in the result, like `$.rows[3]`.
        path: String,
    },
    /// The function answered more than can be handed over.
    #[error("the result takes {bytes} bytes; {} are allowed", crate::FRAME_MAX)]
    ResultTooLarge {
        /// How large it is.
        bytes: u64,
    },
    /// The time was over; the replica has ended.
    #[error("the function took longer than allowed")]
    Timeout,
    /// The memory was used up; the replica has ended.
    #[error("the script ran out of memory: {limit} bytes are allowed, {peak} were used")]
    OutOfMemory {
        /// What is allowed, in bytes.
        limit: u64,
        /// The most that was used, in bytes.
        peak: u64,
    },
    /// As many calls as allowed are under way.
    #[error("the replica is busy")]
    Busy,
    /// The replica has ended, or takes no new calls because it is about to.
    #[error("the replica has ended: {0}")]
    Ended(Ended),
    /// The worker broke the rules of the conversation; the replica has ended.
    #[error("the worker broke the protocol: {0}")]
    Protocol(String),
}

/// Why a replica is no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// It was stopped.
    #[error("it was stopped")]
    Stopped,
    /// A call took longer than allowed.
    #[error("a call took longer than allowed")]
    TimedOut,
    /// The memory was used up.
    #[error("it ran out of memory: {limit} bytes are allowed, {peak} were used")]
    OutOfMemory {
        /// What is allowed, in bytes.
        limit: u64,
        /// The most that was used, in bytes.
        peak: u64,
    },
    /// The workspace holds more than allowed.
    #[error("its workspace holds {used} bytes; {limit} are allowed")]
    WorkspaceFull {
        /// What is allowed, in bytes.
        limit: u64,
        /// What is there, in bytes.
        used: u64,
    },
    /// The worker ended by itself.
    #[error("it ended with {status}{}", last_lines(.stderr))]
    Crashed {
        /// How, like `exit status 1` or `signal 11`.
        status: String,
        /// The last lines that it wrote to its standard error.
        stderr: Vec<String>,
    },
    /// The worker broke the rules of the conversation.
    #[error("it broke the protocol: {0}")]
    Protocol(String),
}

fn last_lines(lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { format!(": {}", lines.join("\n")) }
}

/// Why a replica or a command could not be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// The request itself is wrong.
    #[error("{0}")]
    BadRequest(String),
    /// The machine does not provide what the isolation needs. Nothing was run.
    #[error("the sandbox cannot be built: {step}: {message}")]
    Isolation {
        /// The step that failed.
        step: String,
        /// How.
        message: String,
    },
    /// The project could not be loaded.
    #[error("{kind}: {message}")]
    Load {
        /// The type of the exception.
        kind: String,
        /// Its text.
        message: String,
        /// Where it came from; paths as seen inside.
        traceback: String,
        /// The last lines of its standard error.
        stderr: Vec<String>,
    },
    /// It ended before it was ready.
    #[error("the worker did not get ready: {0}")]
    Ended(Ended),
    /// It was not ready in time.
    #[error("the worker was not ready within {} s", .0.as_secs())]
    NotReady(Duration),
}

/// Why the functions of a project cannot be listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The file cannot be parsed.
    #[error("line {line}: {message}")]
    Syntax {
        /// The file, like `main.py`.
        file: String,
        /// Counted from 1.
        line: u32,
        /// What the parser says.
        message: String,
    },
    /// There is no file to read.
    #[error("there is no {0} at the root of the project")]
    NoMain(String),
    /// The parser could not be run.
    #[error("the file could not be read: {0}")]
    Sandbox(LaunchError),
    /// The parser did not answer as it should.
    #[error("the parser failed: {0}")]
    Failed(String),
}

/// A function that a project offers.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The names of its parameters, in their order.
    pub parameters: Vec<String>,
    /// Whether it is written as an asynchronous function.
    pub asynchronous: bool,
    /// Where it stands, counted from 1.
    pub line: u32,
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its exit status, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The time was over, and it was ended.
    pub timed_out: bool,
    /// The memory was used up.
    pub out_of_memory: bool,
    /// Its writable places held more than they may: so many bytes. It was ended, if it had not ended by itself.
    pub disk_full: Option<u64>,
    /// What it wrote, at most [`crate::OUTPUT_MAX`] bytes of it.
    pub stdout: Vec<u8>,
    /// The same of its standard error.
    pub stderr: Vec<u8>,
    /// What it used.
    pub usage: Usage,
    /// What was decided about its ways out, up to 1000.
    pub decisions: Vec<crate::egress::Decision>,
}

impl Finished {
    /// Whether it ended by itself and without complaint.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.code == Some(0) && !self.timed_out && self.disk_full.is_none()
    }
}

/// What a sandbox has used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time on processors, in microseconds.
    pub cpu_usec: u64,
    /// Memory at the moment, in bytes.
    pub memory_bytes: u64,
    /// The most memory so far, in bytes.
    pub memory_peak_bytes: u64,
    /// How often a new process was refused.
    pub pids_denied: u64,
    /// How often the kernel ended a process for its memory.
    pub oom_kills: u64,
}
