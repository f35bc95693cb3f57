//! A call of a connector and its answer: the credential put in, refreshed once when it is refused, noted in the ledger.

use gatehouse_catalogue::ErrorRules;
use gatehouse_catalogue::request::Request;
use gatehouse_outbound::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use gatehouse_outbound::{Limits, Method, OutboundRequest};
use gatehouse_types::{Actor, Error, Result, Secret, UserId};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

use super::credential::Credential;
use super::spec::{Ready, moment};
use crate::call::{CallError, Run, WITHIN};
use crate::connectors::credential::put_in;
use crate::connectors::model::outcome::{is_refused, message};
use crate::connectors::model::outline::{Outline, outline};
use crate::connectors::wire;
use crate::{Connect, Holder, Owner};

/// The bounds of a call: an answer of 16 MiB, within the time that a request of ours has, redirects on the same host alone.
const LIMITS: Limits = Limits {
    max_bytes: 16 * 1024 * 1024,
    timeout: Duration::from_secs(20),
    max_redirects: 3,
    same_host_only: true,
};

/// Who calls what, as whom.
#[derive(Debug)]
pub(crate) struct By<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) ready: &'a Ready,
    /// Whose credential it takes.
    pub(crate) owner: Owner,
    /// The action, or what else it is for.
    pub(crate) action: String,
    /// The step of a flow that calls; `None`: somebody by hand.
    pub(crate) step: Option<&'a StepOf>,
    /// When all of it must be over.
    pub(crate) until: Instant,
}

impl<'a> By<'a> {
    /// Somebody by hand.
    pub(crate) fn hand(actor: &'a Actor, ready: &'a Ready, owner: Owner, action: String) -> Self {
        Self { actor, ready, owner, action, step: None, until: Instant::now() + WITHIN }
    }

    /// What the ledger says of a call. What is asked beside the action itself says so.
    pub(crate) fn run(&self, beside: &str) -> Result<Run> {
        let connector = &self.ready.connector;
        let holder = Holder::Connector(connector.id.clone());
        let mut run = Run::by_hand(self.actor, holder, connector.name.clone(), self.owner.clone())?;
        run.action = Some(if beside.is_empty() { self.action.clone() } else { beside.to_owned() });
        run.until = self.until;
        Ok(run)
    }
}

/// What a step of a flow brings into its calls.
#[derive(Clone, Debug)]
pub(crate) struct StepOf {
    /// The person it runs for.
    pub(crate) acting: Option<UserId>,
    /// What made the call, as the ledger says it.
    pub(crate) cause: String,
    /// The key under which the product may know it again.
    pub(crate) idempotency_key: String,
    /// How long all of it may take.
    pub(crate) timeout: Duration,
}

/// An answer of the product.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) cookies: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The body as JSON; `null` if it is none.
    pub(crate) json: Value,
    pub(crate) took_ms: i64,
}

impl Answered {
    /// A header by its name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, text)| text.clone())
    }

    /// A cookie that it sets.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone())
    }
}

/// What was sent and what came back.
#[derive(Debug)]
pub(crate) struct Exchanged {
    /// As it was sent, without its credential: further pages are made of it.
    pub(crate) request: Request,
    /// The same for people to look at.
    pub(crate) outline: Outline,
    pub(crate) answer: Answered,
    pub(crate) credential: Credential,
}

/// What the product says of a failure, in a sentence.
pub(crate) fn told(rules: &ErrorRules, answer: &Answered, hidden: &[Secret]) -> String {
    match message(rules, &answer.json, hidden) {
        Some(words) => format!("it answered {} and says: {words}", answer.status),
        None => format!("it answered {}.", answer.status),
    }
}

