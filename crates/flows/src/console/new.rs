//! A new flow: its name, and where it begins.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Visitor, require};
use gatehouse_types::Permission;
use gatehouse_web::{FieldErrors, Flash, HtmlResult, Page, PageContext, SeeOther, VerifiedForm, View};
use serde::Deserialize;

use super::parts::errors_of;
use super::{PATH, below, path_of};
use crate::Flows;
use crate::service::definitions::New;

/// What was filled in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewForm {
    name: String,
    description: String,
}

#[derive(askama::Template)]
#[template(path = "flows/new.html")]
struct NewPage {
    page: Page,
    path: &'static str,
    form: NewForm,
    errors: FieldErrors,
}

fn view(context: &PageContext, form: NewForm, errors: FieldErrors) -> Response {
    View(NewPage { page: below(context, "New flow"), path: PATH, form, errors }).into_response()
}

/// The page.
pub(super) async fn show(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<Response> {
    require(&flows.0.store, &actor, Permission::EditFlows, None).await?;
    Ok(view(&context, NewForm::default(), FieldErrors::none()))
}

/// Makes a flow that begins and ends; its editor comes next.
pub(super) async fn make(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<NewForm>,
) -> HtmlResult<Response> {
    let new = New { name: form.name.clone(), description: form.description.clone(), ..New::default() };
    match flows.make_flow(&actor, new).await {
        Ok(made) => {
            let words = format!("{} was made. It begins and ends; put steps in between.", made.flow.name);
            Ok(SeeOther::to(path_of(&made.flow.id)).saying(Flash::success(words)).into_response())
        }
        Err(e) => {
            let Some(errors) = errors_of(&e) else { return Err(e.into()) };
            Ok((StatusCode::BAD_REQUEST, view(&context, form, errors)).into_response())
        }
    }
}
