//! The workspace's connectors, and the products that can be connected to.

use axum::extract::State;
use gatehouse_identity::Visitor;
use gatehouse_types::{PageInfo, PageRequest, Permission};
use gatehouse_web::{HtmlResult, Page, PageContext, Paging, Query, Tone, View, When};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::parts::tone;
use super::{PATH, frame, path_of};
use crate::Connect;
use crate::connectors::service::types::{WantedTypes, word};
use crate::connectors::store::connectors::Wanted;

/// Products of a page.
const PRODUCTS: u32 = 50;
/// Connectors that are shown; the search finds the others.
const SHOWN: u32 = 100;

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    search: String,
}

struct Row {
    path: String,
    name: String,
    product: String,
    icon: String,
    status: &'static str,
    tone: Tone,
    owner: &'static str,
    used: Option<When>,
    warnings: Vec<String>,
}

struct Product {
    path: String,
    name: String,
    icon: String,
    description: String,
    ways: String,
    /// Whether it has no action.
    bare: bool,
    /// The page of a type that the workspace made.
    own: String,
}

#[derive(askama::Template)]
#[template(path = "connectors/list.html")]
pub(super) struct ListPage {
    page: Page,
    path: &'static str,
    search: String,
    rows: Vec<Row>,
    more: bool,
    products: Vec<Product>,
    pagination: PageInfo,
    base: String,
    may_manage: bool,
}

/// The page.
pub(super) async fn show(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    context: PageContext,
    Paging(page): Paging<PRODUCTS>,
    Query(search): Query<Search>,
) -> HtmlResult<View<ListPage>> {
    let text = search.search.trim().to_owned();
    let wanted = Wanted { search: Some(text.clone()), ..Wanted::default() };
    let found = connect.connectors(&actor, wanted, PageRequest::new(1, SHOWN)?).await?;
    let types = WantedTypes { search: text.clone(), ..WantedTypes::default() };
    let types = connect.connector_types(&actor, &types, page).await?;
    let more = found.pagination.total_pages > 1;
    let rows = found.data.into_iter().map(|view| Row {
        path: path_of(&view.connector.id),
        product: view.known.name.clone(),
        icon: word(&view.known.icon),
        status: view.status.words(),
        tone: tone(view.status),
        owner: match view.connector.owner_kind {
            gatehouse_types::OwnerKind::Service => "the company",
            gatehouse_types::OwnerKind::Person => "a person",
        },
        used: view.connector.last_used_at.map(When::from),
        warnings: view.warnings,
        name: view.connector.name,
    });
    let rows = rows.collect();
    let products = types.data.iter().map(|known| Product {
        path: format!("{PATH}/new/{}", known.id),
        name: known.name.clone(),
        icon: word(&known.icon),
        description: known.description.clone(),
        ways: known.auth.iter().map(|a| a.label.as_str()).collect::<Vec<_>>().join(", "),
        bare: known.actions.is_empty(),
        own: known.own().map(|o| format!("{PATH}/types/{}", o.definition.id)).unwrap_or_default(),
    });
    let products = products.collect();
    let query = Serializer::new(String::new()).append_pair("search", &text).finish();
    Ok(View(ListPage {
        page: frame(&context),
        path: PATH,
        base: format!("{PATH}?{query}&"),
        search: text,
        rows,
        more,
        products,
        pagination: types.pagination,
        may_manage: actor.may(Permission::ManageConnectors),
    }))
}
