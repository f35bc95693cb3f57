use std::collections::BTreeMap;

use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{ConnectorId, OwnerKind, Page, Permission, Result, Secret, Timestamp, UserId};
use gatehouse_web::{ApiResult, Created, Deleted, ErrorBody, Json, PageParams, Paging, Path, Query};
use serde::{Deserialize, Serialize};

use super::connector_id;
use crate::connectors::model::connector::{NonInteractive, Status, checked_owner};
use crate::connectors::model::fields::{Given, spoken};
use crate::connectors::model::known::no_user_authentication;
use crate::connectors::model::sheets;
use crate::connectors::service::change::Change;
use crate::connectors::service::connectors::New;
use crate::connectors::service::view::View;
use crate::connectors::store::connectors::Wanted;
use crate::{Connect, GrantView};

/// A connector to make.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorIn)]
pub(crate) struct ConnectorIn {
    /// The id of a connector type.
    #[serde(rename = "type")]
    kind: String,
    /// One of its ways to authenticate; the first when it is absent.
    auth_type: Option<String>,
    /// What it is called; like its type when it is absent. Unique in the workspace.
    name: Option<String>,
    /// `service` (default): the company's; it stays when people leave. `person`: the caller's own; it ends with the person.
    owner_kind: Option<String>,
    /// Values by the keys of the type's fields.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    fields: BTreeMap<String, Option<Secret>>,
    /// The days on which values end, by the keys of fields that may have one: `2027-06-30` or RFC 3339.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    expiry: BTreeMap<String, Option<String>>,
}

/// What to change of a connector; only what is given changes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorChange)]
pub(crate) struct ChangeIn {
    /// Another way to authenticate of the same type; what was authorized ends.
    auth_type: Option<String>,
    name: Option<String>,
    /// `service` or `person`; what was authorized ends.
    owner_kind: Option<String>,
    /// Values by the keys of the type's fields; `null` takes one away.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    fields: BTreeMap<String, Option<Secret>>,
    /// The days on which values end; `null` takes one away.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    expiry: BTreeMap<String, Option<String>>,
}

/// A connector, without its secrets.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Connector)]
pub(crate) struct ConnectorOut {
    #[schema(value_type = String)]
    id: ConnectorId,
    name: String,
    /// The id of its type.
    #[serde(rename = "type")]
    kind: String,
    /// What its type is called.
    type_name: String,
    /// Its way to authenticate.
    auth_type: String,
    /// What happens when it authenticates.
    auth_kind: String,
    #[schema(value_type = String)]
    owner_kind: OwnerKind,
    /// The person it ends with.
    #[schema(value_type = Option<String>)]
    owner_id: Option<UserId>,
    /// Who answers for the company's.
    #[schema(value_type = Option<String>)]
    responsible_id: Option<UserId>,
    status: Status,
    /// Why it stands like that.
    status_detail: Option<String>,
    /// The values that are no secrets, by the keys of the type's fields.
    #[schema(value_type = Object)]
    fields: BTreeMap<String, String>,
    /// The secret fields that have a value.
    secrets_set: Vec<String>,
    /// When values end.
    #[schema(value_type = Object)]
    expiry: BTreeMap<String, Timestamp>,
    /// What ends soon or has ended.
    warnings: Vec<String>,
    /// Its own callback, to be registered at the provider; `null` where nobody consents.
    callback_url: Option<String>,
    /// What was authorized for the connector itself.
    grant: Option<GrantView>,
    /// How the last test went.
    last_test: Option<TestedOut>,
    user_authentications: PeopleOut,
    /// What is to be handed over to somebody else, filled in.
    sheets: Vec<FilledOut>,
    version: i64,
    created_by: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// The last call, to within a minute.
    last_used_at: Option<Timestamp>,
}

/// How a test went.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorTested)]
pub(crate) struct TestedOut {
    at: Timestamp,
    success: bool,
    message: String,
}

/// Whether people authenticate for themselves.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConnectorUserAuthentications)]
pub(crate) struct PeopleOut {
    enabled: bool,
    non_interactive_mode: NonInteractive,
    /// Whether it can be switched on.
    allowed: bool,
}

/// A sheet for one environment.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorSheet)]
pub(crate) struct FilledOut {
    id: String,
    title: String,
    text: String,
    /// Which environment; empty: any.
    environment: String,
    rows: Vec<RowOut>,
    /// The lines as one JSON object, for a file.
    json: Option<String>,
}

/// A line of a sheet.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ConnectorSheetRow)]
pub(crate) struct RowOut {
    label: String,
    /// Empty: to be filled in by hand.
    value: String,
    /// Where it is found.
    help: String,
}

