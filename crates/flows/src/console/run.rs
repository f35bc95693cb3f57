//! Running a flow by hand: a form of its typed inputs.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_flow::definition::Field;
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{Actor, FlowId, Permission, Result};
use gatehouse_web::{FieldErrors, HtmlResult, Page, PageContext, Path, Query, SeeOther, VerifiedForm, View};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::fields::{self, Entered, Input};
use super::parts::errors_of;
use super::{EXECUTIONS, below, id_of, path_of};
use crate::Flows;
use crate::model::definition::judged;
use crate::model::flow::Flow;
use crate::service::object;

/// What runs.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct What {
    /// The draft instead of what is in service.
    draft: bool,
}

#[derive(askama::Template)]
#[template(path = "flows/run.html")]
struct RunPage {
    page: Page,
    action: String,
    back: String,
    about: String,
    /// Whether the flow says nothing of its input: any object may be given.
    free: bool,
    input: String,
    inputs: Vec<Input>,
    errors: FieldErrors,
    who: String,
}

/// The inputs of what would run; `None`: anything.
async fn inputs_of(flows: &Flows, flow: &Flow, draft: bool) -> Result<Option<Vec<Field>>> {
    let found = match (&flow.deployed, draft) {
        (Some(deployed), false) => flows.flow_of(&deployed.id).await?.inputs().map(<[_]>::to_vec),
        _ => judged(&flow.definition)?.inputs().map(<[_]>::to_vec),
    };
    Ok(found)
}

async fn allowed(flows: &Flows, actor: &Actor, id: &FlowId, draft: bool) -> Result<Flow> {
    let right = if draft { Permission::EditFlows } else { Permission::UseFlows };
    require(&flows.0.store, actor, right, object(id)).await?;
    Ok(flows.flow(actor, id).await?.flow)
}

async fn view(
    flows: &Flows,
    actor: &Actor,
    context: &PageContext,
    (flow, fields, draft): (&Flow, Option<&[Field]>, bool),
    (entered, errors): (Option<&Entered>, FieldErrors),
) -> Result<Response> {
    let path = path_of(&flow.id);
    let title = if draft { format!("Try the draft of {}", flow.name) } else { format!("Run {}", flow.name) };
    let view = RunPage {
        page: below(context, title).under(flow.name.clone(), path.clone()),
        action: if draft { format!("{path}/run?draft=true") } else { format!("{path}/run") },
        back: path,
        about: flow.description.clone(),
        free: fields.is_none(),
        input: entered.and_then(|e| e.get("input").cloned()).unwrap_or_default(),
        inputs: fields::inputs(fields.unwrap_or_default(), entered, &errors),
        errors,
        who: flows.name_of(&flow.workspace_id, Some(&format!("user:{}", actor.user()?))).await?,
    };
    Ok(View(view).into_response())
}

/// The form.
pub(super) async fn show(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    Query(what): Query<What>,
    context: PageContext,
) -> HtmlResult<Response> {
    let flow = allowed(&flows, &actor, &id_of(&id)?, what.draft).await?;
    let fields = inputs_of(&flows, &flow, what.draft).await?;
    let of = (&flow, fields.as_deref(), what.draft);
    Ok(view(&flows, &actor, &context, of, (None, FieldErrors::none())).await?)
}

/// Any object, as it was typed.
fn free(entered: &Entered) -> Result<Value, FieldErrors> {
    let text = entered.get("input").map(|text| text.trim()).unwrap_or_default();
    let wrong = || {
        let mut errors = FieldErrors::none();
        errors.add("input", "The input must be a JSON object.");
        errors
    };
    match serde_json::from_str::<Value>(text) {
        _ if text.is_empty() => Ok(Value::Object(Map::new())),
        Ok(value) if value.is_object() => Ok(value),
        _ => Err(wrong()),
    }
}

/// Starts it; its page comes next.
pub(super) async fn run(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    Query(what): Query<What>,
    context: PageContext,
    VerifiedForm(entered): VerifiedForm<Entered>,
) -> HtmlResult<Response> {
    let id = id_of(&id)?;
    let flow = allowed(&flows, &actor, &id, what.draft).await?;
    let fields = inputs_of(&flows, &flow, what.draft).await?;
    let values = match &fields {
        Some(fields) => fields::checked(fields, &entered),
        None => free(&entered),
    };
    let errors = match values {
        Ok(input) => match flows.run(&actor, &id, input, what.draft).await {
            Ok(begun) => return Ok(SeeOther::to(format!("{EXECUTIONS}/{}", begun.id)).into_response()),
            Err(e) => match errors_of(&e) {
                Some(errors) => errors,
                None => return Err(e.into()),
            },
        },
        Err(errors) => errors,
    };
    let of = (&flow, fields.as_deref(), what.draft);
    let page = view(&flows, &actor, &context, of, (Some(&entered), errors)).await?;
    Ok((StatusCode::BAD_REQUEST, page).into_response())
}
