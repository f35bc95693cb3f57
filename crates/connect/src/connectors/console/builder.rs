//! Connector types of the workspace: made of an OpenAPI document, looked at, removed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Visitor, require};
use gatehouse_types::{Kind, Permission};
use gatehouse_web::{
    Confirm, FieldErrors, Flash, HtmlResult, Page, PageContext, Path, SeeOther, VerifiedForm, View, When,
};
use serde::Deserialize;

use super::{Nothing, PATH, TITLE, errors_of, frame};
use crate::Connect;
use crate::connectors::model::known::{Known, hosts};
use crate::connectors::service::types::NewType;
use crate::connectors::wire;

/// What was entered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DocumentForm {
    name: String,
    document: String,
}

#[derive(askama::Template)]
#[template(path = "connectors/type_new.html")]
struct NewTypePage {
    page: Page,
    action: String,
    form: DocumentForm,
    errors: FieldErrors,
}

fn blank(context: &PageContext, form: DocumentForm, errors: FieldErrors) -> Response {
    let mut page = frame(context).under(TITLE, PATH);
    "Build a connector".clone_into(&mut page.title);
    View(NewTypePage { page, action: format!("{PATH}/types/new"), form, errors }).into_response()
}

/// The form.
pub(super) async fn show_new(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    context: PageContext,
) -> HtmlResult<Response> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, None).await?;
    Ok(blank(&context, DocumentForm::default(), FieldErrors::none()))
}

/// Makes the type, and shows what became of the document.
pub(super) async fn make(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    context: PageContext,
    VerifiedForm(form): VerifiedForm<DocumentForm>,
) -> HtmlResult<Response> {
    let new = NewType { document: form.document.clone().into_bytes(), name: Some(form.name.clone()) };
    match connect.make_connector_type(&actor, || Ok(new)).await {
        Ok(known) => {
            let text = format!("{} can be connected to now.", known.name);
            let to = format!("{PATH}/types/{}", known.id);
            Ok(SeeOther::to(to).saying(Flash::success(text)).into_response())
        }
        Err(e) => {
            let Some(errors) = errors_of(&e) else { return Err(e.into()) };
            Ok((StatusCode::BAD_REQUEST, blank(&context, form, errors)).into_response())
        }
    }
}

struct ActionRow {
    label: String,
    id: String,
    method: &'static str,
    path: String,
    read_only: bool,
}

#[derive(askama::Template)]
#[template(path = "connectors/type.html")]
struct TypePage {
    page: Page,
    connect: String,
    remove: String,
    description: String,
    ways: Vec<String>,
    /// Where credentials go.
    hosts: String,
    made: Option<When>,
    actions: Vec<ActionRow>,
    left_out: Vec<(String, String)>,
    left_out_more: i64,
    is_own: bool,
}

fn titled(context: &PageContext, known: &Known) -> Page {
    let mut page = frame(context).under(TITLE, PATH);
    page.title.clone_from(&known.name);
    page
}

/// The page of a type.
pub(super) async fn show(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Response> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, None).await?;
    let known = connect.connector_type(&actor, &id).await?;
    let own = known.own();
    let view = TypePage {
        page: titled(&context, &known),
        connect: format!("{PATH}/new/{}", known.id),
        remove: format!("{PATH}/types/{}/delete", known.id),
        description: known.description.clone(),
        ways: known.auth.iter().map(|a| a.label.clone()).collect(),
        hosts: hosts(&known).join(", "),
        made: own.map(|o| When::from(o.created_at)),
        actions: known
            .actions
            .iter()
            .map(|a| ActionRow {
                label: a.label.clone(),
                id: a.id.to_string(),
                method: wire::method(a.method),
                path: a.path.source().to_owned(),
                read_only: a.is_read_only(),
            })
            .collect(),
        left_out: own.map(|o| o.left_out.clone()).unwrap_or_default(),
        left_out_more: own.map_or(0, |o| o.left_out_more),
        is_own: own.is_some(),
    };
    Ok(View(view).into_response())
}

/// The question before it is removed, without JavaScript.
pub(super) async fn ask_delete(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    context: PageContext,
) -> HtmlResult<Confirm> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, None).await?;
    let known = connect.connector_type(&actor, &id).await?;
    let path = format!("{PATH}/types/{}", known.id);
    let mut page = titled(&context, &known).under(known.name.clone(), path.clone());
    page.title = format!("Delete the type {}?", known.name);
    Ok(Confirm {
        page,
        text: "It can be made anew of its document. It stays while connectors use it.".to_owned(),
        action: format!("{path}/delete"),
        fields: Vec::new(),
        confirm: "Delete".to_owned(),
        cancel: path,
        danger: true,
    })
}

/// Removes it.
pub(super) async fn delete(
    State(connect): State<Connect>,
    Visitor(actor): Visitor,
    Path(id): Path<String>,
    VerifiedForm(_): VerifiedForm<Nothing>,
) -> HtmlResult<SeeOther> {
    match connect.remove_connector_type(&actor, &id).await {
        Ok(()) => Ok(SeeOther::to(PATH).saying(Flash::success("The connector type was deleted."))),
        Err(e) if e.kind() == Kind::Conflict => {
            Ok(SeeOther::to(format!("{PATH}/types/{id}")).saying(Flash::failure(e.message())))
        }
        Err(e) => Err(e.into()),
    }
}
