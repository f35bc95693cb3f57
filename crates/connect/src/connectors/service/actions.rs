//! Actions: one call of the type's list with the caller's values, page after page within bounds.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatehouse_catalogue::request::{self, build, next_page};
use gatehouse_catalogue::{Action, Pointer};
use gatehouse_identity::require;
use gatehouse_types::{Actor, ConnectorId, Error, Kind, Permission, Result, Secret, UserId};
use serde_json::{Map, Value, json};

use super::connectors::object;
use super::credential::Credential;
use super::exchange::{Answered, By, Exchanged};
use super::guards::only_theirs;
use super::spec::Ready;
use super::test::unbuilt;
use super::view::own_owner;
use crate::connectors::model::fields::spoken;
use crate::connectors::model::outcome::{is_failure, message, output};
use crate::connectors::model::outline::{masked, masked_json};
use crate::{Connect, Holder, Owner};

/// Actions that a refusal names at most.
const NAMED: usize = 20;
/// Pages that one call fetches at most.
pub(crate) const MAX_PAGES: u32 = 50;
/// After so long no further page is begun: a request of ours has 30 seconds.
const PAGES_WITHIN: Duration = Duration::from_secs(8);
/// Bytes of all pages together at most.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// An action to carry out.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    /// Its parameters.
    pub(crate) parameters: Map<String, Value>,
    /// Pages to fetch of an action that has some; 1 when nothing is said.
    pub(crate) pages: Option<u32>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Done {
    /// Whether the product did it.
    pub(crate) success: bool,
    /// The status of the last answer; `None`: nothing was sent.
    pub(crate) status: Option<u16>,
    /// Why not, in plain words.
    pub(crate) message: Option<String>,
    /// The useful part of the answer; with pages, all elements.
    pub(crate) output: Value,
    /// Pages that were fetched.
    pub(crate) pages: u32,
    /// Whether there are further pages.
    pub(crate) more: bool,
    /// The seconds to wait before another try, where the product says so.
    pub(crate) retry_after: Option<u32>,
    /// As whom it was done: the person, or nobody for the connector's own identity.
    pub(crate) person: Option<UserId>,
    /// What whoever asked should know.
    pub(crate) warnings: Vec<String>,
    /// What the product answered instead: `{status, headers, body}`.
    pub(crate) answer: Option<Value>,
}

impl Connect {
    /// Carries out an action. On a connector with user authentications a person's call takes the person's own
    /// authorization, else the connector's.
    ///
    /// # Errors
    /// `Validation` names the parameter; `NotFound` for connector or action; `Conflict` when it is not connected or another person's
    /// own;
    /// `RateLimited`; `Authorization` without the right.
    pub(crate) async fn run_action(
        &self,
        actor: &Actor,
        id: &ConnectorId,
        action: &str,
        wish: Wish,
    ) -> Result<Done> {
        let ready = self.usable(actor, id).await?;
        let of = of_type(&ready, action)?;
        let most = pages(wish.pages)?;
        let parameters = named(&of, wish.parameters)?;
        if actor.origin.dry_run.is_some() {
            return Ok(Done::unsent());
        }
        self.by_hand(actor)?;
        let (owner, warnings) = self.acting(actor, &ready).await?;
        let person = owner.person().filter(|_| ready.connector.user_authentication).cloned();
        let by = By::hand(actor, &ready, owner, of.id.to_string());
        let mut done = self.pages(&by, &of, &parameters, most).await?;
        done.person = person;
        done.warnings.splice(0..0, warnings);
        Ok(done)
    }

    /// A connector whose actions somebody may carry out.
    pub(super) async fn usable(&self, actor: &Actor, id: &ConnectorId) -> Result<Ready> {
        let workspace = require(&self.0.store, actor, Permission::UseConnectors, object(id)).await?;
        let ready = self.ready(workspace, id).await?;
        self.sees(actor, &ready.connector)?;
        only_theirs(actor, &ready.connector)?;
        Ok(ready)
    }

