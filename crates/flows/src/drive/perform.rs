//! Carrying out one try of a step.

use std::time::Duration;

use gatehouse_connect::{ConnectorStep, OpenStep, PeopleMode, ProfileStep, StepFailure, Through};
use gatehouse_flow::authentication::{Mode, UserAuthentication};
use gatehouse_flow::machine::{Event, Run};
use gatehouse_flow::{ReadyRequest, RunAs, Work};
use gatehouse_outbound::header::{HeaderMap, HeaderName, HeaderValue};
use gatehouse_outbound::{Limits, Method, OutboundRequest, Response};
use gatehouse_types::{AuthProfileId, ConnectorId, Error, Id, Kind, Result, UserId, WorkspaceId};
use serde_json::{Map, Value, json};
use url::Url;

use crate::Flows;
use crate::model::execution::{Execution, Warning, Who};

/// What a function node says while no script is in service.
const NO_SCRIPTS: &str = "No custom scripts deployed yet.";
/// The largest answer of a request, in bytes.
const MAX_BYTES: usize = 2 * 1024 * 1024;
/// Redirects of a request that are followed at most.
const MAX_REDIRECTS: u8 = 5;
/// The longest pause that the other side may ask for, in seconds.
const MAX_PAUSE: u32 = 3_600;

/// What came of a try.
pub(super) struct Performed {
    pub(super) step: String,
    pub(super) event: Event,
    pub(super) who: Option<Who>,
    pub(super) warnings: Vec<Warning>,
}

/// How a try ended.
enum Ended {
    Well(Value, Option<Who>, Vec<String>),
    Badly(Failed),
    NeedsPerson(PeopleMode, String),
}

/// Why a try gave nothing.
pub(crate) struct Failed {
    pub(crate) message: String,
    pub(crate) retryable: bool,
    pub(crate) retry_after: Option<u32>,
    pub(crate) who: Option<Who>,
    /// What the other side answered all the same.
    pub(crate) answer: Option<Value>,
}

impl Failed {
    fn for_good(message: impl Into<String>) -> Self {
        Self { message: message.into(), retryable: false, retry_after: None, who: None, answer: None }
    }

    fn of(error: &Error, who: Option<Who>) -> Self {
        let kinds = [Kind::Unavailable, Kind::Timeout, Kind::RateLimited, Kind::Internal];
        Self {
            message: error.message().to_owned(),
            retryable: kinds.contains(&error.kind()),
            retry_after: error.retry_after(),
            who,
            answer: None,
        }
    }
}

/// Carries out one try; it ends in its time.
pub(super) async fn perform(flows: Flows, execution: Execution, run: Run) -> Performed {
    let limit = Duration::from_secs(run.timeout_seconds.into());
    let tried = try_out(&flows, &execution, &run, limit);
    let ended = match tokio::time::timeout(limit, tried).await {
        Ok(ended) => ended,
        Err(_) => Ended::Badly(Failed {
            message: format!("The step took longer than its {} seconds.", run.timeout_seconds),
            retryable: true,
            retry_after: None,
            who: None,
            answer: None,
        }),
    };
    let (step, attempt) = (run.step.clone(), run.attempt);
    let execution_person = execution.person.is_some();
    let (event, who, warnings) = match ended {
        Ended::Well(output, who, warnings) => {
            (Event::Succeeded { step: step.clone(), attempt, output }, who, warnings)
        }
        Ended::NeedsPerson(mode, connector) => {
            let (setting, has_person) = (setting_of(&mode), execution_person);
            let event =
                Event::AuthenticationMissing { step: step.clone(), attempt, setting, connector, has_person };
            (event, None, Vec::new())
        }
        Ended::Badly(failed) => {
            let jitter = jitter(&flows);
            let (error, retryable, retry_after) = (failed.message, failed.retryable, failed.retry_after);
            let answer = failed.answer;
            let event =
                Event::Failed { step: step.clone(), attempt, error, answer, retryable, retry_after, jitter };
            (event, failed.who, Vec::new())
        }
    };
    let warnings = warnings.into_iter().map(|message| Warning { step: step.clone(), message }).collect();
    Performed { step, event, who, warnings }
}

/// The connector's setting in the words of the machine.
fn setting_of(mode: &PeopleMode) -> UserAuthentication {
    let found = Mode::ALL.into_iter().find(|(word, _)| *word == mode.mode);
    UserAuthentication {
        enabled: mode.enabled,
        non_interactive_mode: found.map_or(Mode::EndWithError, |(_, mode)| mode),
    }
}

/// Chance for the pause before the next try, 0 to 1000.
fn jitter(flows: &Flows) -> u16 {
    let mut bytes = [0; 2];
    flows.0.store.random().fill(&mut bytes);
    u16::from_be_bytes(bytes) % 1001
}

