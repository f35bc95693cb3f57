use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::{ApiAppId, Secret, WorkspaceId};
use gatehouse_web::{ApiResult, ErrorBody, Json};
use serde::{Deserialize, Serialize};

use crate::ApiKeys;
use crate::gate::{Owner, Why};
use crate::store::gate::id_text;

/// A key that another service was shown.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = ApiKeyToVerify)]
pub(crate) struct VerifyIn {
    key: Secret,
    /// The scope that the service needs.
    scope: Option<String>,
    /// Where the call came from, for keys that are bound to networks; without it the caller's own address counts.
    #[schema(value_type = Option<String>)]
    ip: Option<std::net::IpAddr>,
}

/// What a key is good for.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = VerifiedApiKey)]
pub(crate) struct VerifyOut {
    valid: bool,
    /// `valid`, `malformed`, `not_found`, `deleted`, `disabled`, `expired`, `replaced`, `app_disabled`, `owner_demoted`,
    /// `network_not_allowed`, `insufficient_scope`, `rate_limited`, `quota_exceeded`.
    code: &'static str,
    #[schema(value_type = Option<String>)]
    app_id: Option<ApiAppId>,
    key_id: Option<String>,
    #[schema(value_type = Option<String>)]
    workspace_id: Option<WorkspaceId>,
    scopes: Vec<String>,
    /// `service` or `person`.
    owner_kind: Option<&'static str>,
    owner_id: Option<String>,
    /// Seconds until it is worth trying again.
    retry_after: Option<u32>,
}

/// The name of a reason.
pub(crate) const fn code(why: Why) -> &'static str {
    match why {
        Why::Malformed => "malformed",
        Why::Unknown => "not_found",
        Why::Deleted => "deleted",
        Why::Disabled => "disabled",
        Why::Expired => "expired",
        Why::Replaced => "replaced",
        Why::AppDisabled => "app_disabled",
        Why::Demoted => "owner_demoted",
        Why::Network => "network_not_allowed",
        Why::Scope => "insufficient_scope",
        Why::Rate(_) => "rate_limited",
        Why::Quota(_) => "quota_exceeded",
    }
}

/// Ask whether a key of this workspace is good, and for what. A key of another workspace is `not_found`.
///
/// The answer is 200 whatever the key is; `valid` and `code` say it. Needs the right `keys:verify`: an admin's token, or a
/// key whose app has that scope.
#[utoipa::path(post, operation_id = "verifyApiKey", path = "/api/v1/keys/verify", tag = "API apps", request_body = VerifyIn, responses(
    (status = 200, body = VerifyOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 503, body = ErrorBody),
))]
pub(crate) async fn verify(
    State(keys): State<ApiKeys>,
    Caller(actor): Caller,
    Json(input): Json<VerifyIn>,
) -> ApiResult<Json<VerifyOut>> {
    let verdict = keys.verify(&actor, input.key.expose(), input.scope.as_deref(), input.ip).await?;
    let (why, known) = match verdict {
        Ok(known) => (None, Some(known)),
        Err(refused) => (Some(refused.why), refused.known),
    };
    let retry_after = match why {
        Some(Why::Rate(seconds) | Why::Quota(seconds)) => Some(seconds),
        _ => None,
    };
    let owner = known.as_ref().map(|k| match &k.owner {
        Owner::Service => ("service", None),
        Owner::Person(id) => ("person", Some(id.to_string())),
    });
    Ok(Json(VerifyOut {
        valid: why.is_none(),
        code: why.map_or("valid", code),
        app_id: known.as_ref().map(|k| k.app.id.clone()),
        key_id: known.as_ref().map(|k| id_text(k.key)),
        workspace_id: known.as_ref().map(|k| k.app.workspace.clone()),
        scopes: known.iter().flat_map(|k| k.app.scopes()).map(str::to_owned).collect(),
        owner_kind: owner.as_ref().map(|o| o.0),
        owner_id: owner.and_then(|o| o.1),
        retry_after,
    }))
}
