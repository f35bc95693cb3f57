//! Signing up: the form, the mailed link, the new account.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Actor, Email, Error, Kind, Secret};
use gatehouse_web::{
    Choice, FieldErrors, Flash, HtmlResult, Page, PageContext, Path, RequestOrigin, SeeOther, VerifiedForm,
    View, Web,
};
use serde::Deserialize;

use super::invitation::signed_in;
use super::reset::{secret_address, status_again};
use crate::api::caller::{Anybody, Visitor};
use crate::model::SocialProvider;
use crate::{AskedSignUp, DefaultSignIn, Identity};

#[derive(askama::Template)]
#[template(path = "identity/sign_up_ask.html")]
pub(crate) struct AskPage {
    page: Page,
    asked: bool,
    email: String,
    workspace: String,
    ways: Vec<Choice>,
    /// Providers whose accounts sign up without a mail.
    providers: Vec<SocialProvider>,
    errors: FieldErrors,
}

#[derive(askama::Template)]
#[template(path = "identity/sign_up_finish.html")]
struct FinishPage {
    page: Page,
    /// Empty when the link counts no more.
    email: String,
    workspace: String,
    is_known: bool,
    /// The address of who is signed in here; empty for nobody.
    me: String,
    sign_in: String,
    accept: String,
    given_name: String,
    errors: FieldErrors,
}

/// What a mailed link is for; accounts at providers sign up beside it.
fn ways() -> Vec<Choice> {
    vec![Choice::new("password", "E-mail address and password")]
}

fn ask_page(
    identity: &Identity,
    context: &PageContext,
    form: AskForm,
    asked: bool,
    errors: FieldErrors,
) -> View<AskPage> {
    let title = if asked { "Look into your mail" } else { "Create a workspace" };
    let AskForm { email, workspace_name: workspace, .. } = form;
    let providers = SocialProvider::ALL.into_iter().filter(|p| identity.offers(*p)).collect();
    View(AskPage { page: context.page(title, ""), asked, email, workspace, ways: ways(), providers, errors })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AskForm {
    #[serde(default)]
    email: String,
    #[serde(default)]
    workspace_name: String,
    #[serde(default)]
    default_sign_in: DefaultSignIn,
}

/// Asks for workspace and address.
pub(crate) async fn show(
    State(identity): State<Identity>,
    context: PageContext,
) -> HtmlResult<View<AskPage>> {
    identity.require_sign_up()?;
    Ok(ask_page(&identity, &context, AskForm::default(), false, FieldErrors::none()))
}

/// Sends the mail, and says the same to everybody.
pub(crate) async fn ask(
    State(identity): State<Identity>,
    Anybody(actor): Anybody,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<AskForm>,
) -> HtmlResult<Response> {
    identity.require_sign_up()?;
    let asked = match form.email.parse::<Email>() {
        Ok(email) => {
            let (workspace, sign_in) = (form.workspace_name.clone(), form.default_sign_in);
            identity.ask_sign_up(&actor, AskedSignUp { email, workspace, sign_in }).await
        }
        Err(e) => Err(e),
    };
    match asked {
        Ok(()) => Ok(ask_page(&identity, &context, form, true, FieldErrors::none()).into_response()),
        Err(e) => {
            let Some(status) = status_again(&e) else { return Err(e.into()) };
            let shown = if e.field().is_none() { e.on_field("email") } else { e };
            Ok((status, ask_page(&identity, &context, form, false, FieldErrors::from(&shown)))
                .into_response())
        }
    }
}

/// What was given at the link.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FinishForm {
    #[serde(default)]
    name: String,
    password: Option<Secret>,
    workspace_name: Option<String>,
}

async fn page(
    identity: &Identity,
    context: &PageContext,
    token: &str,
    me: Option<&Actor>,
    form: FinishForm,
    why: Option<&Error>,
) -> HtmlResult<Response> {
    let (errors, status) = (why.map(FieldErrors::from).unwrap_or_default(), why.and_then(status_again));
    let me = match me {
        Some(actor) => identity.me(actor).await?.email.to_string(),
        None => String::new(),
    };
    let returning = super::query(&[("returnTo", &format!("/sign-up/{token}"))]);
    let blank = FinishPage {
        page: context.page("This link does not count any more", ""),
        email: String::new(),
        workspace: String::new(),
        is_known: false,
        me,
        sign_in: format!("/login?{returning}"),
        accept: format!("/sign-up/{token}/accept"),
        given_name: form.name,
        errors,
    };
    match identity.open_sign_up(token).await {
        Ok(open) => {
            let shown = FinishPage {
                page: context.page("Create your workspace", ""),
                email: open.email().to_string(),
                workspace: form.workspace_name.unwrap_or_else(|| open.workspace().to_owned()),
                is_known: open.is_known,
                ..blank
            };
            Ok(secret_address((status.unwrap_or(StatusCode::OK), View(shown))))
        }
        Err(e) if e.kind() == Kind::Validation => {
            let shown = FinishPage { errors: FieldErrors::from(&e), ..blank };
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
    page(&identity, &context, &token, me.as_ref(), FinishForm::default(), None).await
}

/// Somebody new gets account and workspace.
pub(crate) async fn finish(
    State(identity): State<Identity>,
    Anybody(actor): Anybody,
    context: PageContext,
    Path(token): Path<String>,
    VerifiedForm(mut form): VerifiedForm<FinishForm>,
) -> HtmlResult<Response> {
    let password = form.password.take().unwrap_or_else(|| Secret::new(""));
    let named = form.workspace_name.as_deref();
    match identity.finish_sign_up(&actor, &token, &form.name, password, named).await {
        Ok(made) => {
            let words = format!("Your account is ready, and the workspace {} is yours. Sign in.", made.name);
            Ok(SeeOther::to("/login").saying(Flash::success(words)).into_response())
        }
        Err(e) if status_again(&e).is_none() => Err(e.into()),
        Err(e) => page(&identity, &context, &token, None, form, Some(&e)).await,
    }
}

/// The person who is signed in gets a further workspace.
pub(crate) async fn accept(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    Path(token): Path<String>,
    VerifiedForm(form): VerifiedForm<FinishForm>,
) -> HtmlResult<Response> {
    match identity.accept_sign_up(&actor, &token, form.workspace_name.as_deref()).await {
        Ok(made) => {
            let words =
                format!("The workspace {} is yours. Switch to it in the list of your workspaces.", made.name);
            Ok(SeeOther::to("/account").saying(Flash::success(words)).into_response())
        }
        Err(e) if e.field().is_none() => Err(e.into()),
        Err(e) => page(&identity, &context, &token, Some(&actor), form, Some(&e)).await,
    }
}