impl Connect {
    /// Sends a request made of the credential's values. A credential that is refused is renewed, and the request sent once
    /// more.
    ///
    /// # Errors
    /// As [`Connect::credential`]; `Conflict` or `Unavailable` when the product cannot be reached.
    pub(crate) async fn exchange(
        &self,
        by: &By<'_>,
        anew: bool,
        make: impl Fn(&Credential) -> Result<Request>,
    ) -> Result<Exchanged> {
        let rules = &by.ready.known.errors;
        let mut credential = self.credential(by, None, anew).await?;
        let mut tries = 0;
        loop {
            let request = make(&credential)?;
            let mut signed = request.clone();
            let auth = by.ready.auth()?;
            let more = put_in(&mut signed, auth, &moment(&self.0.store), |name| credential.value(name))?;
            credential.hidden.extend(more);
            let outline = outline(&signed, &credential.hidden);
            let answer = leaves(self, by, &credential, signed, "").await?;
            let renewable = auth.kind.is_oauth2() || auth.session.is_some();
            if tries == 0 && renewable && is_refused(rules, answer.status, &answer.json) {
                tries += 1;
                credential = self.credential(by, Some(&credential), false).await?;
                credential.renewed = true;
                continue;
            }
            return Ok(Exchanged { request, outline, answer, credential });
        }
    }
}

/// One call through the one door out, with its entry in the ledger. What is asked beside the action itself says so.
pub(crate) async fn leaves(
    connect: &Connect,
    by: &By<'_>,
    credential: &Credential,
    request: Request,
    beside: &str,
) -> Result<Answered> {
    let connector = &by.ready.connector;
    let mut run = by.run(beside)?;
    let mut request = outbound(request)?;
    if let Some(step) = by.step {
        run.acting.clone_from(&step.acting);
        run.cause.clone_from(&step.cause);
        request.limits.timeout = step.timeout;
        if beside.is_empty() {
            let key = HeaderValue::try_from(step.idempotency_key.as_str()).map_err(Error::internal)?;
            request.headers.insert(HeaderName::from_static("idempotency-key"), key);
        }
    }
    let called = match &credential.token {
        Some(token) => connect.send(&run, token, request, credential.renewed).await,
        None => {
            let kind = super::types::word(&by.ready.auth()?.kind);
            connect.call_plain(&run, (&kind, connector.version), request).await
        }
    };
    let called = called.map_err(unreached)?;
    let response = called.response;
    let headers = response.headers.iter();
    let headers =
        headers.filter_map(|(n, v)| Some((n.as_str().to_owned(), v.to_str().ok()?.to_owned()))).collect();
    let json = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    Ok(Answered {
        status: response.status.as_u16(),
        headers,
        cookies: response.cookies,
        json,
        body: response.body,
        took_ms: called.duration_ms,
    })
}

/// A product that was not reached; addresses that may not be called are told at the fields that name them.
pub(super) fn unreached(error: CallError) -> Error {
    match error {
        CallError::Outside(e @ gatehouse_outbound::Error::Refused { .. }) => Error::conflict(e.to_string()),
        other => other.into(),
    }
}

/// The request as the one door out takes it.
pub(super) fn outbound(request: Request) -> Result<OutboundRequest> {
    let method = Method::from_bytes(wire::method(request.method).as_bytes()).map_err(Error::internal)?;
    let mut out = OutboundRequest::new(method, request.url).with_limits(LIMITS);
    let unfit = || Error::conflict("A header of this call holds characters that no header carries.");
    for (name, text) in &request.headers {
        let name = HeaderName::try_from(name.as_str()).map_err(|_| unfit())?;
        out.headers.insert(name, HeaderValue::try_from(text.as_str()).map_err(|_| unfit())?);
    }
    if !out.headers.contains_key(ACCEPT) {
        out.headers.insert(ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"));
    }
    if let Some(content) = request.body {
        let kind = HeaderValue::try_from(content.media_type.as_str()).map_err(|_| unfit())?;
        out.headers.insert(CONTENT_TYPE, kind);
        out.body = content.bytes;
    }
    Ok(out)
}
