//! Programs that run to their end.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::frames::OUTPUT_MAX;
use crate::outcome::{Finished, LaunchError};
use crate::process::Process;
use crate::replica::workspace::measure;
use crate::sandbox::Started;
use crate::spec::Command;

/// Decisions about ways out that are kept of one command.
const DECISIONS_MAX: usize = 1000;
/// How long outputs may stay open after everything in the sandbox is gone.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// How often the writable places of a command are measured.
const PERIOD: Duration = Duration::from_secs(1);

/// What a command may take.
pub(crate) struct Bounds {
    within: Duration,
    /// Its writable places.
    places: Vec<PathBuf>,
    /// What they may hold together, in bytes.
    room: Option<u64>,
}

impl Bounds {
    pub(crate) fn of(command: &Command) -> Self {
        let writable = command.binds.iter().filter(|bind| bind.writable);
        let places = writable.map(|bind| bind.from.clone()).collect();
        Self { within: command.within, places, room: command.limits.workspace_bytes }
    }

    /// How much lies there, if that is more than may be.
    async fn excess(&self) -> Option<u64> {
        let room = self.room?;
        let mut used = 0u64;
        for place in &self.places {
            used = used.saturating_add(measure(place).await);
        }
        (used > room).then_some(used)
    }

    /// Waits until there is too much.
    async fn exceeded(&self) -> u64 {
        if self.room.is_none() || self.places.is_empty() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(PERIOD).await;
            if let Some(used) = self.excess().await {
                return used;
            }
        }
    }
}

/// Collects the outputs, and ends what takes too long or too much room.
pub(crate) async fn see_through(started: Started, bounds: Bounds) -> Result<Finished, LaunchError> {
    let Started { process: Process { stdout, stderr, ending, .. }, mut decisions, .. } = started;
    let decided = tokio::spawn(async move {
        let mut decided = Vec::new();
        while let Some(decision) = decisions.recv().await {
            if decided.len() < DECISIONS_MAX {
                decided.push(decision);
            }
        }
        decided
    });
    let outputs = (tokio::spawn(collect(stdout)), tokio::spawn(collect(stderr)));
    let (mut timed_out, mut disk_full) = (false, None);
    tokio::select! {
        _ = ending.ended() => disk_full = bounds.excess().await,
        () = tokio::time::sleep(bounds.within) => timed_out = true,
        used = bounds.exceeded() => disk_full = Some(used),
    }
    ending.stop();
    let end = ending.ended().await;
    if let Some((step, message)) = end.failed {
        return Err(LaunchError::Isolation { step, message });
    }
    let out_of_memory = end.out_of_memory();
    if end.code.is_none() && end.signal.is_none() && !timed_out && !out_of_memory && disk_full.is_none() {
        let told = String::from_utf8_lossy(&finish(outputs.1).await).into_owned();
        let message = format!("the init process ended without a report {}", told.trim());
        return Err(LaunchError::Isolation { step: "start".to_owned(), message });
    }
    Ok(Finished {
        code: end.code,
        signal: end.signal,
        timed_out,
        out_of_memory,
        disk_full,
        stdout: finish(outputs.0).await,
        stderr: finish(outputs.1).await,
        usage: end.usage,
        decisions: decided.await.unwrap_or_default(),
    })
}

async fn finish(output: tokio::task::JoinHandle<Vec<u8>>) -> Vec<u8> {
    match tokio::time::timeout(AFTERWARDS, output).await {
        Ok(Ok(bytes)) => bytes,
        _ => Vec::new(),
    }
}

/// Reads to the end, and keeps what is allowed.
async fn collect(mut from: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = vec![0u8; 64 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 {
            break;
        }
        let room = OUTPUT_MAX.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..read.min(room)]);
    }
    kept
}
