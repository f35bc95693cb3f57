//! What is done with one execution: its form filled in, canceled, tried once more.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Kind, Result};
use gatehouse_web::{Confirm, Flash, HtmlResult, PageContext, Path, SeeOther, VerifiedForm};

use super::execution::{allowed, asked, given_at, view};
use super::fields::{self, Entered};
use super::{EXECUTIONS, Nothing};
use crate::Flows;

/// Fills in the form that the execution waits for.
pub(super) async fn input(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
    VerifiedForm(entered): VerifiedForm<Entered>,
) -> HtmlResult<Response> {
    let id = allowed(&flows, &actor, &id).await?;
    let watched = flows.watch(&actor, &id).await?;
    let wanted = entered.get("step").cloned().unwrap_or_default();
    let back = SeeOther::to(format!("{EXECUTIONS}/{id}"));
    let Some(wait) = asked(&actor, &watched.execution, Some(&wanted)) else {
        return Ok(back.saying(Flash::failure("It does not wait for this form any more.")).into_response());
    };
    let fields = wait.fields.as_ref().map(fields::read).unwrap_or_default();
    let values = match fields::checked(&fields, &entered) {
        Ok(values) => values,
        Err(errors) => {
            let page = view(&flows, &actor, &context, (watched, ""), Some((entered, errors))).await?;
            return Ok((StatusCode::BAD_REQUEST, page).into_response());
        }
    };
    let given = flows.give_input(&actor, &id, Some(&wanted), values).await;
    let back = SeeOther::to(given_at(&format!("{EXECUTIONS}/{id}"), &wanted));
    Ok(said(back, given.map(drop), "Your input was taken; the flow goes on.")?.into_response())
}

/// What came of it, on the page of the execution.
fn said(back: SeeOther, done: Result<()>, words: &str) -> Result<SeeOther> {
    match done {
        Ok(()) => Ok(back.saying(Flash::success(words))),
        Err(e) if matches!(e.kind(), Kind::Conflict | Kind::Validation) => {
            Ok(back.saying(Flash::failure(e.message())))
        }
        Err(e) => Err(e),
    }
}

/// The question before it is canceled, without JavaScript.
pub(super) async fn ask_cancel(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    let id = allowed(&flows, &actor, &id).await?;
    let execution = flows.seen(&actor, &id).await?;
    let path = format!("{EXECUTIONS}/{id}");
    let page = context.page("Cancel this execution?", "flow-executions").under("Flow executions", EXECUTIONS);
    Ok(Confirm {
        page,
        text: format!("{}: nothing more is done. What was done stays done.", execution.flow_name),
        action: format!("{path}/cancel"),
        fields: Vec::new(),
        confirm: "Cancel execution".to_owned(),
        cancel: path,
        danger: true,
    })
}

/// What is done with an execution.
#[derive(Clone, Copy)]
enum Act {
    Cancel,
    Retry,
    Resume,
}

impl Act {
    /// Does it, and goes back to the execution with a word about it.
    async fn done(self, flows: &Flows, actor: &Actor, id: &str) -> HtmlResult<SeeOther> {
        let id = allowed(flows, actor, id).await?;
        let (done, words) = match self {
            Self::Cancel => (flows.cancel(actor, &id).await, "The execution was canceled."),
            Self::Retry => (flows.retry(actor, &id).await, "The step is tried once more."),
            Self::Resume => (flows.resume(actor, &id).await, "The execution goes on."),
        };
        Ok(said(SeeOther::to(format!("{EXECUTIONS}/{id}")), done.map(drop), words)?)
    }
}

/// Cancels it.
pub(super) async fn cancel(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    Act::Cancel.done(&flows, &actor, &id).await
}

/// Tries the step that failed once more.
pub(super) async fn retry(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    Act::Retry.done(&flows, &actor, &id).await
}

/// Has an execution go on that stands still.
pub(super) async fn resume(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    Act::Resume.done(&flows, &actor, &id).await
}
