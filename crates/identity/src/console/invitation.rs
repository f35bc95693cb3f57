//! The mailed link of an invitation.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Actor, Error, Kind, Secret};
use gatehouse_web::{
    CookieKind, FieldErrors, Flash, HtmlResult, Page, PageContext, Path, RequestOrigin, SeeOther,
    VerifiedForm, View, Web,
};
use serde::Deserialize;

use super::reset::{secret_address, status_again};
use crate::Identity;
use crate::api::caller::{Anybody, Visitor};

#[derive(askama::Template)]
#[template(path = "identity/invitation.html")]
struct InvitationPage {
    page: Page,
    /// Empty when the link counts no more.
    email: String,
    workspace: String,
    role: String,
    is_known: bool,
    /// Whether the address's domain signs in through a provider.
    through_provider: bool,
    /// The address of who is signed in here; empty for nobody.
    me: String,
    sign_in: String,
    given_name: String,
    accept: String,
    errors: FieldErrors,
}

/// Who is signed in in this browser.
pub(super) async fn signed_in(
    identity: &Identity,
    web: &Web,
    headers: &HeaderMap,
    origin: gatehouse_types::Origin,
) -> HtmlResult<Option<Actor>> {
    match web.cookies().get(headers, CookieKind::Session) {
        Some(value) => Ok(identity.by_cookie(origin, value).await?),
        None => Ok(None),
    }
}

async fn page(
    identity: &Identity,
    context: &PageContext,
    token: &str,
    me: Option<&Actor>,
    name: String,
    why: Option<&Error>,
) -> HtmlResult<Response> {
    let (errors, status) = (why.map(FieldErrors::from).unwrap_or_default(), why.and_then(status_again));
    let me = match me {
        Some(actor) => identity.me(actor).await?.email.to_string(),
        None => String::new(),
    };
    let returning = super::query(&[("returnTo", &format!("/invitation/{token}"))]);
    let blank = InvitationPage {
        page: context.page("This invitation does not count any more", ""),
        email: String::new(),
        workspace: String::new(),
        role: String::new(),
        is_known: false,
        through_provider: false,
        me,
        sign_in: format!("/login?{returning}"),
        given_name: name,
        accept: format!("/invitation/{token}/accept"),
        errors,
    };
    match identity.open_invitation(token).await {
        Ok(open) => {
            let shown = InvitationPage {
                page: context.page(format!("Join {}", open.workspace), ""),
                email: open.invitation.email.to_string(),
                workspace: open.workspace,
                role: open.invitation.role.to_string(),
                is_known: open.is_known,
                through_provider: open.provider.is_some(),
                ..blank
            };
            Ok(secret_address((status.unwrap_or(StatusCode::OK), View(shown))))
        }
        Err(e) if e.kind() == Kind::Validation => {
            let shown = InvitationPage { errors: FieldErrors::from(&e), ..blank };
            Ok(secret_address((StatusCode::BAD_REQUEST, View(shown))))
        }
        Err(e) => Err(e.into()),
    }
}

/// The mailed link.
pub(crate) async fn open(
    State(identity): State<Identity>,
    web: Web,
    RequestOrigin(origin): RequestOrigin,
    headers: HeaderMap,
    context: PageContext,
    Path(token): Path<String>,
) -> HtmlResult<Response> {
    let me = signed_in(&identity, &web, &headers, origin).await?;
    page(&identity, &context, &token, me.as_ref(), String::new(), None).await
}

#[derive(Deserialize)]
pub(crate) struct JoinForm {
    #[serde(default)]
    name: String,
    password: Option<Secret>,
}

/// Somebody new joins.
pub(crate) async fn join(
    State(identity): State<Identity>,
    Anybody(actor): Anybody,
    context: PageContext,
    Path(token): Path<String>,
    VerifiedForm(form): VerifiedForm<JoinForm>,
) -> HtmlResult<Response> {
    match identity.accept_as_new(&actor, &token, &form.name, form.password).await {
        Ok(open) => {
            let flash = Flash::success(format!(
                "Your account is ready, and you are a member of {}. Sign in.",
                open.workspace
            ));
            Ok(SeeOther::to("/login").saying(flash).into_response())
        }
        Err(e) if status_again(&e).is_none() => Err(e.into()),
        Err(e) => page(&identity, &context, &token, None, form.name, Some(&e)).await,
    }
}

/// The person who is signed in accepts.
pub(crate) async fn accept(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    Path(token): Path<String>,
    VerifiedForm(_): VerifiedForm<serde_json::Value>,
) -> HtmlResult<Response> {
    let open = identity.accept_invitation(&actor, &token).await?;
    let flash = Flash::success(format!(
        "You are a member of {} now. Switch to it in the list of your workspaces.",
        open.workspace
    ));
    Ok(SeeOther::to("/account").saying(flash).into_response())
}
