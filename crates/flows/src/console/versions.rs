//! The versions of a flow that were deployed.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Error, FlowId, PageInfo, Permission};
use gatehouse_web::{
    Flash, HtmlResult, Page, PageContext, Paging, Path, SeeOther, Tab, VerifiedForm, View, When,
};

use super::parts::tabs;
use super::{Nothing, below, id_of, path_of};
use crate::Flows;
use crate::model::flow::ListedVersion;
use crate::service::definitions::Change;
use crate::service::names::person_of;

struct Row {
    number: i64,
    path: String,
    at: When,
    by: String,
    digest: String,
    in_service: bool,
}

#[derive(askama::Template)]
#[template(path = "flows/versions.html")]
struct VersionsPage {
    page: Page,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    pagination: PageInfo,
    base: String,
}

#[derive(askama::Template)]
#[template(path = "flows/version.html")]
struct VersionPage {
    page: Page,
    path: String,
    number: i64,
    at: When,
    by: String,
    digest: String,
    definition: String,
    may_edit: bool,
}

/// The list.
pub(super) async fn list(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
    Paging(page): Paging<25>,
) -> HtmlResult<Response> {
    let id = id_of(&id)?;
    let flow = flows.flow(&actor, &id).await?.flow;
    let found = flows.versions(&actor, &id, page, 0).await?;
    let path = format!("{}/versions", path_of(&id));
    let people = found.data.iter().filter_map(|version| person_of(version.created_by.as_deref()));
    let names = flows.names(&flow.workspace_id, people).await?;
    let row = |version: ListedVersion| Row {
        number: version.number,
        path: format!("{path}/{}", version.number),
        at: version.created_at.into(),
        by: names.by(version.created_by.as_deref()),
        digest: short(&version.digest),
        in_service: flow.deployed.as_ref().is_some_and(|d| d.number == version.number),
    };
    let rows = found.data.into_iter().map(row).collect();
    let page = below(&context, format!("Versions of {}", flow.name)).under(flow.name, path_of(&id));
    let view = VersionsPage {
        page,
        tabs: tabs(&actor, &id, "Versions"),
        rows,
        pagination: found.pagination,
        base: format!("{path}?"),
    };
    Ok(View(view).into_response())
}

/// The first letters of a digest tell versions apart.
fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

fn numbered(id: &str, number: &str) -> Result<(FlowId, i64), Error> {
    let unknown = || Error::not_found("Flow version");
    Ok((id.parse().map_err(|_| unknown())?, number.parse().map_err(|_| unknown())?))
}

/// One of them.
pub(super) async fn show(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path((id, number)): Path<(String, String)>,
    context: PageContext,
) -> HtmlResult<Response> {
    let (id, number) = numbered(&id, &number)?;
    let flow = flows.flow(&actor, &id).await?.flow;
    let version = flows.version(&actor, &id, number).await?;
    let path = path_of(&id);
    let page = below(&context, format!("Version {number} of {}", flow.name));
    let page = page.under(flow.name, path.clone()).under("Versions", format!("{path}/versions"));
    let view = VersionPage {
        page,
        path: format!("{path}/versions/{number}"),
        number,
        at: version.created_at.into(),
        by: flows.name_of(&flow.workspace_id, version.created_by.as_deref()).await?,
        digest: version.digest,
        definition: serde_json::to_string_pretty(&version.definition).unwrap_or_default(),
        may_edit: actor.may(Permission::EditFlows),
    };
    Ok(View(view).into_response())
}

/// Makes it the draft again.
pub(super) async fn restore(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path((id, number)): Path<(String, String)>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let (id, number) = numbered(&id, &number)?;
    let version = flows.version(&actor, &id, number).await?;
    let change = Change { definition: Some(version.definition), ..Change::default() };
    flows.change_flow(&actor, &id, change).await?;
    let words = format!("The draft is version {number} again. It runs once it is deployed.");
    Ok(SeeOther::to(path_of(&id)).saying(Flash::success(words)))
}
