//! One webhook: its values, its secret, and what it was told.

use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Error, PageInfo, PageRequest, Result, WebhookId};
use gatehouse_web::{
    Choice, Confirm, FieldErrors, Flash, HtmlResult, Page, PageContext, Paging, Path, Query, SeeOther, Tone,
    VerifiedForm, View, When,
};
use serde::Deserialize;

use super::form::{PROPOSED, WebhookForm, errors_of};
use super::list::standing;
use super::{Nothing, PATH, TITLE, answer, frame, path_of, told, went};
use crate::Events;
use crate::model::{Delivery, State, Status, Webhook};
use crate::service::webhooks::{Change, host};

/// Deliveries of a page of the log.
const LOG: u32 = 25;

/// Which deliveries are looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Log {
    state: String,
    live: String,
}

struct Row {
    id: String,
    path: String,
    event: String,
    state: &'static str,
    tone: Tone,
    answer: String,
    took: String,
    attempts: i64,
    at: When,
    next: Option<When>,
}

impl From<Delivery> for Row {
    fn from(delivery: Delivery) -> Self {
        let (state, tone) = told(delivery.state);
        Self {
            id: delivery.id.to_string(),
            path: format!("{}/deliveries/{}", path_of(&delivery.webhook_id), delivery.id),
            answer: answer(&delivery),
            took: delivery.took_ms.map(|ms| format!("{ms} ms")).unwrap_or_default(),
            state,
            tone,
            attempts: delivery.attempts,
            at: delivery.created_at.into(),
            next: delivery.next_at.filter(|_| delivery.state == State::Pending).map(When::from),
            event: delivery.event,
        }
    }
}

