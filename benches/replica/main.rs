//! The engine of custom scripts without the product around it: how soon a replica answers, beside bare interpreters that
//! start, and how long a call takes that comes from the next thread.
#![allow(clippy::print_stdout, reason = "a tool of the command line")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use gatehouse_sandbox::{
    Dial, Dialing, Egress, INIT_SUBCOMMAND, Interpreter, Language, Limits, Refusal, Replica, Sandbox,
    Settings, Spec,
};
use serde_json::json;
use serde_json::value::RawValue;

/// How long a call may take.
const WITHIN: Duration = Duration::from_secs(60);
/// Thousandths of a processor, and bytes of memory, of the smallest hardware profile.
const CPU_MILLIS: u32 = 700;
const MEMORY: u64 = 1126 * 1024 * 1024;
/// Bytes of files that the product gives a replica of that profile.
const TMP: u64 = 256 * 1024 * 1024;

/// A language of scripts.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Python,
    Javascript,
}

/// What to do.
#[derive(Parser)]
struct Bench {
    kind: Kind,
    /// The executable.
    interpreter: PathBuf,
    /// A directory with the main file.
    project: PathBuf,
    /// The function to call.
    function: String,
    /// Its arguments.
    arguments: String,
    /// How many replicas to start, each after a bare interpreter that does nothing.
    #[arg(long, default_value_t = 0)]
    starts: usize,
    /// How many calls, one after the other.
    #[arg(long, default_value_t = 0)]
    calls: usize,
    /// An empty directory for what is written.
    #[arg(long)]
    dir: PathBuf,
}

/// A network that is there as in the product, and where nothing is.
struct Nowhere;

impl Dial for Nowhere {
    fn dial<'a>(&'a self, _: &'a str, _: u16) -> Dialing<'a> {
        Box::pin(async { Err(Refusal("there is nothing".to_owned())) })
    }
}

fn main() -> anyhow::Result<()> {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == INIT_SUBCOMMAND) {
        gatehouse_sandbox::init_main()
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(Bench::parse().run())
}

impl Bench {
    async fn run(self) -> anyhow::Result<()> {
        let settings = Settings { program: std::env::current_exe()?, scratch: self.dir.join("scratch") };
        let sandbox = Sandbox::with_dial(settings, Arc::new(Nowhere));
        let language = match self.kind {
            Kind::Python => Language::Python,
            Kind::Javascript => Language::JavaScript,
        };
        let interpreter = sandbox.identify(language, &self.interpreter).await?;
        for name in ["workspace", "uploads"] {
            std::fs::create_dir_all(self.dir.join(name))?;
        }
        let spec = self.spec(interpreter)?;
        let (mut replicas, mut bare, mut apart) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.starts {
            bare.push(self.bare(&[])?);
            apart.push(self.bare(&["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork"])?);
            let began = Instant::now();
            let replica = sandbox.launch(spec.clone()).await?;
            self.call(&replica).await?;
            replicas.push(began.elapsed().as_micros());
            replica.stop().await;
        }
        let mut calls = Vec::new();
        if self.calls > 0 {
            let replica = sandbox.launch(spec).await?;
            for at in 0..self.calls + self.calls / 10 {
                let began = Instant::now();
                self.call(&replica).await?;
                if at >= self.calls / 10 {
                    calls.push(began.elapsed().as_nanos());
                }
            }
            replica.stop().await;
        }
        sandbox.sweep().await;
        let told = json!({"replica_us": replicas, "bare_us": bare, "unshare_us": apart, "p50_ns": middle(&mut calls)});
        println!("{told}");
        Ok(())
    }

    fn spec(&self, interpreter: Interpreter) -> anyhow::Result<Spec> {
        Ok(Spec {
            name: "bench".to_owned(),
            uid: 700_000,
            interpreter,
            project: self.project.canonicalize()?,
            dependencies: None,
            workspace: self.dir.join("workspace"),
            uploads: self.dir.join("uploads"),
            environment: Vec::new(),
            functions: vec![self.function.clone()],
            limits: Limits {
                cpu_millis: CPU_MILLIS,
                memory_bytes: MEMORY,
                pids: 128,
                tmp_bytes: TMP,
                open_files: 1024,
                workspace_bytes: Some(MEMORY),
            },
            egress: Egress::Public,
            concurrency: 8,
        })
    }

    async fn call(&self, replica: &Replica) -> anyhow::Result<()> {
        let arguments = RawValue::from_string(self.arguments.clone())?;
        let answer = replica.call(&self.function, arguments, WITHIN).await;
        answer.map_err(|failure| failure.error)?;
        Ok(())
    }

    /// Microseconds from the start to the end of an interpreter that does nothing.
    fn bare(&self, before: &[&str]) -> anyhow::Result<u128> {
        let nothing: &[&str] = match self.kind {
            Kind::Python => &["-I", "-S", "-c", "pass"],
            Kind::Javascript => &["-e", "0"],
        };
        let interpreter = self.interpreter.to_str().context("a path that is no text")?;
        let words: Vec<&str> = before.iter().chain(&[interpreter]).chain(nothing).copied().collect();
        let (program, arguments) = words.split_first().context("no program")?;
        let began = Instant::now();
        let mut command = Command::new(Path::new(program));
        command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        let status = command.stdout(Stdio::null()).status()?;
        ensure!(status.success(), "{words:?}: {status}");
        Ok(began.elapsed().as_micros())
    }
}

fn middle(took: &mut [u128]) -> Option<u128> {
    took.sort_unstable();
    took.get(took.len() / 2).copied()
}
