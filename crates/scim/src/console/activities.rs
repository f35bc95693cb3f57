//! What providers did, with filters; it follows them when asked to.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{PageInfo, PageRequest, Permission};
use gatehouse_web::{Choice, FieldErrors, HtmlResult, Page, PageContext, Paging, Query, Tone, View, When};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::{ACTIVITIES_PATH, PATH, frame};
use crate::Scim;
use crate::api::activities::ListIn;
use crate::model::Activity;

/// The longest line of details, in characters.
const MAX_DETAILS: usize = 160;

struct Row {
    at: When,
    operation: &'static str,
    resource: &'static str,
    id: String,
    outcome: &'static str,
    tone: Tone,
    told: String,
}

impl From<Activity> for Row {
    fn from(a: Activity) -> Self {
        let (outcome, tone) = if a.error.is_none() { ("Done", Tone::Good) } else { ("Refused", Tone::Bad) };
        let named = ["userName", "displayName"].into_iter().find_map(|n| a.details[n].as_str());
        let told = a.error.or_else(|| named.map(str::to_owned)).unwrap_or_default();
        Self {
            at: a.at.into(),
            operation: a.operation.as_str(),
            resource: a.resource.as_str(),
            id: a.resource_id.unwrap_or_default(),
            outcome,
            tone,
            told: told.chars().take(MAX_DETAILS).collect(),
        }
    }
}

/// What the filters hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Filters {
    operation: String,
    resource_type: String,
    status: String,
    start_date: String,
    end_date: String,
    live: String,
}

impl Filters {
    fn pairs(&self) -> [(&'static str, &str); 5] {
        [
            ("operation", self.operation.trim()),
            ("resourceType", self.resource_type.trim()),
            ("status", self.status.trim()),
            ("startDate", self.start_date.trim()),
            ("endDate", self.end_date.trim()),
        ]
    }

    /// The address of this list, with `?` or `&` at its end.
    fn address(&self, live: bool) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in self.pairs().into_iter().filter(|(_, v)| !v.is_empty()) {
            query.append_pair(name, value);
        }
        if live {
            query.append_pair("live", "1");
        }
        match query.finish() {
            q if q.is_empty() => format!("{ACTIVITIES_PATH}?"),
            q => format!("{ACTIVITIES_PATH}?{q}&"),
        }
    }
}

#[derive(askama::Template)]
#[template(path = "scim/activities.html")]
struct ActivitiesPage {
    page: Page,
    path: &'static str,
    filters: Filters,
    filtered: bool,
    errors: FieldErrors,
    operations: Vec<Choice>,
    resources: Vec<Choice>,
    statuses: Vec<Choice>,
    rows: Vec<Row>,
    pagination: PageInfo,
    base: String,
    other: String,
    live: bool,
    updated: When,
}

fn choices(all: &[(&str, &str)]) -> Vec<Choice> {
    all.iter().map(|(value, label)| Choice::new(*value, *label)).collect()
}

/// The list.
pub(super) async fn list(
    State(scim): State<Scim>,
    Visitor(actor): Visitor,
    context: PageContext,
    Paging(asked): Paging<50>,
    Query(filters): Query<Filters>,
) -> HtmlResult<Response> {
    require(&scim.0.store, &actor, Permission::ManageScim, None).await?;
    let (wanted, errors, status) = match ListIn::of(filters.pairs().map(|(_, value)| value)).wanted() {
        Ok(wanted) => (wanted, FieldErrors::none(), StatusCode::OK),
        Err(e) => (Default::default(), FieldErrors::from(&e), StatusCode::BAD_REQUEST),
    };
    let found = match status {
        StatusCode::OK => scim.activities(&actor, wanted, asked).await?,
        _ => gatehouse_types::Page::new(Vec::new(), PageRequest::new(1, 50)?, 0),
    };
    let live = filters.live == "1";
    let mut page = frame(&context).under("Provisioning", PATH);
    "Activities".clone_into(&mut page.title);
    let view = ActivitiesPage {
        page,
        path: ACTIVITIES_PATH,
        filtered: filters.pairs().iter().any(|(_, value)| !value.is_empty()),
        errors,
        operations: choices(&[("", "All"), ("create", "create"), ("update", "update"), ("delete", "delete")]),
        resources: choices(&[("", "All"), ("user", "user"), ("group", "group")]),
        statuses: choices(&[("", "All"), ("success", "Done"), ("error", "Refused")]),
        rows: found.data.into_iter().map(Row::from).collect(),
        pagination: found.pagination,
        base: filters.address(live),
        other: filters.address(!live),
        live,
        updated: scim.0.store.now().into(),
        filters,
    };
    Ok((status, View(view)).into_response())
}