    /// Whose credential a person's call takes, and what the person should know of it.
    pub(crate) async fn acting(&self, actor: &Actor, ready: &Ready) -> Result<(Owner, Vec<String>)> {
        let own = own_owner(&ready.connector);
        let (true, Ok(user)) = (ready.connector.user_authentication, actor.user()) else {
            return Ok((own, Vec::new()));
        };
        if self.is_exempt(&ready.connector.workspace_id, user).await? {
            return Ok((own, Vec::new()));
        }
        let holder = Holder::Connector(ready.connector.id.clone());
        let owner = Owner::Person(user.clone());
        let workspace = &ready.connector.workspace_id;
        if self.0.broker.stands(&mut self.0.store.reader(), workspace, &holder, &owner).await? {
            return Ok((owner, Vec::new()));
        }
        let warning = "You have not authorized this connector for yourself, so it acted as the connector's own identity. \
                       Connect it under My connections.";
        Ok((own, vec![warning.to_owned()]))
    }

    pub(super) async fn pages(
        &self,
        by: &By<'_>,
        of: &Action,
        parameters: &Map<String, Value>,
        most: u32,
    ) -> Result<Done> {
        let ready = by.ready;
        let auth = ready.auth()?;
        let make = |credential: &Credential| {
            build(&ready.known, auth, of, parameters, |name| credential.value(name)).map_err(unbuilt)
        };
        let first = self.exchange(by, false, make).await?;
        let began = Instant::now();
        let mut bytes = first.answer.body.len();
        let mut now = first;
        let mut items: Vec<Value> = Vec::new();
        let mut count = 1;
        loop {
            let failed = is_failure(&ready.known.errors, now.answer.status, &now.answer.json);
            if failed {
                return Ok(failure(ready, &now, count));
            }
            let next = match further(of, &now, count) {
                Ok(next) => next,
                Err(why) => {
                    return Ok(Done { warnings: vec![why], ..finished(of, &now, items, count, true) });
                }
            };
            let Some(next) = next else { return Ok(finished(of, &now, items, count, false)) };
            if count >= most || bytes >= MAX_BYTES || began.elapsed() >= PAGES_WITHIN {
                return Ok(finished(of, &now, items, count, true));
            }
            collect(of, &now.answer, &mut items);
            now = self.exchange(by, false, |_| Ok(next.clone())).await?;
            bytes += now.answer.body.len();
            count += 1;
        }
    }
}

impl Done {
    pub(super) fn unsent() -> Self {
        Self {
            success: true,
            status: None,
            message: Some("This is a trial run: nothing was sent.".to_owned()),
            output: Value::Null,
            pages: 0,
            more: false,
            retry_after: None,
            person: None,
            warnings: Vec::new(),
            answer: None,
        }
    }
}

/// An action of a connector's type.
pub(super) fn of_type(ready: &Ready, action: &str) -> Result<Action> {
    let found = ready.known.actions.iter().find(|a| a.id.as_str() == action);
    found.cloned().ok_or_else(|| {
        let name = &ready.known.name;
        Error::new(Kind::NotFound, format!("{name} has no action {action}. {}", known_actions(ready)))
    })
}

/// The names of a type's actions, as many as help.
pub(super) fn known_actions(ready: &Ready) -> String {
    let actions = &ready.known.actions;
    let named: Vec<_> = actions.iter().take(NAMED).map(|action| action.id.as_str()).collect();
    match actions.len().saturating_sub(NAMED) {
        0 if named.is_empty() => "It has none.".to_owned(),
        0 => format!("It has {}.", named.join(", ")),
        more => format!("It has {} and {more} more.", named.join(", ")),
    }
}

fn pages(asked: Option<u32>) -> Result<u32> {
    let asked = asked.unwrap_or(1);
    if (1..=MAX_PAGES).contains(&asked) {
        return Ok(asked);
    }
    Err(Error::validation("maxPages", "maxPages must be between 1 and 50."))
}

