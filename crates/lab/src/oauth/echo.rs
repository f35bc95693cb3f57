//! The API behind the authorization server: it answers with what it got.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, RequestExt};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gatehouse_identity::model::Workspace;
use gatehouse_types::{Error, Result};
use gatehouse_web::HtmlResult;
use serde_json::{Map, Value, json};

use super::faults::{OAuthFault, Treatment};
use super::service::{Said, Statement, Usage};
use crate::Lab;
use crate::pages::Here;
use crate::people::Person;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// Any request with an access token of this lab; 401 without a good one, or 419 for clients that want it.
pub(crate) async fn echo(State(lab): State<Lab>, mut request: Request) -> HtmlResult<Response> {
    let Here(workspace) = request.extract_parts_with_state::<Here, Lab>(&lab).await?;
    let token = match bearer(&lab, &workspace, request.headers()).await? {
        Ok(token) => token,
        Err(refused) => {
            let challenge = [(WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
            return Ok((refused.status, challenge, Json(refused.body)).into_response());
        }
    };
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().split_once("/echo").map_or("", |(_, rest)| rest);
    let pairs = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let query: Vec<(String, String)> = pairs.into_owned().collect();
    let (body, json) = read(body).await?;
    let mut answer = json!({
        "method": parts.method.as_str(), "path": path, "query": query,
        "headers": shown(&parts.headers), "body": body, "grant": described(&token),
    });
    if let Some(json) = json {
        answer["json"] = json;
    }
    Ok(Json(answer).into_response())
}

/// The token of a request, or why it opens nothing.
async fn bearer(lab: &Lab, workspace: &Workspace, headers: &HeaderMap) -> Result<Result<Statement, Said>> {
    let key = lab.key(workspace).await?;
    let given = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
    let given =
        given.and_then(|v| v.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let found = given.and_then(|(_, token)| lab.opened(&key, token.trim()));
    let treatment = found.as_ref().and_then(|token| Treatment::of(&token.grant.client));
    if let Some(treatment) = &treatment {
        lab.delay(treatment).await;
    }
    let status = match treatment.is_some_and(|t| t.has(OAuthFault::Refuses419)) {
        true => StatusCode::from_u16(419).map_err(Error::internal)?,
        false => StatusCode::UNAUTHORIZED,
    };
    let why = match given {
        None => "An access token of this lab is wanted (Authorization: Bearer …).",
        Some(_) => "The access token is unknown, expired or revoked.",
    };
    let good = found.filter(|token| lab.is_good(token, Usage::Access));
    Ok(good.ok_or_else(|| Said::refused(status, "invalid_token", why)))
}

/// The headers by name. Credentials are told by their kind and length: the answer may be shown to others.
fn shown(headers: &HeaderMap) -> Map<String, Value> {
    let mut shown = Map::new();
    for name in headers.keys() {
        let values: Vec<String> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .map(|value| if [AUTHORIZATION, COOKIE].contains(name) { masked(&value) } else { value })
            .collect();
        shown.insert(name.to_string(), values.join(", ").into());
    }
    shown
}

fn masked(value: &str) -> String {
    let (scheme, rest) = value.split_once(' ').unwrap_or(("", value));
    format!("{scheme} … ({} characters)", rest.chars().count()).trim_start().to_owned()
}

/// The body as text, or in Base64 when it is none; and what it means when it is JSON.
async fn read(body: Body) -> Result<(String, Option<Value>)> {
    let too_large = |_| Error::invalid_request("The lab reads bodies of 65536 bytes at most.");
    let bytes = to_bytes(body, MAX_BODY).await.map_err(too_large)?;
    let json = serde_json::from_slice(&bytes).ok();
    let text = String::from_utf8(bytes.to_vec());
    Ok((text.unwrap_or_else(|e| BASE64_STANDARD.encode(e.as_bytes())), json))
}

/// Whose token it is, and what was said on the way to it.
fn described(token: &Statement) -> Value {
    let grant = &token.grant;
    let person = grant.person.as_deref().and_then(Person::find);
    json!({
        "belongsTo": person.map(|p| json!({"id": p.id, "name": p.name, "email": p.email})),
        "client": grant.client, "scope": grant.scope, "grant": grant.id, "expiresAt": token.exp,
        "authorizationFields": grant.asked, "tokenFields": grant.told,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_repeated() {
        let mut headers = HeaderMap::new();
        for (name, value) in [(AUTHORIZATION, "Bearer hunter2"), (COOKIE, "session=hunter2")] {
            headers.insert(name, value.parse().unwrap());
        }
        headers.append("x-pin", "1".parse().unwrap());
        headers.append("x-pin", "2".parse().unwrap());
        let shown = Value::Object(shown(&headers));
        assert_eq!(shown["authorization"], "Bearer … (7 characters)");
        assert_eq!(shown["x-pin"], "1, 2");
        assert!(!shown.to_string().contains("hunter2"), "{shown}");
    }
}
