//! What starts a flow by itself: webhooks and schedules, each in a name that must be said.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{Actor, Error, FlowId, FlowTriggerId, Id, PageInfo, Permission, Result, Secret};
use gatehouse_web::{
    Choice, Confirm, FieldErrors, Flash, HtmlResult, Page, PageContext, Paging, Path, Query, SeeOther, Tab,
    Tone, VerifiedForm, View, When,
};
use serde::Deserialize;

use super::parts::{errors_of, status_tone, tabs};
use super::trigger_form::{KINDS, TriggerForm, days, when};
use super::{EXECUTIONS, Nothing, below, id_of, path_of};
use crate::Flows;
use crate::model::trigger::{Kind, Trigger};
use crate::service::names::Names;
use crate::service::object;
use crate::service::triggers::TriggerChange;

struct Row {
    name: String,
    kind: String,
    runs_as: String,
    next: Option<When>,
    last: Option<When>,
    /// The page of the last execution; empty when there is none.
    last_page: String,
    /// How it stands with it; empty when it is not known.
    last_status: String,
    last_tone: Tone,
    /// Why it ended so.
    last_message: String,
    /// Why the last start did not come about.
    last_error: String,
    state: &'static str,
    tone: Tone,
    /// Why it was switched off by itself.
    stopped: String,
    enabled: bool,
    pause: String,
    resume: String,
    delete: String,
    id: String,
}

#[derive(askama::Template)]
#[template(path = "flows/triggers.html")]
struct TriggersPage {
    page: Page,
    path: String,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    pagination: PageInfo,
    base: String,
}

#[derive(askama::Template)]
#[template(path = "flows/new_trigger.html")]
struct NewPage {
    page: Page,
    action: String,
    tabs: Vec<Tab>,
    is_schedule: bool,
    form: TriggerForm,
    whom: Vec<Choice>,
    times: Vec<Choice>,
    days: Vec<Choice>,
    errors: FieldErrors,
}

#[derive(askama::Template)]
#[template(path = "flows/made_trigger.html")]
struct MadePage {
    page: Page,
    url: String,
    token: String,
    back: String,
}

fn trigger_id(text: &str) -> Result<FlowTriggerId> {
    text.parse().map_err(|_| Error::not_found("Trigger"))
}

fn path_at(id: &FlowId) -> String {
    format!("{}/triggers", path_of(id))
}

async fn allowed(flows: &Flows, actor: &Actor, id: &str) -> Result<FlowId> {
    let id = id_of(id)?;
    require(&flows.0.store, actor, Permission::ManageFlows, object(&id)).await?;
    Ok(id)
}

fn row(names: &Names, trigger: Trigger) -> Row {
    let path = format!("{}/{}", path_at(&trigger.flow_id), trigger.id);
    let kind = match (&trigger.kind, &trigger.schedule) {
        (Kind::Schedule, Some(schedule)) => when(schedule),
        _ => "Webhook".to_owned(),
    };
    let (state, tone) = match (trigger.enabled, &trigger.stopped) {
        (true, _) => ("On", Tone::Good),
        (false, Some(_)) => ("Stopped", Tone::Warn),
        (false, None) => ("Paused", Tone::Neutral),
    };
    let (last_status, last_message) =
        trigger.last_outcome.map(|last| (last.status, last.message.unwrap_or_default())).unwrap_or_default();
    Row {
        last_tone: status_tone(&last_status),
        last_status,
        last_message,
        kind,
        runs_as: trigger.person.as_ref().map_or_else(|| "the company".to_owned(), |user| names.of(user)),
        next: trigger.next_at.filter(|_| trigger.enabled).map(When::from),
        last: trigger.last_used_at.map(When::from),
        last_page: trigger.last_execution.map(|id| format!("{EXECUTIONS}/{id}")).unwrap_or_default(),
        last_error: trigger.last_error.unwrap_or_default(),
        state,
        tone,
        stopped: trigger.stopped.unwrap_or_default(),
        enabled: trigger.enabled,
        pause: format!("{path}/pause"),
        resume: format!("{path}/resume"),
        delete: format!("{path}/delete"),
        id: trigger.id.to_string(),
        name: trigger.name,
    }
}

/// The list.
pub(super) async fn list(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
    Paging(page): Paging<25>,
) -> HtmlResult<Response> {
    let id = allowed(&flows, &actor, &id).await?;
    let flow = flows.flow(&actor, &id).await?.flow;
    let found = flows.triggers(&actor, &id, page).await?;
    let people = found.data.iter().filter_map(|trigger| trigger.person.clone());
    let names = flows.names(&flow.workspace_id, people).await?;
    let path = path_at(&id);
    let view = TriggersPage {
        page: below(&context, format!("Triggers of {}", flow.name)).under(flow.name, path_of(&id)),
        tabs: tabs(&actor, &id, "Triggers"),
        rows: found.data.into_iter().map(|trigger| row(&names, trigger)).collect(),
        pagination: found.pagination,
        base: format!("{path}?"),
        path,
    };
    Ok(View(view).into_response())
}

/// What the address says.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    kind: String,
}

