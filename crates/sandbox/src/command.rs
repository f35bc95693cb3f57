//! Programs that run to their end.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::frames::OUTPUT_MAX;
use crate::outcome::{Finished, LaunchError};
use crate::process::Process;
use crate::sandbox::Started;

/// Decisions about ways out that are kept of one command.
const DECISIONS_MAX: usize = 1000;
/// How long outputs may stay open after everything in the sandbox is gone.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// Collects the outputs, and ends what takes too long.
pub(crate) async fn see_through(started: Started, within: Duration) -> Result<Finished, LaunchError> {
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
    let (end, timed_out) = match tokio::time::timeout(within, ending.ended()).await {
        Ok(end) => (end, false),
        Err(_) => {
            ending.stop();
            (ending.ended().await, true)
        }
    };
    if let Some((step, message)) = end.failed {
        return Err(LaunchError::Isolation { step, message });
    }
    let out_of_memory = end.out_of_memory();
    if end.code.is_none() && end.signal.is_none() && !timed_out && !out_of_memory {
        let told = String::from_utf8_lossy(&finish(outputs.1).await).into_owned();
        let message = format!("the init process ended without a report {}", told.trim());
        return Err(LaunchError::Isolation { step: "start".to_owned(), message });
    }
    Ok(Finished {
        code: end.code,
        signal: end.signal,
        timed_out,
        out_of_memory,
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
