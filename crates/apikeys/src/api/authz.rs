//! `GET /authz`: what a proxy asks before it lets a request through (nginx `auth_request`, Traefik `ForwardAuth`, Envoy
//! `ext_authz` over HTTP). The hottest path of the product: a key is judged from memory, and [`HotGate`] answers for the
//! good ones ahead of router and edge.

use std::net::IpAddr;
use std::time::Instant;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Actor, Error, Kind, Origin, Permission, Principal};
use gatehouse_web::{ApiError, ForPrograms, Lane};

use crate::ApiKeys;
use crate::gate::{Asked, Known, Owner, Refused, header};
use crate::model::KeyText;
use crate::model::secret::PREFIX;

const WORKSPACE: HeaderName = HeaderName::from_static("x-gatehouse-workspace");
const APP: HeaderName = HeaderName::from_static("x-gatehouse-app");
const KEY: HeaderName = HeaderName::from_static("x-gatehouse-key");
const SCOPES: HeaderName = HeaderName::from_static("x-gatehouse-scopes");
const OWNER: HeaderName = HeaderName::from_static("x-gatehouse-owner");
const USER: HeaderName = HeaderName::from_static("x-gatehouse-user");
const ROLE: HeaderName = HeaderName::from_static("x-gatehouse-role");
const DECISION: HeaderName = HeaderName::from_static("x-gatehouse-decision");
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const REQUIRED: HeaderName = HeaderName::from_static("x-required-scope");

/// Where proxies ask.
pub(crate) const PATH: &str = "/authz";
/// Nobody keeps an answer: the next one may be another.
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");
/// The longest credential that is looked at, in bytes.
const MAX_CREDENTIAL: usize = 8_192;

/// How the caller shows who they are.
enum Credential<'a> {
    Key(&'a str),
    Token(&'a str),
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().filter(|t| t.len() <= MAX_CREDENTIAL)
}

fn credential(headers: &HeaderMap) -> Option<Credential<'_>> {
    if let Some(value) = headers.get(&API_KEY) {
        return Some(Credential::Key(value.to_str().unwrap_or_default()));
    }
    let (scheme, value) = text(headers, &AUTHORIZATION)?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let value = value.trim();
    Some(if value.starts_with(PREFIX) { Credential::Key(value) } else { Credential::Token(value) })
}

fn allowed_key(known: &Known) -> Response {
    let mut response = StatusCode::OK.into_response();
    tell(response.headers_mut(), known);
    response
}

/// A key's id as the value of a header.
fn key_header(key: [u8; 16]) -> HeaderValue {
    let mut text = *b"apk_00000000000000000000000000000000";
    let nibbles = key.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    for (place, nibble) in text.iter_mut().skip(4).zip(nibbles) {
        *place = b"0123456789abcdef"[usize::from(nibble)];
    }
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""))
}

/// What [`tell`] says of every key.
const TOLD: [HeaderName; 6] = [CACHE_CONTROL, WORKSPACE, APP, KEY, SCOPES, OWNER];

/// What the service behind the proxy learns of a key.
fn tell(headers: &mut HeaderMap, known: &Known) {
    let app = &known.app.headers;
    headers.insert(CACHE_CONTROL, NOT_KEPT);
    headers.insert(WORKSPACE, app.workspace.clone());
    headers.insert(APP, app.app.clone());
    headers.insert(KEY, key_header(known.key));
    headers.insert(SCOPES, app.scopes.clone());
    let owner = match &known.owner {
        Owner::Service => HeaderValue::from_static("service"),
        Owner::Person(id) => header(&format!("person:{id}")),
    };
    headers.insert(OWNER, owner);
}

fn allowed_person(actor: &Actor) -> Response {
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    if let Some(workspace) = &actor.workspace_id {
        headers.insert(WORKSPACE, header(gatehouse_types::Id::as_str(workspace)));
    }
    if let Principal::User { user_id, role, .. } = &actor.principal {
        headers.insert(USER, header(gatehouse_types::Id::as_str(user_id)));
        headers.insert(ROLE, HeaderValue::from_static(role.as_str()));
        headers.insert(OWNER, header(&format!("person:{user_id}")));
    }
    response
}

