//! The page where a person agrees, and the endpoints for programs.

use std::collections::BTreeMap;

use askama::Template;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Error, Result};
use gatehouse_web::{HtmlResult, Page, PageContext, Query, SeeOther, VerifiedForm, View};
use serde_json::Value;

use super::asked::Asked;
use super::service::{Fields, Said};
use crate::Lab;
use crate::pages::{Here, chosen};
use crate::people::{PEOPLE, Person};

#[derive(Template)]
#[template(path = "lab/oauth_consent.html")]
pub(crate) struct Consent {
    page: Page,
    workspace: String,
    action: String,
    /// What the form brings back.
    fields: BTreeMap<String, String>,
    client: String,
    scope: String,
    people: &'static [Person],
}

/// A request arrived: who agrees?
pub(crate) async fn ask(
    State(lab): State<Lab>,
    Here(workspace): Here,
    context: PageContext,
    Query(mut fields): Query<BTreeMap<String, String>>,
) -> HtmlResult<View<Consent>> {
    let asked = Asked::read(lab.public_url(), &fields)?;
    // the choice is the person's
    fields.retain(|name, _| !matches!(name.as_str(), "person" | "refuse"));
    Ok(View(Consent {
        page: context.page("Allow access?", ""),
        action: format!("{}/authorize", lab.addresses(&workspace.id).oauth_path()),
        workspace: workspace.name,
        fields,
        client: asked.client,
        scope: asked.scope,
        people: &PEOPLE,
    }))
}

/// Somebody agreed or refused. What the form brings back is read again.
pub(crate) async fn answer(
    State(lab): State<Lab>,
    Here(workspace): Here,
    VerifiedForm(fields): VerifiedForm<BTreeMap<String, String>>,
) -> HtmlResult<SeeOther> {
    let asked = Asked::read(lab.public_url(), &fields)?;
    let person = match fields.contains_key("refuse") {
        true => None,
        false => Some(chosen(fields.get("person").map(String::as_str).unwrap_or_default())?),
    };
    Ok(SeeOther::to(lab.oauth_answer(&workspace.id, asked, person).await?))
}

/// The token endpoint.
pub(crate) async fn token(
    State(lab): State<Lab>,
    Here(workspace): Here,
    headers: HeaderMap,
    body: Bytes,
) -> HtmlResult<Response> {
    let fields = read(&headers, &body)?;
    Ok(spoken(lab.oauth_token(&workspace.id, authorization(&headers), &fields).await?))
}

/// The revocation endpoint.
pub(crate) async fn revoke(
    State(lab): State<Lab>,
    Here(workspace): Here,
    headers: HeaderMap,
    body: Bytes,
) -> HtmlResult<Response> {
    let fields = read(&headers, &body)?;
    Ok(spoken(lab.oauth_revoke(&workspace.id, authorization(&headers), &fields).await?))
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok())
}

/// An answer that nobody keeps (RFC 6749 §5.1).
fn spoken(said: Said) -> Response {
    let mut answer = (said.status, [(CACHE_CONTROL, "no-store")], Json(said.body)).into_response();
    let header = match said.status {
        StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, "Basic realm=\"lab\"")),
        StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, "1")),
        _ => None,
    };
    if let Some((name, value)) = header {
        answer.headers_mut().insert(name, axum::http::HeaderValue::from_static(value));
    }
    answer
}

/// The fields of a form, or of a JSON object as some servers want it.
///
/// # Errors
/// `InvalidRequest` for a field that comes twice, and for what is neither.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<Fields> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut fields = Fields::new();
    match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => {
            for (name, value) in url::form_urlencoded::parse(body).into_owned() {
                if fields.insert(name, value).is_some() {
                    return Err(Error::invalid_request("A field comes twice."));
                }
            }
        }
        "application/json" => {
            let no_object = |_| Error::invalid_request("The body is no JSON object.");
            let object: BTreeMap<String, Value> = serde_json::from_slice(body).map_err(no_object)?;
            let text = |value: Value| match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            fields.extend(object.into_iter().map(|(name, value)| (name, text(value))));
        }
        _ => return Err(Error::invalid_request("The lab takes a form or a JSON object here.")),
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_json_are_read_and_a_field_comes_once() {
        let of = |kind: &str, body: &str| {
            read(&HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]), body.as_bytes())
        };
        let form = of("application/x-www-form-urlencoded; charset=utf-8", "a=1&b=x%20y").unwrap();
        assert_eq!((form["a"].as_str(), form["b"].as_str()), ("1", "x y"));
        assert_eq!(of("application/json", r#"{"a":1,"b":"x y"}"#).unwrap(), form);
        assert!(of("application/x-www-form-urlencoded", "a=1&a=2").is_err());
        assert!(of("application/json", "[]").is_err() && of("text/plain", "a=1").is_err());
    }
}
