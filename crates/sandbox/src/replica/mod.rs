//! A worker that has loaded a project and answers calls.

mod budget;
pub(crate) mod capture;
mod conversation;
mod output;
mod starting;
mod state;
pub(crate) mod workspace;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;
use tokio::sync::{mpsc, watch};

use crate::cgroup::Group;
use crate::frames::{DEPTH_MAX, FRAME_MAX, depth_is_within, frame};
use crate::outcome::{CallError, CallFailure, Ended, LogLine, Outcome, Usage};
use crate::process::Ending;
use state::{Answer, State};

pub use starting::READY_WITHIN;
pub(crate) use starting::launch;

/// How long calls beside one that took too long may go on before all of them end.
pub const GRACE: Duration = Duration::from_secs(2);

/// A running worker; copies speak to the same one. It ends when the last copy is dropped.
#[derive(Clone, Debug)]
pub struct Replica {
    shared: Arc<Shared>,
    _owner: Arc<Owner>,
}

/// Ends the sandbox when nobody can call it any more.
struct Owner {
    ending: Ending,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.ending.stop();
    }
}

impl std::fmt::Debug for Owner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Owner")
    }
}

/// What the replica and its tasks have in common.
struct Shared {
    name: String,
    functions: Vec<String>,
    concurrency: usize,
    memory_limit: u64,
    started: Instant,
    state: State,
    outgoing: mpsc::Sender<Vec<u8>>,
    group: Group,
    ending: Ending,
    ended: watch::Sender<Option<Ended>>,
    last_usage: watch::Sender<Option<Usage>>,
    log: std::sync::Mutex<Option<mpsc::Receiver<LogLine>>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Replica").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Shared {
    /// Ends the sandbox for this reason, unless there is one already.
    fn end(&self, reason: Ended) {
        self.state.end_because(reason);
        self.ending.stop();
    }
}

impl Replica {
    /// Calls a function, and waits for its answer for at most this long. `arguments` is a JSON object (by name) or
    /// array (by position). When the time is over, the whole replica ends; dropping the future changes nothing.
    ///
    /// # Errors
    /// [`CallFailure`] says why there is no result, and holds what was written until then.
    pub async fn call(
        &self,
        function: &str,
        arguments: Box<RawValue>,
        within: Duration,
    ) -> Result<Outcome, CallFailure> {
        let began = Instant::now();
        let fail = |error| CallFailure { call: None, error, logs: Vec::new(), duration: began.elapsed() };
        self.check(function, &arguments).map_err(fail)?;
        let concurrency = self.shared.concurrency;
        let (id, answer) = self.shared.state.begin(concurrency).map_err(fail)?;
        let call = format!(
            r#"{{"id":"{id:016x}","fn":{},"args":{}}}"#,
            serde_json::Value::from(function),
            arguments.get()
        );
        let shared = self.shared.clone();
        let (name, sent) = (function.to_owned(), frame(call.as_bytes()));
        // A task of its own: the call keeps its place and its deadline when nobody waits for it any more.
        let task =
            tokio::spawn(async move { shared.see_through(id, &name, sent, answer, within, began).await });
        match task.await {
            Ok(result) => result,
            Err(error) => Err(fail(CallError::Protocol(error.to_string()))),
        }
    }

    fn check(&self, function: &str, arguments: &RawValue) -> Result<(), CallError> {
        if !self.shared.functions.iter().any(|name| name == function) {
            return Err(CallError::NotFound { available: self.shared.functions.clone() });
        }
        let bytes = arguments.get().len();
        if bytes > FRAME_MAX {
            return Err(CallError::ArgumentsTooLarge { bytes });
        }
        if !depth_is_within(arguments.get().as_bytes(), DEPTH_MAX) {
            let message = format!("the arguments are nested deeper than {DEPTH_MAX} levels");
            return Err(CallError::BadArguments { message });
        }
        if !arguments.get().trim_start().starts_with(['{', '[']) {
            let message = "the arguments must be a JSON object or an array".to_owned();
            return Err(CallError::BadArguments { message });
        }
        Ok(())
    }

    /// The functions that can be called.
    #[must_use]
    pub fn functions(&self) -> &[String] {
        &self.shared.functions
    }

    /// How many calls are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.state.in_flight()
    }

    /// Whether a call would be taken now.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.shared.state.is_free(self.shared.concurrency)
    }

    /// What it has used up so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let last = *self.shared.last_usage.borrow();
        last.unwrap_or_else(|| self.shared.group.usage())
    }

    /// Ends it with everything in it, and waits until nothing is left.
    pub async fn stop(&self) {
        self.shared.end(Ended::Stopped);
        self.ended().await;
    }

    /// Waits for its end, and tells why.
    pub async fn ended(&self) -> Ended {
        let mut ended = self.shared.ended.subscribe();
        let found = ended.wait_for(Option::is_some).await;
        found.ok().and_then(|reason| reason.clone()).unwrap_or(Ended::Stopped)
    }

    /// Everything it writes, as it comes; can be taken once. Lines that nobody fetches in time are dropped and counted.
    #[must_use]
    pub fn logs(&self) -> Option<mpsc::Receiver<LogLine>> {
        self.shared.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }
}

impl Shared {
    async fn see_through(
        self: Arc<Self>,
        id: u64,
        function: &str,
        call: Vec<u8>,
        mut answer: tokio::sync::oneshot::Receiver<Answer>,
        within: Duration,
        began: Instant,
    ) -> Result<Outcome, CallFailure> {
        let waited = tokio::time::timeout(within, async {
            // Fails only when the replica ends, and then the answer says so.
            let _ = self.outgoing.send(call).await;
            (&mut answer).await
        });
        let answer = match waited.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Answer { result: Err(self.state.as_error()), logs: Vec::new() },
            Err(_) => {
                tracing::info!(replica = self.name, function, "a call took longer than allowed");
                let logs = self.state.give_up(id);
                self.end_after_timeout();
                Answer { result: Err(CallError::Timeout), logs }
            }
        };
        let duration = began.elapsed();
        match answer.result {
            Ok(result) => Ok(Outcome { call: id, result, logs: answer.logs, duration }),
            Err(error) => Err(CallFailure { call: Some(id), error, logs: answer.logs, duration }),
        }
    }

    /// One function cannot be stopped alone. Whatever runs beside it gets a moment; then everything ends.
    fn end_after_timeout(self: &Arc<Self>) {
        if self.state.drain() {
            return self.end(Ended::TimedOut);
        }
        let shared = self.clone();
        tokio::spawn(async move {
            let _ = tokio::time::timeout(GRACE, shared.state.until_idle()).await;
            shared.end(Ended::TimedOut);
        });
    }
}