/// The parameters by their keys; they may be written as JSON has names.
pub(super) fn named(of: &Action, given: Map<String, Value>) -> Result<Map<String, Value>> {
    let mut named = Map::new();
    for (name, value) in given {
        let exact = of.parameters.iter().find(|p| p.key.as_str() == name);
        let found = exact.or_else(|| of.parameters.iter().find(|p| spoken(p.key.as_str()) == name));
        let key = found.map_or(name, |p| p.key.to_string());
        if named.insert(key.clone(), value).is_some() {
            return Err(Error::validation(format!("parameters.{key}"), "This parameter is there twice."));
        }
    }
    Ok(named)
}

fn further(of: &Action, now: &Exchanged, count: u32) -> Result<Option<request::Request>, String> {
    let answer =
        request::Answer { status: now.answer.status, headers: &now.answer.headers, body: &now.answer.json };
    next_page(of, &now.request, &answer, count).map_err(|e| format!("There may be more, but {e}."))
}

fn collect(of: &Action, answer: &Answered, items: &mut Vec<Value>) {
    let at = of.output.as_ref().map_or("", Pointer::as_str);
    let list = answer.json.pointer(at).and_then(Value::as_array);
    items.extend(list.into_iter().flatten().cloned());
}

fn finished(of: &Action, now: &Exchanged, mut items: Vec<Value>, pages: u32, more: bool) -> Done {
    let out = if of.paging.is_some() && pages > 1 {
        collect(of, &now.answer, &mut items);
        Value::Array(items)
    } else {
        said(of, &now.answer)
    };
    Done {
        success: true,
        status: Some(now.answer.status),
        message: None,
        output: out,
        pages,
        more,
        retry_after: None,
        person: None,
        warnings: Vec::new(),
        answer: None,
    }
}

/// The useful part of an answer; what is no JSON is told as text, else as bytes in base64.
fn said(of: &Action, answer: &Answered) -> Value {
    if answer.body.is_empty() || !answer.json.is_null() {
        return output(of, answer.json.clone());
    }
    no_json(answer)
}

/// What is no JSON: text, else bytes in base64.
fn no_json(answer: &Answered) -> Value {
    let kind = answer.header("content-type").unwrap_or_default();
    match std::str::from_utf8(&answer.body) {
        Ok("null") => Value::Null,
        Ok(text) => json!({"contentType": kind, "text": text}),
        Err(_) => json!({"contentType": kind, "base64": STANDARD.encode(&answer.body)}),
    }
}

fn failure(ready: &Ready, now: &Exchanged, pages: u32) -> Done {
    let retry_after = now.answer.header("retry-after").and_then(|text| text.trim().parse().ok());
    let told = failed(ready, now.answer.status, &now.answer.json, &now.credential.hidden, pages);
    let headers = now.answer.headers.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str())));
    let headers = masked_json(Value::Object(headers.collect()), &now.credential.hidden);
    let body = match now.answer.body.is_empty() || !now.answer.json.is_null() {
        true => told.output.clone(),
        false => masked_json(no_json(&now.answer), &now.credential.hidden),
    };
    let answer = Some(json!({"status": now.answer.status, "headers": headers, "body": body}));
    Done { retry_after, answer, ..told }
}

/// What is told of a failure: the product's own words, without what is hidden.
pub(super) fn failed(ready: &Ready, status: u16, answer: &Value, hidden: &[Secret], pages: u32) -> Done {
    let says = message(&ready.known.errors, answer, hidden);
    let words = match says {
        Some(says) => format!("{} answered {status}: {says}", ready.known.name),
        None => format!("{} answered {status}.", ready.known.name),
    };
    let words = masked(&words, hidden);
    Done {
        success: false,
        status: Some(status),
        message: Some(words),
        output: masked_json(answer.clone(), hidden),
        pages,
        more: false,
        retry_after: None,
        person: None,
        warnings: Vec::new(),
        answer: None,
    }
}
