//! What the workspace demands of those who sign in.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_types::Kind;
use gatehouse_web::{
    Choice, FieldErrors, Flash, HtmlResult, Page, PageContext, SeeOther, VerifiedForm, View,
};
use serde::Deserialize;

use crate::api::caller::Visitor;
use crate::model::SocialProvider;
use crate::{DefaultSignIn, Identity, SecuritySettings};

#[derive(askama::Template)]
#[template(path = "identity/security.html")]
struct SecurityPage {
    page: Page,
    required: bool,
    way: String,
    ways: Vec<Choice>,
    errors: FieldErrors,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecurityForm {
    #[serde(default)]
    require_second_step: bool,
    #[serde(default)]
    default_sign_in: DefaultSignIn,
}

/// The password, what the operator offers beside it, and what is set.
fn ways(identity: &Identity, set: DefaultSignIn) -> Vec<Choice> {
    let mut ways = vec![Choice::new("password", "E-mail address and password")];
    let offered = |p: &SocialProvider| identity.offers(*p) || set.provider() == Some(*p);
    ways.extend(SocialProvider::ALL.iter().filter(|p| offered(p)).map(|p| Choice::new(p.as_str(), p.name())));
    ways
}

fn view(
    identity: &Identity,
    context: &PageContext,
    shown: SecuritySettings,
    errors: FieldErrors,
) -> View<SecurityPage> {
    let SecuritySettings { require_second_step: required, default_sign_in } = shown;
    let (way, ways) = (default_sign_in.as_str().to_owned(), ways(identity, default_sign_in));
    View(SecurityPage { page: context.page("Signing in", "sign-in"), required, way, ways, errors })
}

/// The rule as it is.
pub(crate) async fn show(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<Response> {
    let now = identity.security_settings(&actor).await?;
    Ok(view(&identity, &context, now, FieldErrors::default()).into_response())
}

/// Changes it.
pub(crate) async fn change(
    State(identity): State<Identity>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<SecurityForm>,
) -> HtmlResult<Response> {
    let (require_second_step, default_sign_in) = (form.require_second_step, form.default_sign_in);
    let wanted = SecuritySettings { require_second_step, default_sign_in };
    match identity.set_security_settings(&actor, wanted).await {
        Ok(()) => {
            let to = SeeOther::to("/settings/security/sign-in");
            Ok(to.saying(Flash::success("The rule is saved.")).into_response())
        }
        Err(e) if matches!(e.kind(), Kind::Conflict | Kind::Validation) => {
            let status =
                if e.kind() == Kind::Conflict { StatusCode::CONFLICT } else { StatusCode::BAD_REQUEST };
            Ok((status, view(&identity, &context, wanted, FieldErrors::from(&e))).into_response())
        }
        Err(e) => Err(e.into()),
    }
}
