//! `/scim/v2`: one handler for every method and path, because resource names count in any case and every refusal has SCIM's
//! own form.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use axum::routing::any;
use gatehouse_types::{Actor, Error, Id, Origin};
use serde_json::Value;

use super::answer::{Answer, response, tell_allowance};
use super::{bulk, discovery, resources};
use crate::Scim;
use crate::model::dialect::dialect;
use crate::model::{Asked, Resource, ScimToken};
use crate::protocol::ScimError;
use crate::protocol::bulk::MAX_PAYLOAD;
use crate::refused::{Refused, ScimResult};

/// Where the protocol is.
pub(crate) const BASE: &str = "/scim/v2";

pub(crate) fn routes() -> Router<Scim> {
    Router::new()
        .route(BASE, any(handle))
        .route("/scim/v2/", any(handle))
        .route("/scim/v2/{*path}", any(handle))
        .layer(DefaultBodyLimit::disable())
}

/// A call of the protocol, with its caller known.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) actor: Actor,
    pub(crate) method: Method,
    /// The segments of the path below the base.
    pub(crate) path: Vec<String>,
    /// The query, as sent.
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    /// The body; `Null` when there is none.
    pub(crate) body: Value,
}

async fn handle(State(scim): State<Scim>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let asked = parts.headers.clone();
    let (actor, token) = match authenticated(&scim, &parts).await {
        Ok(caller) => caller,
        Err(refused) => return response(&asked, Err(refused)),
    };
    let mut response = response(&asked, answer(&scim, (actor, &token), parts, body).await);
    tell_allowance(&mut response, scim.0.requests.allowance(token.id.as_str()));
    response
}

/// Who calls, and with which token.
async fn authenticated(scim: &Scim, parts: &Parts) -> ScimResult<(Actor, ScimToken)> {
    let origin = parts.extensions.get::<Origin>().cloned();
    let origin = origin.ok_or_else(|| Error::internal("the edge was not passed"))?;
    let (actor, token) = scim.authenticate(origin, bearer(&parts.headers)).await?;
    if let Some(workspace) = &actor.workspace_id {
        tracing::Span::current().record("gatehouse.workspace_id", tracing::field::display(workspace));
    }
    Ok((actor, token))
}

async fn answer(
    scim: &Scim,
    (actor, token): (Actor, &ScimToken),
    parts: Parts,
    body: Body,
) -> ScimResult<Answer> {
    scim.count_requests(&actor, 1)?;
    let body = to_bytes(body, MAX_PAYLOAD).await.map_err(|_| too_large());
    let body = body.and_then(|body| read_body(&parts, &body));
    let heard = dialect(
        actor.origin.user_agent.as_deref(),
        &parts.method,
        parts.uri.query(),
        body.as_ref().unwrap_or(&Value::Null),
    );
    scim.note_use(token, heard).await?;
    let body = body?;
    let path = parts.uri.path().strip_prefix(BASE).unwrap_or_default();
    let path = path.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect();
    let query = parts.uri.query().map(str::to_owned);
    let call = Call { actor, method: parts.method, path, query, headers: parts.headers, body };
    dispatch(scim, call).await
}

fn too_large() -> ScimError {
    ScimError::new(413, format!("The body is larger than {MAX_PAYLOAD} bytes."))
}

/// The token of `Authorization: Bearer …`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The JSON of a body under either media type (RFC 7644 §3.1); a GET has none that counts.
fn read_body(parts: &Parts, body: &[u8]) -> Result<Value, ScimError> {
    if body.is_empty() || parts.method.is_safe() {
        return Ok(Value::Null);
    }
    let sent = parts.headers.get(axum::http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let essence = sent.unwrap_or("application/scim+json").split(';').next().unwrap_or_default().trim();
    if !["application/scim+json", "application/json"].iter().any(|t| t.eq_ignore_ascii_case(essence)) {
        return Err(ScimError::new(415, "Send the body as application/scim+json or application/json."));
    }
    serde_json::from_slice(body).map_err(|e| {
        ScimError::invalid_syntax(format!(
            "The body is not valid JSON: look at line {}, column {}.",
            e.line(),
            e.column()
        ))
    })
}

/// What is at a path; names of resources count in any case.
async fn dispatch(scim: &Scim, call: Call) -> ScimResult<Answer> {
    let first = call.path.first().map(|s| s.to_ascii_lowercase()).unwrap_or_default();
    match (first.as_str(), call.path.len(), &call.method) {
        ("serviceproviderconfig" | "resourcetypes" | "schemas", ..) => discovery::answer(scim, &call, &first),
        ("me", ..) => {
            Err(ScimError::new(501, "A SCIM token is nobody in particular: there is no /Me.").into())
        }
        ("bulk", 1, _) => bulk::answer(scim, &call).await,
        (".search", 1, &Method::POST) => {
            resources::search_all(scim, &call, Asked::of_body(&call.body)?).await
        }
        ("", _, &Method::GET) => {
            resources::search_all(scim, &call, Asked::of_query(call.query.as_deref())?).await
        }
        ("" | ".search", ..) => Err(wrong_method()),
        _ => dispatch_resource(scim, &call).await,
    }
}

/// A call of users or groups, alone or as part of a bulk request.
pub(super) async fn dispatch_resource(scim: &Scim, call: &Call) -> ScimResult<Answer> {
    match call.path.first().map(|s| s.to_ascii_lowercase()).as_deref() {
        Some("users") => resources::answer(scim, call, Resource::User).await,
        Some("groups") => resources::answer(scim, call, Resource::Group).await,
        _ => Err(nothing_here()),
    }
}

/// The refusal of an unknown address.
pub(crate) fn nothing_here() -> Refused {
    ScimError::new(404, "There is nothing at this address.").into()
}

/// The refusal of a method.
pub(crate) fn wrong_method() -> Refused {
    ScimError::new(405, "This address exists, but it does not take this method.").into()
}