/// Calls a function of a script; it runs as the script that it is, whoever the execution runs for.
async fn function(
    flows: &Flows,
    execution: &Execution,
    id: &str,
    name: &str,
    arguments: &Map<String, Value>,
) -> Ended {
    let scripts = &flows.0.scripts;
    let workspace = &execution.workspace_id;
    match scripts.any_in_service(workspace).await {
        Ok(true) => {}
        Ok(false) => return Ended::Badly(Failed::for_good(NO_SCRIPTS)),
        Err(e) => return Ended::Badly(Failed::of(&e, None)),
    }
    let who = Who { acting: execution.person.clone(), identity: "workspace".to_owned(), user: None };
    let called = match serde_json::value::to_raw_value(arguments) {
        Ok(arguments) => scripts.call_for_flow(workspace, id, name, &arguments, execution.id.as_str()).await,
        Err(e) => Err(Error::internal(e)),
    };
    match called.map(|called| serde_json::from_str(called.result.get())) {
        Ok(Ok(result)) => Ended::Well(result, Some(who), Vec::new()),
        // too deep, or a number beyond all: another try would bring the same
        Ok(Err(e)) => {
            let message = format!("The function's result cannot be read: {e}.");
            Ended::Badly(Failed { who: Some(who), ..Failed::for_good(message) })
        }
        // its own time-out is the script's word: another try would take as long
        Err(e) if e.kind() == Kind::Timeout => {
            Ended::Badly(Failed { who: Some(who), ..Failed::for_good(e.message().to_owned()) })
        }
        Err(e) => Ended::Badly(Failed::of(&e, Some(who))),
    }
}

async fn try_out(flows: &Flows, execution: &Execution, run: &Run, limit: Duration) -> Ended {
    match &run.work {
        Work::Function { script_id, function: name, arguments } => {
            function(flows, execution, script_id, name, arguments).await
        }
        Work::Api(request) => {
            let by = Sender {
                workspace: &execution.workspace_id,
                acting: execution.person.as_ref(),
                cause: format!("flow:{}", execution.flow_id),
                key: Some(&run.key),
                limit,
            };
            match send(flows, &by, request).await {
                Ok((answer, who)) if answer.status < 400 => {
                    Ended::Well(answer.output(), Some(who), Vec::new())
                }
                Ok((answer, who)) => Ended::Badly(Failed {
                    message: format!("{} answered {}.", answer.host, answer.status),
                    retryable: matches!(answer.status, 408 | 425 | 429 | 500..=599),
                    retry_after: answer.retry_after(),
                    who: Some(who),
                    answer: Some(answer.output()),
                }),
                Err(failed) => Ended::Badly(failed),
            }
        }
        Work::Connector { connector_id, action, parameters, run_as } => {
            connector(flows, execution, run, limit, (connector_id, action, parameters, *run_as)).await
        }
    }
}

async fn connector(
    flows: &Flows,
    execution: &Execution,
    run: &Run,
    limit: Duration,
    (id, action, parameters, run_as): (&String, &String, &Map<String, Value>, RunAs),
) -> Ended {
    let Ok(connector) = id.parse::<ConnectorId>() else {
        return Ended::Badly(Failed::for_good("The connector of this step is not there any more."));
    };
    let decided = execution.fallback.iter().find(|f| f.connector_id == *id);
    let required = matches!(run_as, RunAs::Setting { wish: Some(wish) } if wish.required);
    let step = ConnectorStep {
        workspace: execution.workspace_id.clone(),
        connector,
        action: action.clone(),
        parameters: parameters.clone(),
        acting: execution.person.clone(),
        required,
        as_connector: run_as == RunAs::Connector || decided.is_some(),
        cause: format!("flow:{}", execution.flow_id),
        idempotency_key: run.key.clone(),
        timeout: limit,
    };
    let who = |person: Option<UserId>| Who {
        acting: execution.person.clone(),
        identity: if person.is_some() { "user" } else { "connector" }.to_owned(),
        user: person,
    };
    match flows.0.connect.run_step(step).await {
        Ok(done) => {
            let mut warnings = done.warnings;
            if let Some(decided) = decided {
                warnings.push(format!(
                    "An administrator let the step run as the connector user: {}",
                    decided.reason
                ));
            }
            Ended::Well(done.output, Some(who(done.person)), warnings)
        }
        Err(StepFailure::NeedsAuthentication(mode)) => {
            let named = flows.0.connect.connector_named(&execution.workspace_id, id).await;
            let name = named.ok().flatten().map_or_else(|| id.clone(), |found| found.name);
            Ended::NeedsPerson(mode, name)
        }
        Err(StepFailure::Failed { message, retryable, retry_after, person, answer }) => {
            let retry_after = retry_after.map(|seconds| seconds.min(MAX_PAUSE));
            Ended::Badly(Failed { message, retryable, retry_after, who: Some(who(person)), answer })
        }
    }
}

/// For whom a request is sent.
pub(crate) struct Sender<'a> {
    pub(crate) workspace: &'a WorkspaceId,
    pub(crate) acting: Option<&'a UserId>,
    /// As the ledger says it.
    pub(crate) cause: String,
    /// The idempotency key, of a step.
    pub(crate) key: Option<&'a str>,
    pub(crate) limit: Duration,
}

