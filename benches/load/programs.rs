//! A program for each call: started, given its arguments, read to its end.

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

/// `bench-load programs`.
#[derive(Args)]
pub(crate) struct Programs {
    /// What it reads.
    body: String,
    /// How often, one after the other.
    #[arg(long, default_value_t = 20)]
    count: usize,
    /// The program and its arguments.
    #[arg(last = true)]
    words: Vec<String>,
}

impl Programs {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let (program, arguments) = self.words.split_first().context("no program")?;
        let (mut took, began) = (Vec::with_capacity(self.count), Instant::now());
        for _ in 0..self.count {
            let started = Instant::now();
            let mut child =
                Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
            child.stdin.take().context("no stdin")?.write_all(self.body.as_bytes())?;
            let done = child.wait_with_output()?;
            ensure!(done.status.success() && done.stdout.starts_with(b"{"), "{done:?}");
            took.push(started.elapsed().as_micros());
        }
        let seconds = began.elapsed().as_secs_f64();
        took.sort_unstable();
        let at = |part: usize| took.get(took.len() * part / 100).copied().unwrap_or_default();
        println!("{}", json!({"seconds": seconds, "count": self.count, "p50_us": at(50), "p99_us": at(99)}));
        Ok(())
    }
}
