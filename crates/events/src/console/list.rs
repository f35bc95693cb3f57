//! The workspace's webhooks, and a new one.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, PageRequest, Result};
use gatehouse_web::{FieldErrors, HtmlResult, Page, PageContext, Tone, VerifiedForm, View, When};

use super::form::{PROPOSED, WebhookForm, errors_of};
use super::{PATH, frame, path_of, shown};
use crate::Events;
use crate::model::{Status, Webhook};

/// Webhooks that are shown; a workspace has fewer.
const SHOWN: u32 = 100;

struct Row {
    path: String,
    url: String,
    description: String,
    events: String,
    status: &'static str,
    tone: Tone,
    used: Option<When>,
}

/// How a webhook stands, in a word.
pub(super) fn standing(webhook: &Webhook) -> (&'static str, Tone) {
    match (webhook.status, webhook.failing_since) {
        (Status::Disabled, _) => ("Off", Tone::Neutral),
        (Status::Active, Some(_)) => ("Failing", Tone::Warn),
        (Status::Active, None) => ("On", Tone::Good),
    }
}

impl From<Webhook> for Row {
    fn from(webhook: Webhook) -> Self {
        let (status, tone) = standing(&webhook);
        Self {
            path: path_of(&webhook.id),
            url: shown(&webhook.url),
            description: webhook.description,
            events: webhook.events.join(", "),
            status,
            tone,
            used: webhook.last_used_at.map(When::from),
        }
    }
}

#[derive(askama::Template)]
#[template(path = "events/list.html")]
struct ListPage {
    page: Page,
    path: &'static str,
    /// The webhook that was just made: its page, and its secret.
    made: Option<(String, String)>,
    form: WebhookForm,
    errors: FieldErrors,
    proposed: [&'static str; PROPOSED.len()],
    rows: Vec<Row>,
}

async fn view(
    events: &Events,
    actor: &Actor,
    context: &PageContext,
    (form, errors): (WebhookForm, FieldErrors),
    made: Option<(String, String)>,
) -> Result<Response> {
    let found = events.webhooks(actor, PageRequest::new(1, SHOWN)?).await?;
    let rows = found.data.into_iter().map(Row::from).collect();
    let page = frame(context);
    Ok(View(ListPage { page, path: PATH, made, form, errors, proposed: PROPOSED, rows }).into_response())
}

fn blank() -> (WebhookForm, FieldErrors) {
    (WebhookForm::default(), FieldErrors::none())
}

/// The page.
pub(super) async fn show(
    State(events): State<Events>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<Response> {
    Ok(view(&events, &actor, &context, blank(), None).await?)
}

/// Makes a webhook, and shows its secret this once.
pub(super) async fn make(
    State(events): State<Events>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<WebhookForm>,
) -> HtmlResult<Response> {
    match events.make(&actor, form.change()).await {
        Ok((webhook, secret)) => {
            let made = Some((path_of(&webhook.id), secret.expose().to_owned()));
            Ok(view(&events, &actor, &context, blank(), made).await?)
        }
        Err(e) => {
            let Some(errors) = errors_of(&e) else { return Err(e.into()) };
            let page = view(&events, &actor, &context, (form, errors), None).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}