/// An answer as a flow has it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) host: String,
    pub(crate) status: u16,
    pub(crate) headers: Map<String, Value>,
    /// JSON, or text, or an object with bytes in base64.
    pub(crate) body: Value,
}

impl Answer {
    fn of(response: &Response) -> Self {
        let headers = response.headers.iter();
        let headers =
            headers.filter_map(|(name, v)| Some((name.as_str().to_owned(), Value::from(v.to_str().ok()?))));
        let text = || String::from_utf8_lossy(&response.body).into_owned();
        Self {
            host: response.final_url.host_str().unwrap_or_default().to_owned(),
            status: response.status.as_u16(),
            headers: headers.collect(),
            body: match response.body.is_empty() {
                true => Value::Null,
                false => serde_json::from_slice(&response.body).unwrap_or_else(|_| text().into()),
            },
        }
    }

    fn retry_after(&self) -> Option<u32> {
        let text = self.headers.get("retry-after")?.as_str()?;
        text.trim().parse::<u32>().ok().map(|seconds| seconds.min(MAX_PAUSE))
    }

    pub(crate) fn output(self) -> Value {
        json!({"status": self.status, "headers": self.headers, "body": self.body})
    }
}

/// Sends a request, through its authorization profile or without one.
pub(crate) async fn send(
    flows: &Flows,
    by: &Sender<'_>,
    request: &ReadyRequest,
) -> std::result::Result<(Answer, Who), Failed> {
    let method = Method::from_bytes(request.method.as_bytes());
    let method = method.map_err(|_| Failed::for_good("The method cannot be sent."))?;
    match &request.auth_profile_id {
        Some(id) => through_profile(flows, by, request, method, id).await,
        None => {
            let who = Who { acting: by.acting.cloned(), identity: "none".to_owned(), user: None };
            let out = outbound(by, request, method).map_err(|e| Failed::of(&e, Some(who.clone())))?;
            let step = OpenStep {
                workspace: by.workspace.clone(),
                acting: by.acting.cloned(),
                cause: by.cause.clone(),
                request: out,
            };
            let sent = flows.0.connect.send_open(step).await;
            match sent.map_err(|e| Failed::of(&e, Some(who.clone())))? {
                Ok(response) => Ok((Answer::of(&response), who)),
                Err(e) => Err(Failed {
                    message: e.to_string(),
                    retryable: !matches!(e, gatehouse_outbound::Error::Refused { .. }),
                    retry_after: None,
                    who: Some(who),
                    answer: None,
                }),
            }
        }
    }
}

fn outbound(by: &Sender<'_>, request: &ReadyRequest, method: Method) -> Result<OutboundRequest> {
    let wrong = || Error::validation("url", "The URL of the step is no whole address.");
    let url = Url::parse(&request.url).map_err(|_| wrong())?;
    let unfit =
        || Error::validation("headers", "A header of the step holds characters that no header carries.");
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let name = HeaderName::try_from(name.as_str()).map_err(|_| unfit())?;
        headers.append(name, HeaderValue::try_from(value.as_str()).map_err(|_| unfit())?);
    }
    if let Some(key) = by.key {
        headers.insert(
            HeaderName::from_static("idempotency-key"),
            HeaderValue::try_from(key).map_err(|_| unfit())?,
        );
    }
    let limits = Limits {
        max_bytes: MAX_BYTES,
        timeout: by.limit,
        max_redirects: MAX_REDIRECTS,
        same_host_only: false,
    };
    let body = request.body.clone().unwrap_or_default().into_bytes();
    let out = OutboundRequest { body, ..OutboundRequest::new(method, url) };
    Ok(out.with_headers(headers).with_limits(limits))
}

async fn through_profile(
    flows: &Flows,
    by: &Sender<'_>,
    request: &ReadyRequest,
    method: Method,
    id: &str,
) -> std::result::Result<(Answer, Who), Failed> {
    let Ok(id) = id.parse::<AuthProfileId>() else {
        return Err(Failed::for_good("The authorization profile of this step is not there any more."));
    };
    let mut headers = request.headers.clone();
    if let Some(key) = by.key {
        headers.retain(|(name, _)| !name.eq_ignore_ascii_case("idempotency-key"));
        headers.push(("idempotency-key".to_owned(), key.to_owned()));
    }
    let step = ProfileStep {
        workspace: by.workspace.clone(),
        profile: id,
        acting: by.acting.cloned(),
        cause: by.cause.clone(),
        method,
        url: request.url.clone(),
        headers,
        body: request.body.clone(),
        timeout: by.limit,
    };
    let Through { person, answer } =
        flows.0.connect.send_step(step).await.map_err(|e| Failed::of(&e, None))?;
    let who = Who {
        acting: by.acting.cloned(),
        identity: if person.is_some() { "user" } else { "workspace" }.to_owned(),
        user: person,
    };
    match answer {
        Ok(response) => Ok((Answer::of(&response), who)),
        Err(e) => Err(Failed::of(&e, Some(who))),
    }
}
