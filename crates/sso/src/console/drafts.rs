//! A change that waits: what the recorded sign-ins would come to, and the tick that locking people out needs.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{ConnectionId, DraftId, Error, Kind, Result};
use gatehouse_web::{Flash, HtmlResult, Page, PageContext, SeeOther, VerifiedForm, View, When};
use serde::Deserialize;

use super::{Nothing, PATH, frame};
use crate::Sso;
use crate::model::Changed;
use crate::service::drafts::{Replay, ReplayedPerson};

/// People who are shown at most; the API tells more.
const SHOWN: usize = 200;

/// Where a draft is looked at.
pub(super) fn path_of(draft: &DraftId) -> String {
    format!("{PATH}/drafts/{draft}")
}

/// One person of the page.
struct Row {
    who: String,
    at: When,
    attempt: String,
    outcome: &'static str,
    tone: &'static str,
    role: String,
    why: String,
}

#[derive(askama::Template)]
#[template(path = "sso/draft.html")]
pub(super) struct DraftPage {
    page: Page,
    path: String,
    changes: Vec<Changed>,
    /// Who made it.
    by: String,
    stale: bool,
    replayed: usize,
    skipped: usize,
    people: usize,
    more: usize,
    locked_out: usize,
    owners: usize,
    let_in: usize,
    rows: Vec<Row>,
    /// What is wrong with the form, when it is shown again.
    error: String,
}

fn row(p: &ReplayedPerson) -> Row {
    let (outcome, tone) = match (p.before, p.after) {
        (true, false) if p.owner => ("Locked out, an owner", "bad"),
        (true, false) => ("Locked out", "bad"),
        (false, true) => ("Gets in now", "good"),
        (true, true) => ("Still gets in", "good"),
        (false, false) => ("Still refused", "neutral"),
    };
    let role = match (p.current_role, p.role) {
        (Some(now), Some(then)) if now != then => format!("{now}, then {then}"),
        (_, Some(then)) => then.to_string(),
        (Some(now), None) => now.to_string(),
        (None, None) => String::new(),
    };
    let mut why = p.detail.clone().unwrap_or_default();
    if p.is_locked_out() && p.other_way_in {
        why.push_str(" The person can sign in by password.");
    }
    Row {
        who: p.email.clone().unwrap_or_else(|| "Not known".to_owned()),
        at: When::from(p.at),
        attempt: format!("{}/{}", super::ATTEMPTS_PATH, p.attempt_id),
        outcome,
        tone,
        role,
        why,
    }
}

/// The page's connection; its drafts are looked at here.
async fn connection(sso: &Sso, actor: &gatehouse_types::Actor) -> Result<ConnectionId> {
    let settings = sso.settings(actor).await?.settings;
    settings.connection_id.ok_or_else(|| Error::not_found("Draft"))
}

async fn page(
    sso: &Sso,
    actor: &gatehouse_types::Actor,
    context: &PageContext,
    draft: &DraftId,
    error: String,
) -> Result<DraftPage> {
    let id = connection(sso, actor).await?;
    let view = sso.draft(actor, &id, draft).await?;
    let replay: Replay = sso.replay_of(actor, &view).await?;
    let by = match &view.draft.created_by {
        Some(user) => {
            let found = sso.identity().user(&mut sso.identity().store().reader(), user).await?;
            found.map_or_else(|| user.to_string(), |u| u.email.to_string())
        }
        None => "somebody with a setup link".to_owned(),
    };
    let mut page = frame(context).under("Single Sign On", PATH);
    page.title = "Changes that wait".to_owned();
    let rows: Vec<Row> = replay.people.iter().take(SHOWN).map(row).collect();
    Ok(DraftPage {
        page,
        path: path_of(draft),
        changes: view.draft.values(&view.connection, &view.proposed),
        by,
        stale: view.draft.is_stale(&view.connection),
        replayed: replay.replayed,
        skipped: replay.skipped,
        people: replay.total,
        more: replay.total - rows.len(),
        locked_out: replay.locked_out,
        owners: replay.owners_locked_out,
        let_in: replay.let_in,
        rows,
        error,
    })
}

/// The page.
pub(super) async fn show(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path(draft): Path<DraftId>,
    context: PageContext,
) -> HtmlResult<View<DraftPage>> {
    Ok(View(page(&sso, &actor, &context, &draft, String::new()).await?))
}

/// What is ticked.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Ticked {
    accept_lockout: Option<String>,
}

/// Puts the draft in use.
pub(super) async fn activate(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path(draft): Path<DraftId>,
    context: PageContext,
    VerifiedForm(ticked): VerifiedForm<Ticked>,
) -> HtmlResult<Response> {
    let id = connection(&sso, &actor).await?;
    match sso.activate_draft(&actor, &id, &draft, ticked.accept_lockout.is_some()).await {
        Ok(_) => {
            let saved = sso.put_in_use(&actor, &id).await?;
            Ok(SeeOther::to(PATH).saying(super::page::told(&saved)).into_response())
        }
        Err(e) if e.kind() == Kind::Conflict && e.field() == Some("acceptLockout") => {
            let why = "Tick the box to lock these people out, or discard the changes.".to_owned();
            let again = page(&sso, &actor, &context, &draft, why).await?;
            Ok((axum::http::StatusCode::CONFLICT, View(again)).into_response())
        }
        Err(e) if e.kind() == Kind::Conflict => {
            Ok(SeeOther::to(path_of(&draft)).saying(Flash::failure(e.message().to_owned())).into_response())
        }
        Err(e) => Err(e.into()),
    }
}

/// Throws it away.
pub(super) async fn discard(
    State(sso): State<Sso>,
    Visitor(actor): Visitor,
    Path(draft): Path<DraftId>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let id = connection(&sso, &actor).await?;
    sso.discard_draft(&actor, &id, &draft).await?;
    Ok(SeeOther::to(PATH)
        .saying(Flash::success("The changes were discarded. Nothing has changed for anybody.")))
}
