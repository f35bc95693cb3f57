//! The test of a connector: its type's harmless call, told in plain words.

use gatehouse_catalogue::request::build;
use gatehouse_catalogue::{Action, Body, BodyFormat, Slug, TestRequest};
use gatehouse_identity::require;
use gatehouse_store::audit::{self, Event};
use gatehouse_types::{Actor, ConnectorId, Error, Id, Kind, Permission, Result};
use serde_json::{Map, Value, json};

use super::connectors::object;
use super::credential::Credential;
use super::exchange::{By, Exchanged};
use super::guards::only_theirs;
use super::spec::Ready;
use super::view::own_owner;
use crate::Connect;
use crate::connectors::model::claims::{Check, judge};
use crate::connectors::model::connector::Tested;
use crate::connectors::model::outcome::{message, says_failure};
use crate::connectors::model::outline::{Outline, masked, shortened};
use crate::connectors::store::connectors;

/// The longest name of who is connected, in characters.
const MAX_IDENTITY: usize = 200;
/// The longest message that is kept, in characters.
const MAX_MESSAGE: usize = 600;

/// How a test went.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Whether the connector works.
    pub(crate) success: bool,
    /// In plain words.
    pub(crate) message: String,
    /// Who is connected, where the product tells.
    pub(crate) identity: Option<String>,
    /// What was sent, masked; `None`: nothing.
    pub(crate) request: Option<Outline>,
    /// The status of the answer.
    pub(crate) status: Option<u16>,
    /// How long the answer took.
    pub(crate) took_ms: Option<i64>,
    /// What else was looked at.
    pub(crate) checks: Vec<Check>,
}

impl Report {
    fn unsent(message: impl Into<String>) -> Self {
        Self {
            success: false,
            message: message.into(),
            identity: None,
            request: None,
            status: None,
            took_ms: None,
            checks: Vec::new(),
        }
    }
}

/// The test of a type as an action without parameters.
fn as_action(test: &TestRequest) -> Result<Action> {
    let body = test.body.clone().map(|constant| Body {
        format: BodyFormat::Json,
        media_type: None,
        whole: None,
        constant: Some(constant),
        template: None,
    });
    Ok(Action {
        id: Slug::try_from("test".to_owned()).map_err(Error::internal)?,
        label: "Test".to_owned(),
        description: None,
        method: test.method,
        path: test.path.clone(),
        base: test.base.clone(),
        headers: test.headers.clone(),
        scopes: Vec::new(),
        read_only: Some(true),
        parameters: Vec::new(),
        body,
        paging: None,
        output: None,
    })
}

/// Why a request cannot be made, for people.
pub(crate) fn unbuilt(error: gatehouse_catalogue::request::RequestError) -> Error {
    use gatehouse_catalogue::request::RequestError;
    match error {
        RequestError::Values(problems) => {
            let field = problems.first().map(|p| format!("parameters.{}", p.parameter)).unwrap_or_default();
            Error::validation(field, format!("{}.", RequestError::Values(problems)))
        }
        RequestError::Url(url) => super::spec::unmade(url),
        other => Error::conflict(format!("The request cannot be made: {other}.")),
    }
}

impl Connect {
    /// Tries a connector with its type's test, and keeps how it went.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for another person's own; `RateLimited`; `Authorization` without the right.
    pub(crate) async fn test_connector(&self, actor: &Actor, id: &ConnectorId) -> Result<Report> {
        let store = &self.0.store;
        let workspace = require(store, actor, Permission::ManageConnectors, object(id)).await?;
        let ready = self.ready(workspace, id).await?;
        only_theirs(actor, &ready.connector)?;
        if actor.origin.dry_run.is_some() {
            return Ok(Report::unsent("This is a trial run: nothing was sent."));
        }
        self.by_hand(actor)?;
        let report = self.try_out(actor, &ready).await?;
        let tested = Tested {
            at: store.now(),
            ok: report.success,
            message: report.message.chars().take(MAX_MESSAGE).collect(),
        };
        let mut tx = store.begin_always().await?;
        connectors::tested(&mut tx, &ready.connector, &tested).await?;
        let details =
            json!({"name": ready.connector.name, "success": report.success, "status": report.status});
        let event = Event::success("connector.tested", ("connector", id.as_str()), details);
        audit::record(&mut tx, actor, event).await?;
        tx.commit().await?;
        Ok(report)
    }

