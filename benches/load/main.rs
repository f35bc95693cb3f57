//! The load generator: makes distinct signed responses, sends them, plays whole sign-ins, and runs the judging alone.
#![allow(clippy::print_stdout, reason = "a tool of the command line")]

mod alone;
mod calls;
mod echo;
mod executions;
mod flow;
mod gate;
mod http;
mod make;
mod programs;
mod send;

use clap::Parser;
use std::path::PathBuf;

/// What to do.
#[derive(Parser)]
enum Command {
    /// Writes the identity provider's key, certificate and metadata into a folder.
    Provider { dir: PathBuf, issuer: String },
    /// Writes form bodies with distinct signed responses, one a line.
    Make(make::Make),
    /// Posts the bodies of a file, each once.
    Send(send::Send),
    /// Sends the requests of a file, each once.
    Calls(calls::Calls),
    /// Asks a gate about the keys of a file.
    Gate(gate::Gate),
    /// Whole sign-ins that begin at the service provider.
    Flow(flow::Flow),
    /// Starts executions of a flow, one after the other, and waits for the end of each.
    Executions(executions::Executions),
    /// Calls a function over a bare socket, once after the other.
    Echo(echo::Echo),
    /// Starts a program for each call.
    Programs(programs::Programs),
    /// Judges the bodies of a file in this process and prints the microseconds of CPU time each.
    Alone(alone::Alone),
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match Command::parse() {
        Command::Provider { dir, issuer } => make::provider(&dir, &issuer),
        Command::Make(make) => make.run(),
        Command::Send(send) => runtime.block_on(send.run()),
        Command::Calls(calls) => runtime.block_on(calls.run()),
        Command::Gate(gate) => runtime.block_on(gate.run()),
        Command::Flow(flow) => runtime.block_on(flow.run()),
        Command::Executions(executions) => runtime.block_on(executions.run()),
        Command::Echo(echo) => runtime.block_on(echo.run()),
        Command::Programs(programs) => programs.run(),
        Command::Alone(alone) => alone.run(),
    }
}

/// Microseconds since 1970.
fn now() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
