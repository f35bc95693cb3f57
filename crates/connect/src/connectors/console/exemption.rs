//! Whether a person is exempt from user authentications: a page below People.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{Actor, Error, Permission, Result, UserId};
use gatehouse_web::{
    FieldErrors, Flash, HtmlResult, Page, PageContext, Path, SeeOther, VerifiedForm, View, When,
};
use serde::Deserialize;

use super::errors_of;
use crate::Connect;

/// The page of the workspace's people.
const PEOPLE: &str = "/settings/people";

/// The page of a person's exemption.
pub(super) fn path_of(user: &UserId) -> String {
    format!("{PEOPLE}/{user}/user-authentications")
}

/// What was ticked and said.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ExemptForm {
    exempt: Option<String>,
    reason: String,
}

#[derive(askama::Template)]
#[template(path = "connectors/exemption.html")]
struct ExemptionPage {
    page: Page,
    action: String,
    back: &'static str,
    name: String,
    exempt: bool,
    since: Option<When>,
    reason: String,
    errors: FieldErrors,
}

async fn allowed(connect: &Connect, actor: &Actor, id: &str) -> Result<UserId> {
    require(&connect.0.store, actor, Permission::ManageConnectors, Some(format!("user:{id}"))).await?;
    id.parse().map_err(|_| Error::not_found("User"))
}

async fn view(
    connect: &Connect,
    actor: &Actor,
    context: &PageContext,
    user: &UserId,
    again: Option<(ExemptForm, FieldErrors)>,
) -> Result<Response> {
    let person = connect.exemption(actor, user).await?;
    let title = format!("User authentications of {}", person.name);
    let since = person.exemption.as_ref().map(|e| When::from(e.since));
    let (exempt, reason, errors) = match (again, person.exemption) {
        (Some((form, errors)), _) => (form.exempt.is_some(), form.reason, errors),
        (None, Some(exemption)) => (true, exemption.reason, FieldErrors::none()),
        (None, None) => (false, String::new(), FieldErrors::none()),
    };
    let page = context.page(title, "people").under("People", PEOPLE);
    let (action, back, name) = (path_of(user), PEOPLE, person.name);
    Ok(View(ExemptionPage { page, action, back, name, exempt, since, reason, errors }).into_response())
}

/// The page.
pub(super) async fn show(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Response> {
    let user = allowed(&connect, &actor, &id).await?;
    Ok(view(&connect, &actor, &context, &user, None).await?)
}

/// Exempts the person, or ends that.
pub(super) async fn change(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<ExemptForm>,
) -> HtmlResult<Response> {
    let user = allowed(&connect, &actor, &id).await?;
    match connect.set_exemption(&actor, &user, (form.exempt.is_some(), &form.reason)).await {
        Ok(person) => {
            let words = match person.exemption {
                Some(_) => format!("{} is exempt: connectors act as their own identity.", person.name),
                None => format!("{} authenticates where connectors ask for it.", person.name),
            };
            Ok(SeeOther::to(path_of(&user)).saying(Flash::success(words)).into_response())
        }
        Err(e) => {
            let Some(errors) = errors_of(&e) else { return Err(e.into()) };
            let page = view(&connect, &actor, &context, &user, Some((form, errors))).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}
