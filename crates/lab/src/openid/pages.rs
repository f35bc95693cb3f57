//! The pages and endpoints of the lab's OpenID provider.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use gatehouse_types::{ConnectionId, Error, Result};
use gatehouse_web::{
    Choice, Form, HtmlResult, Page, PageContext, PostAway, Query, SeeOther, VerifiedForm, View,
};
use serde::Deserialize;
use serde_json::json;

use super::faults::{LogoutTokenFault, OpenIdFault};
use super::service::{Grant, Refusal, TokenForm};
use super::{LAB_CLIENT_ID, OwnAddress, path};
use crate::Lab;
use crate::faults::NO_FAULT;
use crate::pages::{Here, chosen};
use crate::people::{PEOPLE, Person};

/// The longest value of a request that is repeated, in bytes.
const MAX_VALUE: usize = 512;

#[derive(Template)]
#[template(path = "lab/openid_sign_on.html")]
pub(crate) struct SignOn {
    page: Page,
    workspace: String,
    action: String,
    asked: Asked,
    faults: Vec<Choice>,
    fault: String,
    people: &'static [Person],
}

/// A request (Core §3.1.2.1), as the form brings it back.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    state: String,
    nonce: String,
    code_challenge: String,
    code_challenge_method: String,
    scope: String,
}

impl Asked {
    /// Where the answer goes.
    ///
    /// # Errors
    /// `InvalidRequest` for what the lab does not answer.
    fn check(&self, lab: &Lab) -> Result<OwnAddress> {
        let refuse = |why: &'static str| Error::invalid_request(why);
        let all = [&self.state, &self.nonce, &self.code_challenge, &self.scope, &self.redirect_uri];
        if all.into_iter().any(|v| v.len() > MAX_VALUE) {
            return Err(refuse("The sign-in request is too large."));
        }
        if self.client_id != LAB_CLIENT_ID {
            return Err(refuse("The lab knows one client: its client id is on the lab's page."));
        }
        if self.response_type != "code" || !self.scope.split(' ').any(|s| s == "openid") {
            return Err(refuse("The lab answers with a code, and to requests of the scope openid."));
        }
        if self.code_challenge_method != "S256" || self.code_challenge.len() != 43 {
            return Err(refuse("The lab wants PKCE with S256."));
        }
        OwnAddress::callback(lab.public_url(), &self.redirect_uri).ok_or_else(|| {
            refuse("The answer is wanted at an address that is no sign-in address of this host.")
        })
    }
}

/// A request arrived: who shall answer it, and how?
pub(crate) async fn ask(
    State(lab): State<Lab>,
    Here(workspace): Here,
    context: PageContext,
    Query(asked): Query<Asked>,
) -> HtmlResult<View<SignOn>> {
    asked.check(&lab)?;
    Ok(View(SignOn {
        page: context.page("Choose who you are", ""),
        action: path(&workspace.id, "authorize"),
        workspace: workspace.name,
        asked,
        faults: OpenIdFault::choices(),
        fault: NO_FAULT.to_owned(),
        people: &PEOPLE,
    }))
}

#[derive(Deserialize)]
pub(crate) struct SignOnForm {
    person: String,
    #[serde(default)]
    fault: String,
    email_elsewhere: Option<String>,
    #[serde(flatten)]
    asked: Asked,
}

/// The choice was made: answer as that person. What the form brings back is checked again.
pub(crate) async fn answer(
    State(lab): State<Lab>,
    Here(workspace): Here,
    VerifiedForm(form): VerifiedForm<SignOnForm>,
) -> HtmlResult<SeeOther> {
    let callback = form.asked.check(&lab)?;
    OpenIdFault::parse(&form.fault)?;
    let grant = Grant {
        person: chosen(&form.person)?.id.to_owned(),
        connection: callback.connection.to_string(),
        nonce: Some(form.asked.nonce).filter(|n| !n.is_empty()),
        challenge: form.asked.code_challenge,
        fault: form.fault,
        email_elsewhere: form.email_elsewhere.is_some(),
        session: String::new(),
    };
    Ok(SeeOther::to(lab.openid_answer(&workspace.id, &callback, &form.asked.state, grant).await?))
}

