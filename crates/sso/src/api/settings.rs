use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::{ConnectionId, Email, Error, Timestamp};
use gatehouse_web::{ApiResult, ErrorBody, Json};
use serde::{Deserialize, Serialize};

use crate::Sso;
use crate::service::settings::SettingsView;

/// Single sign-on of the workspace.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SsoSettings)]
pub(crate) struct SettingsOut {
    /// Whether an administrator enabled it.
    enabled: bool,
    enabled_at: Option<Timestamp>,
    /// Whether people must use it now: enabled, and the connection is active.
    in_force: bool,
    connection_id: Option<String>,
    /// For whom it is optional; owners always, whether listed by hand or not.
    #[schema(value_type = Vec<String>)]
    excluded_users: Vec<Email>,
    acs_url_sp_initiated: Option<String>,
    acs_url_idp_initiated: Option<String>,
    /// Where WS-Federation providers answer.
    reply_url: Option<String>,
    /// Where OpenID providers answer.
    redirect_uri: Option<String>,
}

fn out(sso: &Sso, view: SettingsView) -> SettingsOut {
    let SettingsView { settings, owners, in_force, redirect_uri } = view;
    let mut excluded = owners;
    excluded.extend(settings.excluded);
    excluded.sort();
    excluded.dedup();
    let id = settings.connection_id.as_ref();
    let at = |path: &dyn Fn(&ConnectionId) -> String| id.map(path);
    SettingsOut {
        enabled: settings.enabled,
        enabled_at: settings.enabled_at,
        in_force,
        connection_id: id.map(ToString::to_string),
        excluded_users: excluded,
        acs_url_sp_initiated: at(&|id| sso.sp_acs_url(id)),
        acs_url_idp_initiated: at(&|id| sso.idp_acs_url(id)),
        reply_url: at(&|id| sso.reply_url(id)),
        redirect_uri,
    }
}

/// What to change; only what is given changes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingsIn {
    connection_id: Option<String>,
    /// All excluded people; an owner's right.
    #[schema(value_type = Option<Vec<String>>)]
    excluded_users: Option<Vec<Email>>,
}

/// Get the single sign-on settings.
#[utoipa::path(get, operation_id = "getSsoSettings", path = "/api/v1/sso/settings", tag = "Single sign-on", responses(
    (status = 200, body = SettingsOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn get(State(sso): State<Sso>, Caller(actor): Caller) -> ApiResult<Json<SettingsOut>> {
    let view = sso.settings(&actor).await?;
    Ok(Json(out(&sso, view)))
}

/// Change the single sign-on settings.
#[utoipa::path(put, operation_id = "updateSsoSettings", path = "/api/v1/sso/settings", tag = "Single sign-on", request_body = SettingsIn, responses(
    (status = 200, body = SettingsOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn update(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Json(input): Json<SettingsIn>,
) -> ApiResult<Json<SettingsOut>> {
    let id =
        input.connection_id.map(|t| t.parse().map_err(|_| Error::not_found("Connection"))).transpose()?;
    let view = sso.update_settings(&actor, id, input.excluded_users).await?;
    Ok(Json(out(&sso, view)))
}

/// Make single sign-on mandatory through the chosen connection.
#[utoipa::path(post, operation_id = "enableSso", path = "/api/v1/sso/settings/enable", tag = "Single sign-on", responses(
    (status = 200, body = SettingsOut), (status = 400, description = "Names the missing step", body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn enable(State(sso): State<Sso>, Caller(actor): Caller) -> ApiResult<Json<SettingsOut>> {
    let view = sso.enable(&actor).await?;
    Ok(Json(out(&sso, view)))
}

/// Turn single sign-on off.
#[utoipa::path(post, operation_id = "disableSso", path = "/api/v1/sso/settings/disable", tag = "Single sign-on", responses(
    (status = 200, body = SettingsOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn disable(State(sso): State<Sso>, Caller(actor): Caller) -> ApiResult<Json<SettingsOut>> {
    let view = sso.disable(&actor).await?;
    Ok(Json(out(&sso, view)))
}

/// Our metadata as a service provider.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpMetadataOut {
    entity_id: String,
    acs_url: String,
    metadata_xml: String,
}

/// Get the values to set a SAML provider up with.
#[utoipa::path(get, operation_id = "getSamlSpMetadata", path = "/api/v1/sso/sp-metadata", tag = "Single sign-on", responses(
    (status = 200, body = SpMetadataOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn sp_metadata(
    State(sso): State<Sso>,
    Caller(actor): Caller,
) -> ApiResult<Json<SpMetadataOut>> {
    let allowed = gatehouse_types::Permission::ManageSso;
    let workspace = gatehouse_identity::require(&sso.0.store, &actor, allowed, None).await?;
    Ok(Json(SpMetadataOut {
        entity_id: sso.entity_id(),
        acs_url: sso.acs_url(),
        metadata_xml: sso.workspace_sp_metadata(workspace).await?,
    }))
}
