use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use gatehouse_types::Error;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::csrf::{CSRF_FIELD, foreign_origin, stale};
use crate::edge::context::Web;
use crate::html::view::HtmlError;
use crate::json::body::unread_body;
use crate::json::query::read_pairs;

/// A form sent by one of our own pages: the CSRF proof is checked before the values are looked at (403 page).
///
/// A name may repeat for a `Vec`. The proof comes in the field `csrf` or the header `X-CSRF-Token` and is taken out.
#[derive(Clone, Debug)]
pub struct VerifiedForm<T>(pub T);

/// A form from anywhere, without a CSRF proof: for what identity providers post to us.
#[derive(Clone, Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for VerifiedForm<T> {
    type Rejection = HtmlError;

    async fn from_request(request: Request, state: &S) -> Result<Self, HtmlError> {
        let web = Web::of(request.extensions())?.clone();
        let headers = request.headers().clone();
        if foreign_origin(&headers, web.public_url()) {
            return Err(stale().into());
        }
        let body = form_body(request, state).await?;
        let (proof, rest) = split_proof(&body);
        let by_field = proof.is_some_and(|p| web.csrf().verify_request(&headers, web.cookies(), &p));
        if !by_field && !web.csrf().verify_header(&headers, web.cookies()) {
            return Err(stale().into());
        }
        Ok(Self(read_pairs(rest.as_bytes())?))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = HtmlError;

    async fn from_request(request: Request, state: &S) -> Result<Self, HtmlError> {
        let body = form_body(request, state).await?;
        Ok(Self(read_pairs(&body)?))
    }
}

async fn form_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Error> {
    if !is_form(request.headers()) {
        return Err(Error::invalid_request("This address takes a form (application/x-www-form-urlencoded)."));
    }
    Bytes::from_request(request, state).await.map_err(|r| unread_body(&r))
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn split_proof(body: &[u8]) -> (Option<String>, String) {
    let mut proof = None;
    let mut rest = form_urlencoded::Serializer::new(String::with_capacity(body.len()));
    for (name, value) in form_urlencoded::parse(body) {
        if name == CSRF_FIELD {
            proof = Some(value.into_owned());
        } else {
            rest.append_pair(&name, &value);
        }
    }
    (proof, rest.finish())
}
