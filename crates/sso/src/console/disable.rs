//! Turning single sign-on off.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_web::{
    Confirm, Flash, HtmlResult, Page, PageContext, Query, SeeOther, Tab, VerifiedForm, View,
};
use serde::Deserialize;

use super::page::tabs;
use super::{Nothing, PATH, frame};
use crate::Sso;
use crate::model::ConnectionStatus;

/// What turning it off means where it is mandatory, in the dialog and on the page without JavaScript.
const MANDATORY: &str = "Everybody signs in by default again, and nobody comes in through the provider. The values \
     stay here for the next time.";

/// The same where the connection is in use without being mandatory.
const OPTIONAL: &str = "Single sign-on is in use, but nobody has to come in through it. Turned off, nobody comes in \
     through the provider, and everybody signs in by default. The values stay here for the next time.";

#[derive(askama::Template)]
#[template(path = "sso/disable.html")]
struct DisablePage {
    page: Page,
    tabs: Vec<Tab>,
    /// Whether there is something to turn off.
    on: bool,
    consequence: &'static str,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    confirm: Option<String>,
}

/// The tab "Disable SSO", or its question where there is no JavaScript.
pub(super) async fn show(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    context: PageContext,
    Query(asked): Query<Asked>,
) -> HtmlResult<Response> {
    let state = sso.page_state(&actor).await?;
    let Some(view) = &state.connection else { return Ok(SeeOther::to(PATH).into_response()) };
    let (mandatory, active) =
        (state.settings.settings.enabled, view.connection.status == ConnectionStatus::Active);
    let consequence = if mandatory { MANDATORY } else { OPTIONAL };
    let mut page = frame(&context);
    if asked.confirm.is_none() {
        let shown = DisablePage { page, tabs: tabs(false), on: mandatory || active, consequence };
        return Ok(View(shown).into_response());
    }
    page.title = "Disable single sign-on?".to_owned();
    let action = format!("{PATH}/disable");
    Ok(Confirm {
        page,
        text: consequence.to_owned(),
        cancel: action.clone(),
        action,
        fields: Vec::new(),
        confirm: "Yes".to_owned(),
        danger: true,
    }
    .into_response())
}

/// Turns it off.
pub(super) async fn disable(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    sso.disable(&actor).await?;
    Ok(SeeOther::to(PATH).saying(Flash::success("SSO disabled. Everybody signs in by default again.")))
}
