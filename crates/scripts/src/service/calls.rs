//! Calls of functions: whose key, which replica, what came of it, and its record.

use std::sync::Arc;
use std::time::Duration;

use gatehouse_apikeys::key_digest;
use gatehouse_sandbox::{CallError, CallFailure, LogLine, Outcome};
use gatehouse_store::decisions::{Reason, Refusal, refuse};
use gatehouse_types::{
    Actor, Call, Error, Id, Kind, Origin, Result, ScriptDeploymentId, ScriptId, ScriptKeyId, ScriptRunId,
    WorkspaceId,
};
use serde_json::value::RawValue;
use tracing::Instrument;

use super::deploy::not_activated;
use super::not_found;
use crate::Scripts;
use crate::host::masks::Masks;
use crate::host::record::level;
use crate::host::set::Set;
use crate::store::keys::{self, Key};
use crate::store::logs::Line;
use crate::store::runs::Run;
use crate::store::scripts;

/// The largest arguments of a call, in bytes.
pub(crate) const MAX_ARGUMENTS: usize = 6 * 1024 * 1024;
/// The longest text of a failure that is kept with its run, in characters.
const MAX_KEPT_ERROR: usize = 2_000;
/// Seconds after which a caller may come again while a script comes up.
const RETRY_SECONDS: u32 = 2;

/// A call that was answered.
#[derive(Debug)]
pub struct Called {
    /// What the function returned.
    pub result: Box<RawValue>,
    /// The run.
    pub run: ScriptRunId,
    /// From the call to the answer.
    pub duration: Duration,
}

/// Where a call comes from.
#[derive(Debug)]
struct Source {
    kind: &'static str,
    name: String,
    key: Option<ScriptKeyId>,
}

/// A call that may be made: by whom, of what.
#[derive(Debug)]
pub(crate) struct Admitted {
    scripts: Scripts,
    set: Arc<Set>,
    source: Source,
    function: String,
}

impl Admitted {
    /// Makes the call. It goes on, and is recorded, also when nobody waits for its answer any more.
    ///
    /// # Errors
    /// `Unavailable` without a replica; `Script` when the function fails, `Timeout` when it takes too long.
    pub(crate) async fn call(self, arguments: Box<RawValue>) -> Result<Called> {
        let calling =
            async move { self.scripts.call(&self.set, self.source, &self.function, &arguments).await };
        tokio::spawn(calling.in_current_span()).await.map_err(Error::internal)?
    }
}

impl Scripts {
    /// Whether one of a script's keys may call a function of it.
    ///
    /// # Errors
    /// `Authentication` for a key that is none; `Authorization` for one of another script, `RateLimited` when that comes too
    /// often; `NotFound` for a function that it does not have; `Conflict` while it is not in service, `Unavailable` while it
    /// comes up.
    pub(crate) async fn may_call(
        &self,
        origin: &Origin,
        key: Option<&str>,
        id: &str,
        function: &str,
    ) -> Result<Admitted> {
        if origin.dry_run.is_some() {
            let message =
                "A call cannot be tried out: nobody knows what the function would do. Leave dryRun away.";
            return Err(Error::validation("dryRun", message));
        }
        let found = match key.and_then(key_digest) {
            Some(digest) => keys::of_digest(&mut self.0.store.reader(), &digest).await?,
            None => None,
        };
        let Some((key, deployed)) = found else {
            let message = match key {
                Some(_) => {
                    "This key opens no script: it was deleted, never was one, or is the key of an API app; a script has keys \
                     of its own."
                }
                None => "A key of the script is needed, in the header X-api-key.",
            };
            return Err(Error::authentication(message));
        };
        let id: ScriptId = id.parse().map_err(|_| not_found())?;
        if key.script != id {
            return Err(self.of_another(origin, &key, &id).await?);
        }
        let set = self.set(&key.script, deployed.as_ref())?;
        self.admitted(set, Source { kind: "API", name: key.name, key: Some(key.id) }, function)
    }

    /// Calls a function of a workspace's script for an execution of a flow.
    ///
    /// # Errors
    /// `NotFound` for a script of nobody or of others; else as calls with a key.
    pub async fn call_for_flow(
        &self,
        workspace: &WorkspaceId,
        id: &str,
        function: &str,
        arguments: &RawValue,
        execution: &str,
    ) -> Result<Called> {
        let id: ScriptId = id.parse().map_err(|_| not_found())?;
        let store = &self.0.store;
        let script =
            scripts::find(store, &mut store.reader(), workspace, &id).await?.ok_or_else(not_found)?;
        let set = self.set(&id, script.deployed.as_ref())?;
        let source = Source { kind: "Workflow", name: execution.to_owned(), key: None };
        self.admitted(set, source, function)?.call(arguments.to_owned()).await
    }

    fn admitted(&self, set: Arc<Set>, source: Source, function: &str) -> Result<Admitted> {
        if !set.functions().iter().any(|name| name == function) {
            let all = set.functions().join(", ");
            let message = format!("The script has no such function. It has: {all}.");
            return Err(Error::new(Kind::NotFound, message));
        }
        Ok(Admitted { scripts: self.clone(), set, source, function: function.to_owned() })
    }

