//! Profiles as the API takes and shows them.

use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::{Actor, AuthProfileId, Page, Permission, Secret, Timestamp, UserId};
use gatehouse_web::{ApiResult, Created, Deleted, ErrorBody, Json, PageParams, Paging, Path, Query};
use serde::{Deserialize, Serialize};

use crate::profiles::model::{
    AdditionalField, AuthorizationField, AuthorizationType, FieldPlace, client_auth_name,
};
use crate::profiles::service::change::Change;
use crate::profiles::service::{Seen, Status};
use crate::{Connect, GrantView};

/// A value that is sent to the authorization server beside the standard ones.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = AdditionalField)]
pub(crate) struct AdditionalIn {
    /// The parameter's name.
    #[serde(default)]
    key: String,
    /// Its value; `null` or absent: each person is asked for it when they authorize, and it is kept for them.
    value: Option<String>,
}

/// A value that goes with each request through the profile.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = AuthorizationField)]
pub(crate) struct AuthorizationIn {
    /// Where it is put; a payload field goes with POST and PUT, a path field in place of `{key}` in the path.
    #[serde(rename = "type")]
    place: FieldPlace,
    /// Its name there.
    #[serde(default)]
    key: String,
    /// Its value; `{access_token}` in it stands for the token, which is then put nowhere else. Absent: what the person was
    /// asked for under the same key, else nothing.
    value: Option<String>,
}

/// An authorization profile to make, or what to change of one; only what is given changes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuthProfileIn)]
pub(crate) struct ProfileIn {
    /// `oauth2` or `oauth2_client_credentials`; never changed afterwards.
    #[schema(value_type = Option<AuthorizationType>)]
    authorization_type: Option<String>,
    /// What the profile is called; never changed afterwards.
    identity_provider_name: Option<String>,
    /// At most 500 characters.
    description: Option<String>,
    /// One of ours; without it one is made, whose end nobody guesses.
    callback_url: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    /// How the secret is shown at the token endpoint: `basic` (the usual) or `post`.
    client_authentication: Option<String>,
    /// Where a person consents; `oauth2` alone.
    authorization_url: Option<String>,
    /// Whether addresses have a place for a tenancy, such as `https://{tenancy}.example.com/token`; each person is asked for
    /// it. `oauth2` alone.
    tenancy_url: Option<bool>,
    /// Where tokens come from.
    token_request_url: Option<String>,
    /// Sent as it is.
    scope: Option<String>,
    additional_fields: Option<Vec<AdditionalIn>>,
    authorization_fields: Option<Vec<AuthorizationIn>>,
    /// Where tokens are refreshed; empty: at the token request URL. `oauth2` alone.
    refresh_token_url: Option<String>,
    /// Where tokens are revoked (RFC 7009); empty: where the provider's metadata says, if it does.
    revocation_url: Option<String>,
    /// Who the provider is: answers that name another issuer are refused (RFC 9207). Empty: learned from its metadata.
    issuer: Option<String>,
    /// With which status the outside says that a token is not taken; 401.
    auth_error_status_code: Option<i64>,
    /// What must stand in the answer's body besides; empty: nothing.
    auth_error_body: Option<String>,
    /// Hosts where tokens may go: `api.example.com`, `*.example.com`, `api.example.com:8443`. Without any only owners and
    /// admins send requests, to any host.
    allowed_hosts: Option<Vec<String>>,
}

impl From<ProfileIn> for Change {
    fn from(i: ProfileIn) -> Self {
        let additional = |f: AdditionalIn| AdditionalField { key: f.key, value: f.value };
        let authorization =
            |f: AuthorizationIn| AuthorizationField { place: f.place, key: f.key, value: f.value };
        Self {
            authorization_type: i.authorization_type,
            name: i.identity_provider_name.map(|name| name.trim().to_owned()),
            description: i.description,
            callback_url: i.callback_url,
            client_id: i.client_id,
            client_secret: i.client_secret,
            client_authentication: i.client_authentication,
            authorization_url: i.authorization_url,
            tenancy_url: i.tenancy_url,
            token_url: i.token_request_url,
            refresh_url: i.refresh_token_url,
            revocation_url: i.revocation_url,
            issuer: i.issuer,
            scope: i.scope,
            additional: i.additional_fields.map(|all| all.into_iter().map(additional).collect()),
            authorization: i.authorization_fields.map(|all| all.into_iter().map(authorization).collect()),
            auth_error_status: i.auth_error_status_code,
            auth_error_text: i.auth_error_body,
            allowed_hosts: i.allowed_hosts,
        }
    }
}

/// An additional field as it is stored.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AdditionalFieldOut)]
pub(crate) struct AdditionalOut {
    key: String,
    /// `null` where each person is asked for it, and for who does not manage profiles.
    value: Option<String>,
    /// Whether each person is asked for it.
    asked: bool,
}

/// An authorization field as it is stored.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AuthorizationFieldOut)]
pub(crate) struct AuthorizationOut {
    #[serde(rename = "type")]
    place: FieldPlace,
    key: String,
    /// `null` where there is none, and for who does not manage profiles.
    value: Option<String>,
}

