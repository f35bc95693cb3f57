use axum::Extension;
use axum::extract::State;
use gatehouse_identity::Anybody;
use gatehouse_types::{ApiKeyId, Id, Role, Secret, UserId, WorkspaceId};
use gatehouse_web::{ApiResult, ErrorBody, Json, NeverStored};
use serde::{Deserialize, Serialize};

use crate::ApiKeys;
use crate::gate::Owner;
use crate::store::gate::id_text;

/// A key to exchange.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKeyExchange)]
pub(crate) struct TokenIn {
    api_key: Secret,
}

/// The workspace of a key.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKeyWorkspace)]
pub(crate) struct WorkspaceOut {
    #[schema(value_type = String)]
    id: WorkspaceId,
    name: String,
    /// The role of the person whose key it is; none for a key of the company's.
    role: Option<Role>,
    /// Always false: a key signs nobody in.
    sso_required: bool,
}

/// A token in the place of a key.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKeyToken)]
pub(crate) struct TokenOut {
    /// A JWT (RFC 7519), for `Authorization: Bearer`. It reaches what the key reaches, and dies with it.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds until the token expires.
    expires_in: i64,
    #[schema(value_type = String)]
    workspace_id: WorkspaceId,
    scopes: Vec<String>,
    workspaces: Vec<WorkspaceOut>,
}

/// Exchange an API key for a short-lived bearer token that reaches the same and dies with the key.
#[utoipa::path(post, operation_id = "exchangeApiKey", path = "/api/v1/auth/token", tag = "Sign-in", security(()), request_body = TokenIn, responses(
    (status = 200, body = TokenOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody),
))]
pub(crate) async fn exchange(
    State(keys): State<ApiKeys>,
    Anybody(actor): Anybody,
    Json(input): Json<TokenIn>,
) -> ApiResult<(Extension<NeverStored>, Json<TokenOut>)> {
    let known = match keys.check(input.api_key.expose(), None, &actor.origin).await? {
        Ok(known) => known,
        Err(refused) => return Err(keys.refused(actor.origin, refused, None).await.into()),
    };
    let workspace = known.app.workspace.clone();
    let key = ApiKeyId::from_stored(id_text(known.key));
    let identity = &keys.0.identity;
    let bearer = identity.token_for_key(&key, &known.app.id, &workspace, known.expires_at)?;
    let owner = match &known.owner {
        Owner::Person(id) => Some(UserId::from_stored(id.to_string())),
        Owner::Service => None,
    };
    let (name, role) = identity.workspace_for_key(&workspace, owner.as_ref()).await?;
    let out = TokenOut {
        access_token: bearer.access_token.expose().to_owned(),
        token_type: "Bearer",
        expires_in: bearer.expires_in,
        workspace_id: workspace.clone(),
        scopes: known.app.scopes().map(str::to_owned).collect(),
        workspaces: vec![WorkspaceOut { id: workspace, name, role, sso_required: false }],
    };
    Ok((Extension(NeverStored), Json(out)))
}
