//! Starts executions of a flow with a key and waits for the end of each, as a program does that wants to know.

use crate::http::Client;
use anyhow::{Context, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long an execution may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// `bench-load executions`.
#[derive(Args)]
pub(crate) struct Executions {
    /// Host and port.
    address: String,
    /// The flow.
    flow: String,
    /// The API key.
    #[arg(long)]
    key: String,
    /// How many, one after the other.
    #[arg(long, default_value_t = 200)]
    count: usize,
}

impl Executions {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut client = Client::new(&self.address);
        let headers = format!(
            "X-API-KEY: {}\r\nContent-Type: application/json\r\nAccept: application/json\r\n",
            self.key
        );
        let start = format!("/api/v1/flows/executions/start?flowId={}", self.flow);
        let (began, mut took, mut looks) = (Instant::now(), Vec::with_capacity(self.count), 0_usize);
        for _ in 0..self.count {
            let sent = Instant::now();
            let answer = client.call("POST", &start, &headers, "{}").await?;
            ensure!(answer.status == 201, "{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
            let mut told: Value = serde_json::from_slice(&answer.body)?;
            let id = told.get("id").and_then(Value::as_str).context("no id")?.to_owned();
            let progress = format!("/api/v1/flows/executions/{id}/progress");
            loop {
                match told.get("status").and_then(Value::as_str) {
                    Some("Success") => break,
                    Some("Queued" | "Running") if sent.elapsed() < PATIENCE => {}
                    _ => bail!("{told}"),
                }
                looks += 1;
                told = serde_json::from_slice(&client.get(&progress, &headers).await?.body)?;
            }
            took.push(sent.elapsed().as_micros());
        }
        let seconds = began.elapsed().as_secs_f64();
        took.sort_unstable();
        let at = |part: usize| took.get(took.len() * part / 100).copied().unwrap_or_default();
        println!(
            "{}",
            json!({"seconds": seconds, "count": self.count, "looks": looks, "p50_us": at(50), "p99_us": at(99)})
        );
        Ok(())
    }
}