#[derive(askama::Template)]
#[template(path = "events/webhook.html")]
struct WebhookPage {
    page: Page,
    path: String,
    /// Where it is switched off, gets a new secret, and is removed.
    off: String,
    roll: String,
    remove: String,
    status: &'static str,
    tone: Tone,
    is_on: bool,
    /// Why it was switched off by itself.
    reason: String,
    failing: Option<When>,
    /// Until when the secret before signs too.
    former: Option<When>,
    made: When,
    used: Option<When>,
    /// The secret that was just made.
    secret: String,
    form: WebhookForm,
    errors: FieldErrors,
    proposed: [&'static str; PROPOSED.len()],
    states: Vec<Choice>,
    state: String,
    live: bool,
    base: String,
    other: String,
    updated: When,
    rows: Vec<Row>,
    pagination: PageInfo,
}

/// What else a page shows.
#[derive(Default)]
struct Shown {
    log: Log,
    page: Option<PageRequest>,
    again: Option<(WebhookForm, FieldErrors)>,
    secret: String,
}

/// The address of the log, to be gone on with.
fn address(path: &str, log: &Log, live: bool) -> String {
    let state = if log.state.is_empty() { String::new() } else { format!("state={}&", log.state) };
    format!("{path}?{state}{}", if live { "live=1&" } else { "" })
}

fn titled(context: &PageContext, webhook: &Webhook) -> Page {
    let mut page = frame(context).under(TITLE, PATH);
    page.title = match webhook.description.as_str() {
        "" => host(&webhook.url).unwrap_or_default(),
        description => description.to_owned(),
    };
    page
}

async fn view(
    events: &Events,
    actor: &Actor,
    context: &PageContext,
    id: &WebhookId,
    shown: Shown,
) -> Result<Response> {
    let webhook = events.webhook(actor, id).await?;
    let mut log = shown.log;
    let wanted = log.state.parse::<State>().ok();
    if wanted.is_none() {
        log.state.clear();
    }
    let asked = shown.page.unwrap_or(PageRequest::new(1, LOG)?);
    let found = events.deliveries(actor, id, wanted, asked).await?;
    let (path, live) = (path_of(id), log.live == "1");
    let (status, tone) = standing(&webhook);
    let now = events.0.store.now();
    let (form, errors) = shown.again.unwrap_or_else(|| (WebhookForm::of(&webhook), FieldErrors::none()));
    let states = [("", "All"), ("pending", "Waiting"), ("delivered", "Delivered"), ("failed", "Failed")];
    let view = WebhookPage {
        page: titled(context, &webhook),
        off: format!("{path}/disable"),
        roll: format!("{path}/roll-secret"),
        remove: format!("{path}/delete"),
        status,
        tone,
        is_on: webhook.status == Status::Active,
        reason: webhook.disabled_reason.unwrap_or_default(),
        failing: webhook.failing_since.map(When::from),
        former: webhook.former_until.filter(|until| *until > now).map(When::from),
        made: webhook.created_at.into(),
        used: webhook.last_used_at.map(When::from),
        secret: shown.secret,
        form,
        errors,
        proposed: PROPOSED,
        states: states.into_iter().map(|(value, label)| Choice::new(value, label)).collect(),
        live,
        base: address(&path, &log, live),
        other: address(&path, &log, !live),
        state: log.state,
        updated: now.into(),
        rows: found.data.into_iter().map(Row::from).collect(),
        pagination: found.pagination,
        path,
    };
    Ok(View(view).into_response())
}

/// The page.
pub(super) async fn show(
    Extract(events): Extract<Events>,
    Visitor(actor): Visitor,
    Path(id): Path<WebhookId>,
    context: PageContext,
    Paging(page): Paging<LOG>,
    Query(log): Query<Log>,
) -> HtmlResult<Response> {
    let shown = Shown { log, page: Some(page), ..Shown::default() };
    Ok(view(&events, &actor, &context, &id, shown).await?)
}

/// Changes it.
pub(super) async fn change(
    Extract(events): Extract<Events>,
    Visitor(actor): Visitor,
    Path(id): Path<WebhookId>,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<WebhookForm>,
) -> HtmlResult<Response> {
    match events.change(&actor, &id, form.change()).await {
        Ok(_) => Ok(back(&id, Flash::success("The webhook was changed.")).into_response()),
        Err(e) => {
            let Some(errors) = errors_of(&e) else { return Err(e.into()) };
            let shown = Shown { again: Some((form, errors)), ..Shown::default() };
            let page = view(&events, &actor, &context, &id, shown).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}

fn back(id: &WebhookId, flash: Flash) -> SeeOther {
    SeeOther::to(path_of(id)).saying(flash)
}

/// What can be said to a person at the webhook's page; the rest is a failure.
pub(super) fn refused(id: &WebhookId, error: Error) -> HtmlResult<SeeOther> {
    use gatehouse_types::Kind;
    match error.kind() {
        Kind::Conflict | Kind::RateLimited => Ok(back(id, Flash::failure(error.message()))),
        _ => Err(error.into()),
    }
}

async fn switch(events: &Events, actor: &Actor, id: &WebhookId, status: Status) -> Result<()> {
    events.change(actor, id, Change { status: Some(status), ..Change::default() }).await.map(drop)
}

/// Switches it on.
pub(super) async fn enable(
    Extract(events): Extract<Events>,
    Visitor(actor): Visitor,
    Path(id): Path<WebhookId>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    switch(&events, &actor, &id, Status::Active).await?;
    Ok(back(&id, Flash::success("The webhook is on: it is told of what happens from now on.")))
}

async fn ask(
    events: &Events,
    actor: &Actor,
    context: &PageContext,
    id: &WebhookId,
    (step, title, confirm, text): (&'static str, &'static str, &'static str, &'static str),
) -> HtmlResult<Confirm> {
    let webhook = events.webhook(actor, id).await?;
    let mut page = titled(context, &webhook).under(host(&webhook.url).unwrap_or_default(), path_of(id));
    title.clone_into(&mut page.title);
    Ok(Confirm {
        page,
        text: text.to_owned(),
        action: format!("{}/{step}", path_of(id)),
        fields: Vec::new(),
        confirm: confirm.to_owned(),
        cancel: path_of(id),
        danger: true,
    })
}

/// The question before it is switched off, without JavaScript.
pub(super) async fn ask_disable(
    Extract(events): Extract<Events>,
    Visitor(actor): Visitor,
    Path(id): Path<WebhookId>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let text =
        "Your program is told of nothing until it is switched on again, and not of what happened meanwhile.";
    ask(&events, &actor, &context, &id, ("disable", "Switch this webhook off?", "Switch off", text)).await
}

/// Switches it off.
pub(super) async fn disable(
    Extract(events): Extract<Events>,
    Visitor(actor): Visitor,
    Path(id): Path<WebhookId>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    switch(&events, &actor, &id, Status::Disabled).await?;
    Ok(back(&id, Flash::success("The webhook is off.")))
}

/// The question before it gets a new secret, without JavaScript.
pub(super) async fn ask_roll(
    Extract(events): Extract<Events>,
    Visitor(actor): Visitor,
    Path(id): Path<WebhookId>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let text = "The secret of now signs beside the new one for a day, so that your program refuses nothing meanwhile.";
    ask(&events, &actor, &context, &id, ("roll-secret", "Make a new secret?", "Make a new secret", text))
        .await
}

/// Gives it a new secret, and shows it this once.
pub(super) async fn roll(
    Extract(events): Extract<Events>,
    Visitor(actor): Visitor,
    Path(id): Path<WebhookId>,
    context: PageContext,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<Response> {
    let (_, secret) = events.roll_secret(&actor, &id).await?;
    let shown = Shown { secret: secret.expose().to_owned(), ..Shown::default() };
    Ok(view(&events, &actor, &context, &id, shown).await?)
}

/// Sends a made-up event, and says how it went.
pub(super) async fn test(
    Extract(events): Extract<Events>,
    Visitor(actor): Visitor,
    Path(id): Path<WebhookId>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    match events.test(&actor, &id).await {
        Ok(delivery) => Ok(back(&id, went(&delivery))),
        Err(e) => refused(&id, e),
    }
}

/// The question before it is removed, without JavaScript.
pub(super) async fn ask_delete(
    Extract(events): Extract<Events>,
    Visitor(actor): Visitor,
    Path(id): Path<WebhookId>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let text = "It is gone for good, with the log of its deliveries. The audit log keeps what happened.";
    ask(&events, &actor, &context, &id, ("delete", "Delete this webhook?", "Delete", text)).await
}

/// Removes it.
pub(super) async fn delete(
    Extract(events): Extract<Events>,
    Visitor(actor): Visitor,
    Path(id): Path<WebhookId>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    events.remove(&actor, &id).await?;
    Ok(SeeOther::to(PATH).saying(Flash::success("The webhook was deleted.")))
}
