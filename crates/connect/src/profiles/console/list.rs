//! The workspace's profiles.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{AuthProfileId, PageInfo, Permission};
use gatehouse_web::{
    Confirm, Flash, HtmlResult, Page, PageContext, Paging, Path, Query, SeeOther, Tone, VerifiedForm, View,
};
use serde::Deserialize;

use super::{Nothing, PATH, below, frame, path_of};
use crate::profiles::model::AuthorizationType;
use crate::profiles::service::{Seen, Status};
use crate::{Connect, GrantState};

struct Row {
    path: String,
    name: String,
    description: String,
    kind: &'static str,
    status: &'static str,
    tone: Tone,
    trouble: String,
    /// A person can authorize it.
    by_person: bool,
    /// How the person's own authorization stands; empty: there is none.
    own: &'static str,
}

/// How a profile stands, in the words of the list.
pub(super) fn status_words(seen: &Seen) -> (&'static str, Tone) {
    match seen.status() {
        _ if seen.is_untried() => ("Not tried since it was changed", Tone::Neutral),
        _ if seen.is_failing() => ("Failing", Tone::Warn),
        Status::Configured => ("Configured", Tone::Good),
        Status::NotConfigured => ("Not Configured", Tone::Warn),
    }
}

/// How a grant stands, in a word.
pub(super) const fn state_words(state: GrantState) -> (&'static str, Tone) {
    match state {
        GrantState::Ok => ("Authorized", Tone::Good),
        GrantState::Failing => ("Failing", Tone::Warn),
        GrantState::NeedsReauthorization => ("Needs re-authorization", Tone::Bad),
    }
}

impl From<Seen> for Row {
    fn from(seen: Seen) -> Self {
        let (status, tone) = status_words(&seen);
        Self {
            path: path_of(&seen.profile.id),
            trouble: seen.trouble().unwrap_or_default(),
            kind: seen.profile.kind.label(),
            by_person: seen.profile.kind == AuthorizationType::OAuth2,
            own: seen.own.as_ref().map_or("", |grant| state_words(grant.state).0),
            name: seen.profile.name,
            description: seen.profile.description,
            status,
            tone,
        }
    }
}

#[derive(askama::Template)]
#[template(path = "connect/list.html")]
struct ListPage {
    page: Page,
    path: &'static str,
    manages: bool,
    search: String,
    rows: Vec<Row>,
    pagination: PageInfo,
    base: String,
}

/// What is looked for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    search: String,
}

/// The page.
pub(super) async fn show(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    context: PageContext,
    Paging(page): Paging<25>,
    Query(wanted): Query<Search>,
) -> HtmlResult<Response> {
    let search = Some(wanted.search.trim()).filter(|s| !s.is_empty());
    let found = connect.profiles(&actor, search, page).await?;
    let query =
        search.map(|s| format!("{}&", gatehouse_identity::query(&[("search", s)]))).unwrap_or_default();
    let view = ListPage {
        page: frame(&context),
        path: PATH,
        manages: actor.may(Permission::ManageAuthProfiles),
        base: format!("{PATH}?{query}"),
        search: wanted.search,
        pagination: found.pagination,
        rows: found.data.into_iter().map(Row::from).collect(),
    };
    Ok(View(view).into_response())
}

/// Tests a profile, and says what was found.
pub(super) async fn test(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<AuthProfileId>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let name = connect.profile(&actor, &id).await?.profile.name;
    let tested = connect.test_profile(&actor, &id).await?;
    let words = format!("{name}: {}", tested.message);
    Ok(SeeOther::to(PATH).saying(if tested.success { Flash::success(words) } else { Flash::failure(words) }))
}

/// The question before a profile is removed, with what it hits.
pub(super) async fn ask_delete(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<AuthProfileId>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let name = connect.profile(&actor, &id).await?.profile.name;
    let hit = connect.deletion_hits(&actor, &id).await?;
    Ok(Confirm {
        page: below(&context, &format!("Delete {name}?")),
        text: format!("It cannot be recovered. {hit}"),
        action: format!("{}/delete", path_of(&id)),
        fields: Vec::new(),
        confirm: "Delete".to_owned(),
        cancel: PATH.to_owned(),
        danger: true,
    })
}

/// Removes it.
pub(super) async fn delete(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<AuthProfileId>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    connect.delete_profile(&actor, &id).await?;
    Ok(SeeOther::to(PATH).saying(Flash::success("The authorization profile was deleted.")))
}