    /// Whether any script of a workspace is in service.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn any_in_service(&self, workspace: &WorkspaceId) -> Result<bool> {
        Ok(scripts::any_in_service(&mut self.0.store.reader(), workspace).await?)
    }

    /// What answers for a script here.
    fn set(&self, id: &ScriptId, deployed: Option<&ScriptDeploymentId>) -> Result<Arc<Set>> {
        let deployed = deployed.ok_or_else(not_activated)?;
        self.0.fleet.get(id).filter(|set| set.id == *deployed).ok_or_else(|| {
            self.0.wake.notify_one();
            Error::unavailable("The script is being started on this server. Try again in a moment.")
                .retry_in(RETRY_SECONDS)
        })
    }

    async fn of_another(&self, origin: &Origin, key: &Key, id: &ScriptId) -> Result<Error> {
        self.0.refusals.require(key.id.as_str())?;
        let refusal = Refusal {
            action: "scripts:call",
            object: Some(format!("script:{id}")),
            reasons: vec![
                Reason::passed("key", format!("It is the key {} of the script {}.", key.name, key.script)),
                Reason::failed(
                    "script",
                    "The key of a script opens that script alone; make one for this script.".to_owned(),
                ),
            ],
        };
        let actor = Actor { workspace_id: Some(key.workspace.clone()), ..Actor::anonymous(origin.clone()) };
        let decision = refuse(&self.0.store, &actor, Some(&key.workspace), refusal).await?;
        Ok(Error::authorization("This key is not one of this script.").decided(decision))
    }

    async fn call(&self, set: &Set, source: Source, function: &str, arguments: &RawValue) -> Result<Called> {
        let started_at = self.0.store.now();
        let began = std::time::Instant::now();
        let answer = set.call(function, arguments).await?;
        let run: ScriptRunId = self.0.store.ids().make();
        let masks = &set.masks;
        let (lines, answer, duration) = match answer {
            Ok(Outcome { result, logs, duration, .. }) => (logs, Ok(result), duration),
            Err(CallFailure { logs, error, duration, .. }) => {
                (logs, Err(failed(&error, set, masks)), duration)
            }
        };
        let failure = answer.as_ref().err();
        let record = Run {
            id: run.clone(),
            workspace: set.workspace.clone(),
            script: set.script().clone(),
            version: set.number,
            function: function.to_owned(),
            source_type: source.kind.to_owned(),
            source: source.name,
            status: failure.map_or("Success", |f| f.status).to_owned(),
            error: failure.map(|f| f.message.chars().take(MAX_KEPT_ERROR).collect()),
            started_at,
            micros: i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX),
        };
        let lines = set.admitted(lines);
        let lines = lines.iter().map(|line| self.line(set, &run, line, masks, started_at)).collect();
        if self.0.recorder.run(record, lines, source.key)
            && let Err(e) = self.0.recorder.write(&self.0.store).await
        {
            // it waits on; the caller has nothing to do with it
            tracing::error!(error = %e, "runs and logs of scripts could not be written yet");
        }
        match answer {
            Ok(result) => Ok(Called { result, run, duration }),
            Err(failure) => Err(failure.into_error(&run)),
        }
    }

    fn line(
        &self,
        set: &Set,
        run: &ScriptRunId,
        line: &LogLine,
        masks: &Masks,
        at: gatehouse_types::Timestamp,
    ) -> Line {
        Line {
            id: self.0.store.ids().make(),
            workspace: set.workspace.clone(),
            script: set.script().clone(),
            run: Some(run.clone()),
            level: level(line.level).to_owned(),
            message: masks.hide(&line.text),
            at,
        }
    }
}

/// Why a call has no result, as it is told and kept.
struct Failure {
    kind: Kind,
    /// The word of the run.
    status: &'static str,
    message: String,
    traceback: Option<String>,
}

impl Failure {
    fn into_error(self, run: &ScriptRunId) -> Error {
        let call = Call { run: run.to_string(), traceback: self.traceback };
        let error = Error::new(self.kind, self.message);
        let error = if self.kind == Kind::Validation { error.on_field("arguments") } else { error };
        error.of_call(call)
    }
}

fn failed(error: &CallError, set: &Set, masks: &Masks) -> Failure {
    let told = |kind, status, message: String| Failure { kind, status, message, traceback: None };
    match error {
        CallError::Script { traceback, .. } => Failure {
            traceback: Some(masks.hide(traceback)),
            ..told(Kind::Script, "Error", masks.hide(&error.to_string()))
        },
        CallError::BadArguments { message } => told(Kind::Validation, "Bad arguments", masks.hide(message)),
        CallError::ArgumentsTooLarge { .. } => {
            told(Kind::PayloadTooLarge, "Bad arguments", error.to_string())
        }
        CallError::Timeout => {
            let message = format!(
                "The function did not end within {} seconds, the execution timeout of the script, and was ended.",
                set.timeout.as_secs()
            );
            told(Kind::Timeout, "Timeout", message)
        }
        CallError::OutOfMemory { .. } => told(Kind::Script, "Out of memory", error.to_string()),
        CallError::ResultNotJson { .. } | CallError::ResultTooLarge { .. } => {
            told(Kind::Script, "Error", masks.hide(&error.to_string()))
        }
        CallError::NotFound { .. } => told(Kind::NotFound, "Error", error.to_string()),
        CallError::Busy | CallError::Ended(_) | CallError::Protocol(_) => {
            let message = format!("The replica ended during the call: {}.", masks.hide(&error.to_string()));
            told(Kind::Script, "Error", message)
        }
    }
}
