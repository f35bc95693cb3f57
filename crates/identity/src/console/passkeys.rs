//! The pages of one's own passkeys. The browser's part is in `passkey.js`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_types::{Actor, Error, FactorId, Kind, Result, Secret};
use gatehouse_web::{FieldErrors, Flash, HtmlResult, Page, PageContext, Path, SeeOther, VerifiedForm, View};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Identity;
use crate::api::caller::Visitor;
use crate::console::factors::{Nothing, PATH, frame, shown_once, stale, told};
use crate::service::factors::confirmed_one;

#[derive(askama::Template)]
#[template(path = "identity/passkey.html")]
struct PasskeyPage {
    page: Page,
    ceremony: String,
    options: String,
    /// The name as it was typed.
    called: String,
    errors: FieldErrors,
}

#[derive(askama::Template)]
#[template(path = "identity/factor_name.html")]
struct NamePage {
    page: Page,
    factor: String,
    called: String,
    errors: FieldErrors,
}

#[derive(Deserialize)]
pub(crate) struct PasskeyForm {
    ceremony: Secret,
    #[serde(default)]
    name: String,
    passkey: Secret,
}

#[derive(Deserialize)]
pub(crate) struct NameForm {
    #[serde(default)]
    name: String,
}

/// What the script put into the field `passkey`.
pub(super) fn given<T: DeserializeOwned>(text: &Secret) -> Result<T> {
    let message = "The browser sent no passkey. Try again, or use another second step.";
    serde_json::from_str(text.expose()).map_err(|_| Error::validation("passkey", message))
}

/// A new passkey: its name, and the button that asks the browser.
pub(crate) async fn begin(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<Response> {
    if let Some(first) = stale(&identity, &actor).await? {
        return Ok(first);
    }
    begun(&identity, &actor, &context, String::new(), FieldErrors::default()).await
}

async fn begun(
    identity: &Identity,
    actor: &Actor,
    context: &PageContext,
    called: String,
    errors: FieldErrors,
) -> HtmlResult<Response> {
    match identity.begin_passkey(actor).await {
        Ok(begun) => {
            let page = frame(context, "Set up a passkey");
            let (ceremony, options) = (begun.id.expose().to_owned(), begun.options.to_string());
            Ok(View(PasskeyPage { page, ceremony, options, called, errors }).into_response())
        }
        Err(e) => told(e),
    }
}

/// What the browser made. Whatever is wrong with it, the person begins anew.
pub(crate) async fn confirm(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<PasskeyForm>,
) -> HtmlResult<Response> {
    if let Some(first) = stale(&identity, &actor).await? {
        return Ok(first);
    }
    let done = match given(&form.passkey) {
        Ok(credential) => identity.confirm_passkey(&actor, &form.ceremony, &form.name, &credential).await,
        Err(e) => Err(e),
    };
    match done {
        Ok(done) if done.recovery_codes.is_empty() => {
            Ok(SeeOther::to(PATH).saying(Flash::success("The passkey is set up.")).into_response())
        }
        Ok(done) => Ok(shown_once(&context, &done.recovery_codes)),
        Err(e) if e.kind() == Kind::Validation => {
            let field = if e.field() == Some("name") { "name" } else { "passkey" };
            let errors = FieldErrors::from(&e.on_field(field));
            let mut shown = begun(&identity, &actor, &context, form.name, errors).await?;
            if shown.status() == StatusCode::OK {
                *shown.status_mut() = StatusCode::BAD_REQUEST;
            }
            Ok(shown)
        }
        Err(e) => told(e),
    }
}

/// The name of a second step, to be changed.
pub(crate) async fn ask_name(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    Path(id): Path<String>,
) -> HtmlResult<Response> {
    let own = identity.own_factors(&actor).await?;
    let called = confirmed_one(&own.factors, &id)?.name.clone();
    Ok(View(name_page(&context, id, called, FieldErrors::default())).into_response())
}

fn name_page(context: &PageContext, factor: String, called: String, errors: FieldErrors) -> NamePage {
    NamePage { page: frame(context, "Rename this second step"), factor, called, errors }
}

/// Changes it.
pub(crate) async fn rename(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    Path(id): Path<String>,
    VerifiedForm(form): VerifiedForm<NameForm>,
) -> HtmlResult<Response> {
    if let Some(first) = stale(&identity, &actor).await? {
        return Ok(first);
    }
    let factor: FactorId = id.parse().map_err(|_| Error::not_found("Second step"))?;
    match identity.rename_factor(&actor, &factor, &form.name).await {
        Ok(_) => Ok(SeeOther::to(PATH).saying(Flash::success("The second step is renamed.")).into_response()),
        Err(e) if e.kind() == Kind::Validation => {
            let shown = name_page(&context, id, form.name, FieldErrors::from(&e));
            Ok((StatusCode::BAD_REQUEST, View(shown)).into_response())
        }
        Err(e) => told(e),
    }
}