/// What the provider says of itself.
pub(crate) async fn discovery(State(lab): State<Lab>, Here(workspace): Here) -> HtmlResult<Response> {
    Ok(Json(lab.addresses(&workspace.id).openid_discovery()).into_response())
}

/// Its keys.
pub(crate) async fn keys(State(lab): State<Lab>, Here(workspace): Here) -> HtmlResult<Response> {
    Ok(Json(lab.openid_keys(&workspace.id).await?).into_response())
}

/// The token endpoint.
pub(crate) async fn token(
    State(lab): State<Lab>,
    Here(workspace): Here,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> HtmlResult<Response> {
    let authorization = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
    let no_store = [(CACHE_CONTROL, "no-store")];
    Ok(match lab.openid_tokens(&workspace.id, authorization, &form).await? {
        Ok(tokens) => (no_store, Json(tokens)).into_response(),
        Err(Refusal(error, why)) => {
            let status = match error {
                "invalid_client" => StatusCode::UNAUTHORIZED,
                _ => StatusCode::BAD_REQUEST,
            };
            let body = json!({"error": error, "error_description": why});
            (status, no_store, Json(body)).into_response()
        }
    })
}

/// The userinfo endpoint.
pub(crate) async fn userinfo(
    State(lab): State<Lab>,
    Here(workspace): Here,
    headers: HeaderMap,
) -> HtmlResult<Response> {
    let token =
        headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let claims = match token {
        Some(token) => lab.openid_userinfo(&workspace.id, token).await?,
        None => None,
    };
    Ok(match claims {
        Some(claims) => Json(claims).into_response(),
        None => {
            (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")]).into_response()
        }
    })
}

#[derive(Deserialize)]
pub(crate) struct EndSession {
    id_token_hint: Option<String>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

/// Gatehouse sends somebody who signed out there.
pub(crate) async fn end_session(
    State(lab): State<Lab>,
    Here(workspace): Here,
    Query(asked): Query<EndSession>,
) -> HtmlResult<SeeOther> {
    let (hint, back) = (asked.id_token_hint.as_deref(), asked.post_logout_redirect_uri.as_deref());
    Ok(SeeOther::to(lab.end_openid(&workspace.id, hint, back, asked.state.as_deref()).await?))
}

#[derive(Template)]
#[template(path = "lab/openid_logout.html")]
pub(crate) struct Logout {
    page: Page,
    workspace: String,
    action: String,
    connection: String,
    faults: Vec<Choice>,
    fault: String,
    people: &'static [Person],
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    connection: String,
}

/// Who shall be signed out from the provider's side?
pub(crate) async fn ask_logout(
    Here(workspace): Here,
    context: PageContext,
    Query(wanted): Query<Wanted>,
) -> HtmlResult<View<Logout>> {
    Ok(View(Logout {
        page: context.page("Sign somebody out", ""),
        action: path(&workspace.id, "logout"),
        workspace: workspace.name,
        connection: wanted.connection,
        faults: LogoutTokenFault::choices(),
        fault: NO_FAULT.to_owned(),
        people: &PEOPLE,
    }))
}

#[derive(Deserialize)]
pub(crate) struct LogoutForm {
    person: String,
    connection: String,
    #[serde(default)]
    fault: String,
}

/// A logout token for Gatehouse. A real provider posts it by itself; the lab lets the browser do it.
pub(crate) async fn tell_logout(
    State(lab): State<Lab>,
    Here(workspace): Here,
    VerifiedForm(form): VerifiedForm<LogoutForm>,
) -> HtmlResult<PostAway> {
    let connection: ConnectionId = form.connection.trim().parse().map_err(|_| {
        Error::validation("connection", "Copy the connection's id from its page; it begins with con_.")
    })?;
    let (person, fault) = (chosen(&form.person)?, LogoutTokenFault::parse(&form.fault)?);
    let token = lab.logout_token(&workspace.id, person, fault).await?;
    Ok(PostAway {
        action: lab.logout_address(&connection),
        fields: vec![("logout_token".to_owned(), token)],
        towards: "Gatehouse".to_owned(),
    })
}
