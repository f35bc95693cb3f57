//! What the workspace demands of those who sign in.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_types::Kind;
use gatehouse_web::{FieldErrors, Flash, HtmlResult, Page, PageContext, SeeOther, VerifiedForm, View};
use serde::Deserialize;

use crate::api::caller::Visitor;
use crate::{Identity, SecuritySettings};

#[derive(askama::Template)]
#[template(path = "identity/security.html")]
struct SecurityPage {
    page: Page,
    required: bool,
    errors: FieldErrors,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecurityForm {
    #[serde(default)]
    require_second_step: bool,
}

fn view(context: &PageContext, required: bool, errors: FieldErrors) -> View<SecurityPage> {
    View(SecurityPage { page: context.page("Signing in", "sign-in"), required, errors })
}

/// The rule as it is.
pub(crate) async fn show(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<Response> {
    let now = identity.security_settings(&actor).await?;
    Ok(view(&context, now.require_second_step, FieldErrors::default()).into_response())
}

/// Changes it.
pub(crate) async fn change(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<SecurityForm>,
) -> HtmlResult<Response> {
    let wanted = SecuritySettings { require_second_step: form.require_second_step };
    match identity.set_security_settings(&actor, wanted).await {
        Ok(()) => {
            let to = SeeOther::to("/settings/security/sign-in");
            Ok(to.saying(Flash::success("The rule is saved.")).into_response())
        }
        Err(e) if e.kind() == Kind::Conflict => {
            let shown = view(&context, wanted.require_second_step, FieldErrors::from(&e));
            Ok((StatusCode::CONFLICT, shown).into_response())
        }
        Err(e) => Err(e.into()),
    }
}
