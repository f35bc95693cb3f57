//! From the orders to a worker that says it is ready.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};

use super::conversation::{Log, Said, listen, shortened};
use super::output::{LastLines, drain};
use super::{Owner, Replica, Shared};
use crate::frames::{frame, read_frame};
use crate::outcome::{Ended, LaunchError, Level};
use crate::process::{End, Process};
use crate::sandbox::Started;
use crate::spec::Spec;

/// How long a worker may take to load its project.
pub const READY_WITHIN: Duration = Duration::from_secs(120);
/// Lines of the log that wait to be fetched.
const LOG_WAITING: usize = 2048;
/// What V8 says when its heap is full.
const HEAP_FULL: &str = "heap out of memory";

/// Brings a started sandbox to the point where it answers calls.
pub(crate) async fn launch(spec: &Spec, started: Started) -> Result<Replica, LaunchError> {
    let Started { process, group, mut decisions } = started;
    let Process { stdout, stderr, conversation, ending } = process;
    let Some(conversation) = conversation else {
        return Err(LaunchError::BadRequest("a worker needs a conversation".to_owned()));
    };
    let (log_sender, log_receiver) = mpsc::channel(LOG_WAITING);
    let (outgoing, to_send) = mpsc::channel(usize::from(spec.concurrency.max(1)));
    let shared = Arc::new(Shared {
        name: spec.name.clone(),
        functions: spec.functions.clone(),
        concurrency: usize::from(spec.concurrency.max(1)),
        memory_limit: spec.limits.memory_bytes,
        started: Instant::now(),
        state: super::State::default(),
        outgoing,
        group,
        ending: ending.clone(),
        ended: watch::Sender::new(None),
        last_usage: watch::Sender::new(None),
        log: std::sync::Mutex::new(Some(log_receiver)),
    });
    let replica = Replica { shared: shared.clone(), _owner: Arc::new(Owner { ending }) };
    let (log, last) = (Log::new(log_sender), LastLines::default());
    let outputs = [
        tokio::spawn(drain(shared.clone(), stdout, Level::Stdout, log.clone(), None)),
        tokio::spawn(drain(shared.clone(), stderr, Level::Stderr, log.clone(), Some(last.clone()))),
    ];
    let (decided, decided_log) = (shared.clone(), log.clone());
    tokio::spawn(async move {
        while let Some(decision) = decisions.recv().await {
            let level = if decision.refused.is_some() { Level::Warning } else { Level::Info };
            decided_log.line(&decided, None, level, decision.to_string());
        }
    });
    let last_lines = last.clone();
    let closing = shared.clone();
    let closed = tokio::spawn(async move {
        let end = closing.ending.ended().await;
        for output in outputs {
            // They end with the last process that held them; all of them are gone.
            let _ = tokio::time::timeout(Duration::from_secs(1), output).await;
        }
        closing.close(end, &last_lines)
    });
    match tokio::time::timeout(READY_WITHIN, greet(&shared, spec, conversation, &log)).await {
        Ok(Ok((reading, writing))) => {
            tokio::spawn(send(writing, to_send));
            tokio::spawn(listen(shared.clone(), reading, log));
            if let Some(limit) = spec.limits.workspace_bytes {
                tokio::spawn(super::workspace::watch(shared, spec.workspace.clone(), limit));
            }
            Ok(replica)
        }
        Ok(Err(Greeting::Failed(mut failure))) => {
            shared.end(Ended::Stopped);
            let _ = closed.await;
            if let LaunchError::Load { stderr, .. } = &mut failure {
                *stderr = last.get();
            }
            Err(failure)
        }
        Ok(Err(Greeting::Silent(fault))) => {
            // It may have ended by itself; then its own reason is the better one.
            let ended = tokio::time::timeout(Duration::from_millis(500), shared.ending.ended()).await;
            if ended.is_err() {
                shared.end(Ended::Protocol(fault));
            }
            Err(closed.await.unwrap_or(LaunchError::Ended(Ended::Stopped)))
        }
        Err(_) => {
            shared.end(Ended::TimedOut);
            let _ = closed.await;
            Err(LaunchError::NotReady(READY_WITHIN))
        }
    }
}

enum Greeting {
    Failed(LaunchError),
    Silent(String),
}

/// Tells the worker what to load, and waits until it has.
async fn greet(
    shared: &Arc<Shared>,
    spec: &Spec,
    conversation: UnixStream,
    log: &Log,
) -> Result<(OwnedReadHalf, OwnedWriteHalf), Greeting> {
    let silent = |error: String| Greeting::Silent(error);
    let (mut reading, mut writing) = conversation.into_split();
    let start = serde_json::json!({
        "functions": spec.functions,
        "concurrency": spec.concurrency.max(1),
        "max": crate::frames::FRAME_MAX,
        "depth": crate::frames::DEPTH_MAX - 1,
        "log": super::capture::LOG_KEPT,
    });
    writing
        .write_all(&frame(start.to_string().as_bytes()))
        .await
        .map_err(|error| silent(error.to_string()))?;
    loop {
        let body = read_frame(&mut reading).await.map_err(|error| silent(error.to_string()))?;
        let said: Said =
            serde_json::from_slice(&body).map_err(|error| silent(format!("no frame: {error}")))?;
        if said.ready {
            return Ok((reading, writing));
        }
        match said.failed {
            Some(failed) => {
                return Err(Greeting::Failed(LaunchError::Load {
                    kind: shortened(failed.kind, 200),
                    message: shortened(failed.message, 8192),
                    traceback: shortened(failed.traceback, 32 * 1024),
                    stderr: Vec::new(),
                }));
            }
            None => {
                shared.take_in(&body, log).map_err(silent)?;
            }
        }
    }
}

/// Writes calls to the worker, whole ones only.
async fn send(mut to: OwnedWriteHalf, mut calls: mpsc::Receiver<Vec<u8>>) {
    while let Some(call) = calls.recv().await {
        if to.write_all(&call).await.is_err() {
            return;
        }
    }
}

impl Shared {
    /// Finds the reason of an end, and tells everybody.
    fn close(&self, end: End, last: &LastLines) -> LaunchError {
        let stderr = last.get();
        let heap_full = end.signal.is_some() && stderr.iter().any(|line| line.contains(HEAP_FULL));
        let reason = match self.state.reason() {
            Some(reason) => reason,
            None if end.out_of_memory() || heap_full => {
                Ended::OutOfMemory { limit: self.memory_limit, peak: end.usage.memory_peak_bytes }
            }
            None => Ended::Crashed { status: end.status(), stderr },
        };
        self.last_usage.send_replace(Some(end.usage));
        self.state.close(&reason);
        self.ended.send_replace(Some(reason.clone()));
        match end.failed {
            Some((step, message)) => LaunchError::Isolation { step, message },
            None => LaunchError::Ended(reason),
        }
    }
}
