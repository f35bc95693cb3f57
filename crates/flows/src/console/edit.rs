//! The editor of a flow: a form with its name and its definition as JSON, drawn where there is JavaScript.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_connect::ConnectorPick;
use gatehouse_identity::Visitor;
use gatehouse_types::{Actor, Error, FlowId, Permission, Result};
use gatehouse_web::{
    FieldErrors, Flash, HtmlResult, Page, PageContext, Path, SeeOther, Tab, Tone, VerifiedForm, View, When,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parts::{errors_of, status, tabs};
use super::{below, id_of, path_of};
use crate::Flows;
use crate::model::flow::Missing;
use crate::model::secrets::{Advice, written};
use crate::service::definitions::{Change, Detailed};

/// What was filled in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EditForm {
    name: String,
    description: String,
    definition: String,
    version: i64,
    /// `deploy`: to deploy what was saved.
    then: String,
}

#[derive(askama::Template)]
#[template(path = "flows/edit.html")]
struct EditPage {
    page: Page,
    path: String,
    undeploy: String,
    delete: String,
    tabs: Vec<Tab>,
    form: EditForm,
    errors: FieldErrors,
    status: String,
    tone: Tone,
    deployed: Option<(i64, When, String)>,
    changed: bool,
    missing: Vec<Missing>,
    advice: Vec<Advice>,
    may_edit: bool,
    may_manage: bool,
    /// What can be chosen in steps, as JSON for the editor.
    profiles: String,
    connectors: String,
}

impl EditForm {
    fn of(flow: &Detailed) -> Self {
        Self {
            name: flow.flow.name.clone(),
            description: flow.flow.description.clone(),
            definition: serde_json::to_string_pretty(&flow.flow.definition).unwrap_or_default(),
            version: flow.flow.version,
            then: String::new(),
        }
    }

    /// The definition; what is no JSON says where.
    fn definition(&self) -> Result<Value> {
        serde_json::from_str(&self.definition).map_err(|e| {
            let place = format!("line {}, column {}", e.line(), e.column());
            Error::validation("definition", format!("The definition is no JSON: look at {place}."))
        })
    }
}

async fn view(
    flows: &Flows,
    actor: &Actor,
    context: &PageContext,
    found: Detailed,
    (form, errors): (Option<EditForm>, FieldErrors),
) -> Result<Response> {
    let changed = found.flow.deployed.as_ref().is_none_or(|d| d.digest != found.flow.digest);
    let (status, tone) = status(found.flow.deployed.as_ref(), changed);
    let form = form.unwrap_or_else(|| EditForm::of(&found));
    let deployed = match &found.flow.deployed {
        Some(d) => {
            let by = flows.name_of(&found.flow.workspace_id, d.by.as_deref()).await?;
            Some((d.number, When::from(d.at), by))
        }
        None => None,
    };
    let may_edit = actor.may(Permission::EditFlows);
    let (profiles, connectors) = if may_edit { picks(flows, actor).await? } else { Default::default() };
    let path = path_of(&found.flow.id);
    let page = EditPage {
        page: below(context, found.flow.name.clone()),
        undeploy: format!("{path}/undeploy"),
        delete: format!("{path}/delete"),
        path,
        tabs: tabs(actor, &found.flow.id, "Editor"),
        form,
        errors,
        status,
        tone,
        deployed,
        changed,
        missing: found.missing,
        advice: written(&found.flow.definition),
        may_edit,
        may_manage: actor.may(Permission::ManageFlows),
        profiles,
        connectors,
    };
    Ok(View(page).into_response())
}

/// What can be chosen in steps, as JSON: profiles and connectors.
async fn picks(flows: &Flows, actor: &Actor) -> Result<(String, String)> {
    let connect = &flows.0.connect;
    let profiles = connect.profile_picks(actor).await?;
    let profiles = profiles.into_iter().map(|(id, name)| json!({"id": id.to_string(), "name": name}));
    let connectors = connect.connector_picks(actor).await?;
    let connectors = connectors.into_iter().map(pick);
    Ok((profiles.collect::<Value>().to_string(), connectors.collect::<Value>().to_string()))
}

fn pick(of: ConnectorPick) -> Value {
    let actions = of.actions.into_iter().map(|a| {
        let parameters = a
            .parameters
            .into_iter()
            .map(|p| json!({"name": p.name, "label": p.label, "required": p.required, "help": p.help}));
        let parameters = parameters.collect::<Value>();
        json!({"id": a.id, "name": a.name, "description": a.description, "parameters": parameters})
    });
    json!({"id": of.id.to_string(), "name": of.name, "actions": actions.collect::<Value>()})
}

/// The page.
pub(super) async fn show(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Response> {
    let found = flows.flow(&actor, &id_of(&id)?).await?;
    Ok(view(&flows, &actor, &context, found, (None, FieldErrors::none())).await?)
}

/// Saves the draft, and deploys it where that was asked.
pub(super) async fn save(
    State(flows): State<Flows>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<EditForm>,
) -> HtmlResult<Response> {
    let id = id_of(&id)?;
    match change(&flows, &actor, &id, &form).await {
        Ok(saved) if form.then == "deploy" => {
            Ok(super::deploy::deployed(&flows, &actor, &saved.flow.id).await?.into_response())
        }
        Ok(saved) => {
            let words = match (saved.missing.len(), saved.flow.deployed.is_some()) {
                (0, true) => "The draft was saved. It runs once it is deployed.",
                (0, false) => "The draft was saved.",
                _ => "The draft was saved. It cannot be deployed yet: see what is missing.",
            };
            Ok(SeeOther::to(path_of(&id)).saying(Flash::success(words)).into_response())
        }
        Err(e) => {
            let Some(errors) = errors_of(&e) else { return Err(e.into()) };
            let found = flows.flow(&actor, &id).await?;
            let page = view(&flows, &actor, &context, found, (Some(form), errors)).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}

async fn change(flows: &Flows, actor: &Actor, id: &FlowId, form: &EditForm) -> Result<Detailed> {
    // who may not change it learns that first
    gatehouse_identity::require(&flows.0.store, actor, Permission::EditFlows, crate::service::object(id))
        .await?;
    let change = Change {
        name: Some(form.name.clone()),
        description: Some(form.description.replace("\r\n", "\n")),
        definition: Some(form.definition()?),
        version: Some(form.version),
    };
    flows.change_flow(actor, id, change).await
}
