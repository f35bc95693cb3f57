use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::{Page, SigningKeyId, Timestamp};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, PageParams, Paging, Path};
use serde::Serialize;

use crate::Sso;
use crate::model::{KeyState, SpKey};

/// A key of ours. Its private half never leaves the server.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SamlSpKey)]
pub(crate) struct SpKeyOut {
    #[schema(value_type = String)]
    id: SigningKeyId,
    state: KeyState,
    /// Whether all workspaces share it.
    shared: bool,
    /// Counts the keys of a workspace.
    version: i64,
    /// SHA-256 over the certificate, hex.
    fingerprint: String,
    /// The certificate in PEM.
    certificate: String,
    not_before: Timestamp,
    not_after: Timestamp,
    created_at: Timestamp,
    /// When it last signed or decrypted, to the minute; not told of a shared key.
    last_used_at: Option<Timestamp>,
}

impl From<SpKey> for SpKeyOut {
    fn from(k: SpKey) -> Self {
        Self {
            id: k.id,
            state: k.state,
            shared: k.shared,
            version: k.version,
            fingerprint: k.fingerprint,
            certificate: k.certificate,
            not_before: k.not_before,
            not_after: k.not_after,
            created_at: k.created_at,
            last_used_at: k.last_used_at,
        }
    }
}

/// List our SAML keys as they count in the workspace: next, current, previous. Retired ones are gone.
#[utoipa::path(get, operation_id = "listSamlSpKeys", path = "/api/v1/sso/sp-keys", tag = "Single sign-on", params(PageParams), responses(
    (status = 200, body = Page<SpKeyOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Paging(page): Paging<50>,
) -> ApiResult<Json<Page<SpKeyOut>>> {
    Ok(Json(Page::of_all(sso.sp_keys(&actor).await?, page).map(Into::into)))
}

/// Make the workspace's next key. It is published and decrypts at once; promote it when the provider knows it.
#[utoipa::path(post, operation_id = "createSamlSpKey", path = "/api/v1/sso/sp-keys", tag = "Single sign-on", responses(
    (status = 200, body = SpKeyOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 409, description = "There is a next key already", body = ErrorBody),
))]
pub(crate) async fn create(State(sso): State<Sso>, Caller(actor): Caller) -> ApiResult<Json<SpKeyOut>> {
    Ok(Json(sso.make_sp_key(&actor).await?.into()))
}

/// Promote the next key: from now on it signs. The current key becomes the previous one and still decrypts.
#[utoipa::path(post, operation_id = "promoteSamlSpKey", path = "/api/v1/sso/sp-keys/{id}/promote", tag = "Single sign-on", params(("id" = String, Path)), responses(
    (status = 200, body = SpKeyOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "Not the next key, or an overlap is not over", body = ErrorBody),
))]
pub(crate) async fn promote(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<SigningKeyId>,
) -> ApiResult<Json<SpKeyOut>> {
    Ok(Json(sso.promote_sp_key(&actor, &id).await?.into()))
}

/// Retire the previous key, or withdraw the next one.
#[utoipa::path(delete, operation_id = "deleteSamlSpKey", path = "/api/v1/sso/sp-keys/{id}", tag = "Single sign-on", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "The current key", body = ErrorBody),
))]
pub(crate) async fn delete(
    State(sso): State<Sso>,
    Caller(actor): Caller,
    Path(id): Path<SigningKeyId>,
) -> ApiResult<Deleted> {
    sso.retire_sp_key(&actor, &id).await?;
    Ok(Deleted::done())
}