/// An authorization profile, without its secret.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuthProfile)]
pub(crate) struct ProfileOut {
    #[schema(value_type = String)]
    id: AuthProfileId,
    authorization_type: AuthorizationType,
    identity_provider_name: String,
    description: String,
    callback_url: String,
    client_id: String,
    /// Always true: the secret itself is never told.
    has_client_secret: bool,
    /// `basic` or `post`.
    client_authentication: &'static str,
    authorization_url: Option<String>,
    tenancy_url: bool,
    token_request_url: String,
    scope: String,
    additional_fields: Vec<AdditionalOut>,
    authorization_fields: Vec<AuthorizationOut>,
    refresh_token_url: Option<String>,
    revocation_url: Option<String>,
    issuer: Option<String>,
    auth_error_status_code: u16,
    auth_error_body: String,
    allowed_hosts: Vec<String>,
    /// Whether tokens come, for the workspace or for who asks.
    status: Status,
    /// What somebody should look at.
    status_reason: Option<String>,
    /// The workspace's own grant; `null` for who does not manage profiles.
    grant: Option<GrantView>,
    /// The grant of who asks.
    own_grant: Option<GrantView>,
    /// The person who answers for it and is told when it fails; `null`: the owners.
    #[schema(value_type = Option<String>)]
    responsible_id: Option<UserId>,
    version: i64,
    created_by: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl ProfileOut {
    /// The profile as this actor sees it.
    fn of(connect: &Connect, actor: &Actor, seen: Seen) -> Self {
        let manages = actor.may(Permission::ManageAuthProfiles);
        let (status, status_reason) = (seen.status(), seen.trouble());
        let Seen { profile: p, secrets, service, own } = seen;
        let additional = secrets.fields.additional.into_iter().map(|f| AdditionalOut {
            asked: f.value.is_none(),
            key: f.key,
            value: f.value.filter(|_| manages),
        });
        let authorization = secrets.fields.authorization.into_iter().map(|f| AuthorizationOut {
            place: f.place,
            key: f.key,
            value: f.value.filter(|_| manages),
        });
        Self {
            callback_url: connect.callback_url(&p.context),
            id: p.id,
            authorization_type: p.kind,
            identity_provider_name: p.name,
            description: p.description,
            client_id: p.client_id,
            has_client_secret: !secrets.client_secret.is_empty(),
            client_authentication: client_auth_name(p.client_auth),
            authorization_url: p.authorization_url,
            tenancy_url: p.tenancy_url,
            token_request_url: p.token_url,
            scope: p.scope,
            additional_fields: additional.collect(),
            authorization_fields: authorization.collect(),
            refresh_token_url: p.refresh_url,
            revocation_url: p.revocation_url,
            issuer: p.issuer,
            auth_error_status_code: p.auth_error_status,
            auth_error_body: p.auth_error_text,
            allowed_hosts: p.allowed_hosts.iter().map(|h| h.as_str().to_owned()).collect(),
            status,
            status_reason,
            grant: service.filter(|_| manages),
            own_grant: own,
            responsible_id: p.responsible,
            version: p.version,
            created_by: p.created_by,
            created_at: p.created_at,
            updated_at: p.updated_at,
        }
    }
}

/// Which profiles to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// A part of the name.
    search: Option<String>,
}

/// List the workspace's authorization profiles, by name.
#[utoipa::path(get, operation_id = "listAuthProfiles", path = "/api/v1/auth-profiles", tag = "Authorization profiles", params(ListIn, PageParams), responses(
    (status = 200, body = Page<ProfileOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Paging(page): Paging<25>,
    Query(input): Query<ListIn>,
) -> ApiResult<Json<Page<ProfileOut>>> {
    let found = connect.profiles(&actor, input.search.as_deref(), page).await?;
    Ok(Json(found.map(|seen| ProfileOut::of(&connect, &actor, seen))))
}

/// Make an authorization profile.
#[utoipa::path(post, operation_id = "createAuthProfile", path = "/api/v1/auth-profiles", tag = "Authorization profiles", request_body = ProfileIn, responses(
    (status = 201, body = ProfileOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn create(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Json(input): Json<ProfileIn>,
) -> ApiResult<Created<ProfileOut>> {
    let seen = connect.create_profile(&actor, input.into()).await?;
    Ok(Created(ProfileOut::of(&connect, &actor, seen)))
}

/// Get an authorization profile.
#[utoipa::path(get, operation_id = "getAuthProfile", path = "/api/v1/auth-profiles/{id}", tag = "Authorization profiles", params(("id" = String, Path)), responses(
    (status = 200, body = ProfileOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<AuthProfileId>,
) -> ApiResult<Json<ProfileOut>> {
    let seen = connect.profile(&actor, &id).await?;
    Ok(Json(ProfileOut::of(&connect, &actor, seen)))
}

/// Change an authorization profile. Its type and name stay. With another client or other hosts, everything that was granted
/// ends and must be authorized again.
#[utoipa::path(put, operation_id = "updateAuthProfile", path = "/api/v1/auth-profiles/{id}", tag = "Authorization profiles", params(("id" = String, Path)), request_body = ProfileIn, responses(
    (status = 200, body = ProfileOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn update(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<AuthProfileId>,
    Json(input): Json<ProfileIn>,
) -> ApiResult<Json<ProfileOut>> {
    let seen = connect.update_profile(&actor, &id, input.into()).await?;
    Ok(Json(ProfileOut::of(&connect, &actor, seen)))
}

/// Delete an authorization profile with everything that was granted for it. What uses it fails from then on; with
/// `?dryRun=true` the effects say what that is.
#[utoipa::path(delete, operation_id = "deleteAuthProfile", path = "/api/v1/auth-profiles/{id}", tag = "Authorization profiles", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn delete(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<AuthProfileId>,
) -> ApiResult<Deleted> {
    connect.delete_profile(&actor, &id).await?;
    Ok(Deleted::done())
}