fn refused(error: Error) -> Response {
    let decision = error.decision().map(|d| header(gatehouse_types::Id::as_str(d)));
    let is_nobody = error.kind() == Kind::Authentication;
    let mut response = ApiError(error).into_response();
    if let Some(decision) = decision {
        response.headers_mut().insert(DECISION, decision);
    }
    if is_nobody {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The scope that the proxy asks for. One that cannot be read is one that nobody has.
fn required(headers: &HeaderMap) -> Option<&str> {
    let scope = headers.get(&REQUIRED)?.to_str().ok();
    Some(scope.filter(|s| !s.is_empty() && s.len() <= MAX_CREDENTIAL).unwrap_or("-"))
}

/// A key that was judged, and refused, before the router was asked.
#[derive(Clone)]
struct Judged(Refused);

/// Answers for keys that open what is asked, ahead of router and edge; all else goes on to them.
#[derive(Debug)]
pub struct HotGate {
    keys: ApiKeys,
    lane: Lane,
}

impl HotGate {
    /// `lane` stands for the edge.
    pub fn new(keys: ApiKeys, lane: impl FnOnce(&'static str, &[HeaderName]) -> Lane) -> Self {
        Self { keys, lane: lane(PATH, &TOLD) }
    }

    /// The answer, if the request shows a key that opens what it asks.
    pub fn answer<B>(&self, request: &mut axum::http::Request<B>, peer: IpAddr) -> Option<Response> {
        if request.uri().path() != PATH || request.uri().query().is_some() {
            return None;
        }
        match self.judge(request.method(), request.headers(), peer)? {
            Ok(answer) => Some(answer),
            Err(refused) => {
                request.extensions_mut().insert(Judged(refused));
                None
            }
        }
    }

    /// `None` when no key is shown that could be judged here.
    fn judge(&self, method: &Method, headers: &HeaderMap, peer: IpAddr) -> Option<Result<Response, Refused>> {
        let began = Instant::now();
        let Some(Credential::Key(value)) = credential(headers) else { return None };
        let key = KeyText::parse(value)?;
        if !self.keys.is_at_hand() {
            return None;
        }
        let ip = Some(self.lane.client(peer, headers));
        let asked = Asked { scope: required(headers), ip, now: self.keys.0.store.now() };
        let verdict = self.keys.0.gate.check_digest(&key.digest(), asked);
        Some(verdict.map(|known| self.lane.answer(method, began, |headers| tell(headers, &known))))
    }
}

/// Any method: proxies ask with that of the request they hold back.
pub(crate) async fn authz(State(keys): State<ApiKeys>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let Some(origin) = parts.extensions.get::<Origin>().cloned() else {
        return ApiError(Error::internal("the edge was not passed")).into_response();
    };
    let scope = required(&parts.headers);
    let answered = match parts.extensions.get::<Judged>() {
        Some(Judged(why)) => Err(keys.refused(origin, why.clone(), scope).await),
        None => judge(&keys, &parts.headers, scope, origin).await,
    };
    // a refusal may be shown to somebody, what lets through is the proxy's alone
    let let_through = answered.map(|response| (Extension(ForPrograms), response).into_response());
    let mut response = let_through.unwrap_or_else(refused);
    response.headers_mut().insert(CACHE_CONTROL, NOT_KEPT);
    response
}

async fn judge(
    keys: &ApiKeys,
    headers: &HeaderMap,
    scope: Option<&str>,
    origin: Origin,
) -> Result<Response, Error> {
    match credential(headers) {
        None => Err(Error::authentication("Send a key (X-API-KEY) or a bearer token.")),
        Some(Credential::Key(value)) => match keys.check(value, scope, &origin).await? {
            Ok(known) => Ok(allowed_key(&known)),
            Err(why) => Err(keys.refused(origin, why, scope).await),
        },
        Some(Credential::Token(value)) => {
            let actor = keys.0.identity.by_bearer(origin, value).await?;
            let message = "The bearer token is not ours, has expired, or its session has ended.";
            let actor = actor.ok_or_else(|| Error::authentication(message))?;
            person(keys, &actor, scope).await
        }
    }
}

/// A token: of a person, who has the scopes that they could give a key; or of a key that was exchanged for it.
async fn person(keys: &ApiKeys, actor: &Actor, scope: Option<&str>) -> Result<Response, Error> {
    if let Principal::ApiKey { key_id, .. } = &actor.principal {
        let verdict = keys.check_id(key_id, scope, &actor.origin).await?;
        return match verdict {
            Ok(known) => Ok(allowed_key(&known)),
            Err(why) => Err(keys.refused(actor.origin.clone(), why, scope).await),
        };
    }
    if let Some(scope) = scope {
        let object =
            Some(format!("api-scope:{}", if crate::model::scope::is_shaped(scope) { scope } else { "-" }));
        gatehouse_identity::require(&keys.0.store, actor, Permission::ManageApps, object).await?;
    }
    Ok(allowed_person(actor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::gate::id_text;

    #[test]
    fn a_key_is_named_by_its_id() {
        let key = *b"\x01\x9a\xf0\x00abcdefghijk\xff";
        assert_eq!(key_header(key).to_str().unwrap(), id_text(key));
    }
}