impl ConnectorOut {
    pub(super) fn of(view: View) -> Result<Self> {
        let auth = view.auth()?.clone();
        let c = view.connector;
        let callback = view.callback.clone();
        let value = |name: &str| match name {
            "redirect_uri" => callback.clone(),
            name => c.plain.get(name).cloned(),
        };
        let filled = sheets::filled(&view.known, &auth, value);
        Ok(Self {
            kind: c.type_id,
            type_name: view.known.name.clone(),
            auth_kind: crate::connectors::service::types::word(&auth.kind),
            auth_type: c.auth_id,
            status: view.status,
            status_detail: view.detail,
            fields: c.plain.iter().map(|(key, value)| (spoken(key), value.clone())).collect(),
            secrets_set: c.secret_names.iter().map(|key| spoken(key)).collect(),
            expiry: c.expiry.iter().map(|(key, at)| (spoken(key), *at)).collect(),
            warnings: view.warnings,
            callback_url: view.callback,
            grant: view.grant,
            last_test: c.tested.map(|t| TestedOut { at: t.at, success: t.ok, message: t.message }),
            user_authentications: PeopleOut {
                enabled: c.user_authentication,
                non_interactive_mode: c.mode,
                allowed: no_user_authentication(&auth).is_none(),
            },
            sheets: filled.into_iter().map(FilledOut::of).collect(),
            id: c.id,
            name: c.name,
            owner_kind: c.owner_kind,
            owner_id: c.owner_id,
            responsible_id: c.responsible,
            version: c.version,
            created_by: c.created_by,
            created_at: c.created_at,
            updated_at: c.updated_at,
            last_used_at: c.last_used_at,
        })
    }
}

impl FilledOut {
    fn of(sheet: sheets::Filled) -> Self {
        let rows = sheet.rows.into_iter();
        Self {
            id: sheet.id,
            title: sheet.title,
            text: sheet.text,
            environment: sheet.environment,
            rows: rows.map(|r| RowOut { label: r.label, value: r.value, help: r.help }).collect(),
            json: sheet.json,
        }
    }
}

fn given(fields: BTreeMap<String, Option<Secret>>, expiry: BTreeMap<String, Option<String>>) -> Given {
    Given { values: fields.into_iter().collect(), expiry: expiry.into_iter().collect() }
}

/// Which connectors to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// In the name, in any case.
    search: Option<String>,
    /// Of this type.
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// List the workspace's connectors, by name. Members see the company's and their own.
#[utoipa::path(get, operation_id = "listConnectors", path = "/api/v1/connectors", tag = "Connectors", params(ListIn, PageParams), responses(
    (status = 200, body = Page<ConnectorOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Paging(page): Paging<25>,
    Query(input): Query<ListIn>,
) -> ApiResult<Json<Page<ConnectorOut>>> {
    let wanted = Wanted { search: input.search, type_id: input.kind, ..Wanted::default() };
    let found = connect.connectors(&actor, wanted, page).await?;
    let pagination = found.pagination;
    let data = found.data.into_iter().map(ConnectorOut::of).collect::<Result<_>>()?;
    Ok(Json(Page { data, pagination }))
}

/// Make a connector. What people consent to is authorized next: `POST /api/v1/connectors/{id}/authorize`.
#[utoipa::path(post, operation_id = "createConnector", path = "/api/v1/connectors", tag = "Connectors", request_body = ConnectorIn, responses(
    (status = 201, body = ConnectorOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn create(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Json(input): Json<ConnectorIn>,
) -> ApiResult<Created<ConnectorOut>> {
    // who may not is told so before what is wrong with the values
    require(&connect.0.store, &actor, Permission::ManageConnectors, None).await?;
    let new = New {
        type_id: input.kind,
        auth_id: input.auth_type,
        name: input.name,
        owner_kind: input.owner_kind.as_deref().map_or(Ok(OwnerKind::Service), checked_owner)?,
        given: given(input.fields, input.expiry),
        context: None,
    };
    Ok(Created(ConnectorOut::of(connect.make_connector(&actor, new).await?)?))
}

/// Get a connector, without its secrets.
#[utoipa::path(get, operation_id = "getConnector", path = "/api/v1/connectors/{id}", tag = "Connectors", params(("id" = String, Path)), responses(
    (status = 200, body = ConnectorOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<ConnectorOut>> {
    require(&connect.0.store, &actor, Permission::UseConnectors, Some(format!("connector:{id}"))).await?;
    Ok(Json(ConnectorOut::of(connect.connector(&actor, &connector_id(&id)?).await?)?))
}

/// Change a connector. Another client or another way to authenticate ends what was authorized; secrets that would go to another
/// host must be entered again.
#[utoipa::path(put, operation_id = "updateConnector", path = "/api/v1/connectors/{id}", tag = "Connectors", params(("id" = String, Path)), request_body = ChangeIn, responses(
    (status = 200, body = ConnectorOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn update(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Json(input): Json<ChangeIn>,
) -> ApiResult<Json<ConnectorOut>> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, Some(format!("connector:{id}"))).await?;
    let change = Change {
        auth_id: input.auth_type,
        name: input.name,
        owner_kind: input.owner_kind.as_deref().map(checked_owner).transpose()?,
        given: given(input.fields, input.expiry),
    };
    Ok(Json(ConnectorOut::of(connect.change_connector(&actor, &connector_id(&id)?, change).await?)?))
}

/// Delete a connector, also another person's own. What was authorized through it ends, for people too; `dryRun=true` tells whose.
#[utoipa::path(delete, operation_id = "deleteConnector", path = "/api/v1/connectors/{id}", tag = "Connectors", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn delete(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Deleted> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, Some(format!("connector:{id}"))).await?;
    connect.remove_connector(&actor, &connector_id(&id)?).await?;
    Ok(Deleted::done())
}