async fn form(
    flows: &Flows,
    actor: &Actor,
    context: &PageContext,
    id: &FlowId,
    (form, errors): (TriggerForm, FieldErrors),
) -> Result<Response> {
    let flow = flows.flow(actor, id).await?.flow;
    let path = path_at(id);
    let page = below(context, format!("New trigger of {}", flow.name)).under(flow.name, path_of(id));
    let tab = |(kind, label): (Kind, &str)| Tab {
        label: label.to_owned(),
        current: form.kind == kind.as_str(),
        href: format!("{path}/new?kind={}", kind.as_str()),
    };
    let may_for_others = actor.may(Permission::RunFlowsForOthers);
    let others = may_for_others.then(|| Choice::new("person", "Another person"));
    let view = NewPage {
        page: page.under("Triggers", path.clone()),
        tabs: KINDS.into_iter().map(tab).collect(),
        is_schedule: form.kind == Kind::Schedule.as_str(),
        whom: [Choice::new("service", "The company"), Choice::new("me", "Myself")]
            .into_iter()
            .chain(others)
            .collect(),
        times: vec![
            Choice::new("every", "Every so many minutes"),
            Choice::new("daily", "At a time of the day"),
        ],
        days: days(),
        action: path,
        form,
        errors,
    };
    Ok(View(view).into_response())
}

/// The form of a new one.
pub(super) async fn show_new(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
    context: PageContext,
) -> HtmlResult<Response> {
    let id = allowed(&flows, &actor, &id).await?;
    let kind = wanted.kind.parse().unwrap_or(Kind::Webhook);
    Ok(form(&flows, &actor, &context, &id, (TriggerForm::of(kind), FieldErrors::none())).await?)
}

/// Makes it. The address and the token of a webhook are shown this once.
pub(super) async fn make(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
    VerifiedForm(entered): VerifiedForm<TriggerForm>,
) -> HtmlResult<Response> {
    let id = allowed(&flows, &actor, &id).await?;
    let made = async {
        let new = entered.read(&flows, &actor).await?;
        flows.make_trigger(&actor, &id, new).await
    };
    match made.await {
        Ok((trigger, Some(token))) => Ok(shown_once(&flows, &context, &trigger, &token)),
        Ok((trigger, None)) => {
            let words = format!("{} was made.", trigger.name);
            Ok(SeeOther::to(path_at(&id)).saying(Flash::success(words)).into_response())
        }
        Err(e) => {
            let Some(errors) = errors_of(&e) else { return Err(e.into()) };
            let page = form(&flows, &actor, &context, &id, (entered, errors)).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}

fn shown_once(flows: &Flows, context: &PageContext, trigger: &Trigger, token: &Secret) -> Response {
    let back = path_at(&trigger.flow_id);
    let page = below(context, format!("{} was made", trigger.name)).under("Triggers", back.clone());
    let url = flows.0.public_url.join(&format!("/api/v1/flow-triggers/{}/fire", trigger.id.as_str()));
    View(MadePage { page, url, token: token.expose().to_owned(), back }).into_response()
}

async fn switch(flows: &Flows, actor: &Actor, (id, trigger): (&str, &str), on: bool) -> Result<SeeOther> {
    let id = allowed(flows, actor, id).await?;
    let back = SeeOther::to(path_at(&id));
    let change = TriggerChange { enabled: Some(on), ..TriggerChange::default() };
    match flows.change_trigger(actor, &id, &trigger_id(trigger)?, change).await {
        Ok(changed) => {
            let words = if on { "is on" } else { "is paused" };
            Ok(back.saying(Flash::success(format!("{} {words}.", changed.name))))
        }
        Err(e) if errors_of(&e).is_some() => Ok(back.saying(Flash::failure(e.message()))),
        Err(e) => Err(e),
    }
}

/// Switches one off.
pub(super) async fn pause(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path((id, trigger)): Path<(String, String)>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    Ok(switch(&flows, &actor, (&id, &trigger), false).await?)
}

/// Switches one on.
pub(super) async fn resume(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path((id, trigger)): Path<(String, String)>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    Ok(switch(&flows, &actor, (&id, &trigger), true).await?)
}

/// The question before one is removed, without JavaScript.
pub(super) async fn ask_delete(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path((id, trigger)): Path<(String, String)>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let id = allowed(&flows, &actor, &id).await?;
    let found = flows.trigger(&actor, &id, &trigger_id(&trigger)?).await?;
    Ok(Confirm {
        page: below(&context, format!("Delete {}?", found.name)),
        text: "Nothing starts the flow by it any more. A webhook's address stops answering.".to_owned(),
        action: format!("{}/{}/delete", path_at(&id), found.id),
        fields: Vec::new(),
        confirm: "Delete trigger".to_owned(),
        cancel: path_at(&id),
        danger: true,
    })
}

/// Removes it.
pub(super) async fn delete(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path((id, trigger)): Path<(String, String)>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    let id = allowed(&flows, &actor, &id).await?;
    flows.remove_trigger(&actor, &id, &trigger_id(&trigger)?).await?;
    Ok(SeeOther::to(path_at(&id)).saying(Flash::success("The trigger was deleted.")))
}
