//! The workspace's flows.

use axum::extract::State;
use gatehouse_identity::Visitor;
use gatehouse_types::{PageInfo, Permission};
use gatehouse_web::{Choice, HtmlResult, Page, PageContext, Paging, Query, Tone, View, When};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::parts::status;
use super::{PATH, frame, path_of};
use crate::Flows;
use crate::model::flow::Listed;
use crate::store::flows::Wanted;

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    search: String,
    status: String,
}

struct Row {
    path: String,
    name: String,
    description: String,
    status: String,
    tone: Tone,
    updated: When,
}

impl From<Listed> for Row {
    fn from(listed: Listed) -> Self {
        let (status, tone) = status(listed.deployed.as_ref(), listed.changed);
        Self {
            path: path_of(&listed.id),
            name: listed.name,
            description: listed.description,
            status,
            tone,
            updated: listed.updated_at.into(),
        }
    }
}

#[derive(askama::Template)]
#[template(path = "flows/list.html")]
pub(super) struct ListPage {
    page: Page,
    path: &'static str,
    search: Search,
    statuses: Vec<Choice>,
    rows: Vec<Row>,
    pagination: PageInfo,
    base: String,
    may_edit: bool,
}

/// The page.
pub(super) async fn show(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    context: PageContext,
    Paging(page): Paging<25>,
    Query(search): Query<Search>,
) -> HtmlResult<View<ListPage>> {
    let deployed = match search.status.as_str() {
        "deployed" => Some(true),
        "draft" => Some(false),
        _ => None,
    };
    let wanted = Wanted { search: Some(search.search.clone()), deployed };
    let found = flows.flows(&actor, wanted, page).await?;
    let query = Serializer::new(String::new())
        .append_pair("search", &search.search)
        .append_pair("status", &search.status)
        .finish();
    Ok(View(ListPage {
        page: frame(&context),
        path: PATH,
        statuses: vec![
            Choice::new("", "All"),
            Choice::new("deployed", "Deployed"),
            Choice::new("draft", "Draft"),
        ],
        base: format!("{PATH}?{query}&"),
        search,
        pagination: found.pagination,
        rows: found.data.into_iter().map(Row::from).collect(),
        may_edit: actor.may(Permission::EditFlows),
    }))
}