    async fn try_out(&self, actor: &Actor, ready: &Ready) -> Result<Report> {
        let owner = own_owner(&ready.connector);
        let by = By::hand(actor, ready, owner, "test".to_owned());
        let auth = ready.auth()?;
        let action = as_action(auth.test.as_ref().unwrap_or(&ready.known.test))?;
        let make = |credential: &Credential| {
            build(&ready.known, auth, &action, &Map::new(), |name| credential.value(name)).map_err(unbuilt)
        };
        match self.exchange(&by, true, make).await {
            Ok(exchanged) => judged(ready, exchanged),
            // what stands in the way is the answer
            Err(e)
                if matches!(
                    e.kind(),
                    Kind::Conflict | Kind::Unavailable | Kind::Validation | Kind::Timeout
                ) =>
            {
                Ok(Report::unsent(e.message().to_owned()))
            }
            Err(e) => Err(e),
        }
    }
}

fn judged(ready: &Ready, exchanged: Exchanged) -> Result<Report> {
    let auth = ready.auth()?;
    let Exchanged { outline, answer, credential, .. } = exchanged;
    let test = auth.test.as_ref().unwrap_or(&ready.known.test);
    let expected = auth.oauth.as_ref().map(|o| o.expected_claims.as_slice()).unwrap_or_default();
    let checks = match &credential.token {
        Some(token) => {
            judge(token.token.expose(), expected, |name| credential.value(name), &credential.hidden)
        }
        None => Vec::new(),
    };
    let rules = &ready.known.errors;
    let hidden = &credential.hidden;
    let answered = test.expect.contains(&answer.status) && !says_failure(rules, &answer.json);
    let identity =
        test.identity.as_ref().and_then(|pointer| match answer.json.pointer(pointer.as_str())? {
            Value::String(text) => Some(shortened(text, hidden, MAX_IDENTITY)),
            Value::Number(number) => Some(shortened(&number.to_string(), hidden, MAX_IDENTITY)),
            _ => None,
        });
    let mut wrong: Vec<String> = checks.iter().filter(|c| !c.ok).map(|c| c.detail.clone()).collect();
    if !answered {
        wrong.insert(0, words(&ready.known.name, answer.status, message(rules, &answer.json, hidden)));
    }
    let success = wrong.is_empty();
    let message = match (success, &identity) {
        (true, Some(who)) => format!("It works: {} answered, connected as {who}.", ready.known.name),
        (true, None) => format!("It works: {} answered {}.", ready.known.name, answer.status),
        (false, _) => wrong.join(" "),
    };
    let message = masked(&message, hidden);
    Ok(Report {
        success,
        message,
        identity,
        request: Some(outline),
        status: Some(answer.status),
        took_ms: Some(answer.took_ms),
        checks,
    })
}

/// A status for people: what it means, and what the product says.
fn words(name: &str, status: u16, says: Option<String>) -> String {
    let meaning = match status {
        401 => "it does not accept the credential. Enter a new one, or authenticate again",
        403 => {
            "it accepts the credential, but that one may not do this. Look at scopes and permissions in the product"
        }
        404 => "there is nothing at this address. Look at the fields that say where the product is",
        429 => "it takes no more calls at this moment. Try again later",
        500..=599 => "it failed by itself. Try again later, or ask those who run it",
        _ => "that is not the answer of a connection that works",
    };
    match says {
        Some(says) => format!("{name} answered {status}: {meaning}. It says: {says}"),
        None => format!("{name} answered {status}: {meaning}."),
    }
}
