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

/// What turning it off means, in the dialog and on the page without JavaScript.
const CONSEQUENCE: &str = "Everybody signs in by default again, and nobody comes in through the provider. The values \
     stay here for the next time.";

#[derive(askama::Template)]
#[template(path = "sso/disable.html")]
struct DisablePage {
    page: Page,
    tabs: Vec<Tab>,
    enabled: bool,
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
    if state.connection.is_none() {
        return Ok(SeeOther::to(PATH).into_response());
    }
    let mut page = frame(&context);
    if asked.confirm.is_none() {
        let enabled = state.settings.settings.enabled;
        let shown = DisablePage { page, tabs: tabs(false), enabled, consequence: CONSEQUENCE };
        return Ok(View(shown).into_response());
    }
    page.title = "Disable single sign-on?".to_owned();
    let action = format!("{PATH}/disable");
    Ok(Confirm {
        page,
        text: CONSEQUENCE.to_owned(),
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
