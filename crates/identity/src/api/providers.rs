use axum::extract::State;
use gatehouse_types::Timestamp;
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, Path};
use serde::Serialize;

use crate::api::caller::Caller;
use crate::model::SocialProvider;
use crate::{Identity, OwnProvider};

/// The providers of accounts for everybody, as they stand to the caller.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SignInProviders)]
pub(crate) struct ProvidersOut {
    data: Vec<ProviderOut>,
}

/// One provider.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SignInProvider)]
pub(crate) struct ProviderOut {
    provider: SocialProvider,
    /// Whether people may sign in with it here: the operator has a client there.
    offered: bool,
    /// Whether an account of the caller's there is linked.
    linked: bool,
    /// What that account is called there.
    account: Option<String>,
    linked_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
}

impl From<OwnProvider> for ProviderOut {
    fn from(own: OwnProvider) -> Self {
        let linked = own.linked;
        Self {
            provider: own.provider,
            offered: own.is_offered,
            linked: linked.is_some(),
            linked_at: linked.as_ref().map(|l| l.created_at),
            last_used_at: linked.as_ref().and_then(|l| l.last_used_at),
            account: linked.and_then(|l| l.email),
        }
    }
}

/// Which accounts at Google and Microsoft sign the caller in. One is linked in the console, under “Your account”.
#[utoipa::path(get, operation_id = "listMySignInProviders", path = "/api/v1/me/sign-in-providers", tag = "Sign-in", responses(
    (status = 200, body = ProvidersOut), (status = 401, body = ErrorBody),
))]
pub(crate) async fn list(
    State(identity): State<Identity>,
    Caller(actor): Caller,
) -> ApiResult<Json<ProvidersOut>> {
    let own = identity.own_providers(&actor).await?;
    Ok(Json(ProvidersOut { data: own.into_iter().map(Into::into).collect() }))
}

/// Unlink one's account at a provider. It wants a proof of the last 10 minutes that it is you, and leaves a way to sign in.
#[utoipa::path(delete, operation_id = "unlinkMySignInProvider", path = "/api/v1/me/sign-in-providers/{provider}", tag = "Sign-in",
    params(("provider" = String, Path, description = "`google` or `microsoft`")), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "No way to sign in would be left", body = ErrorBody),
))]
pub(crate) async fn unlink(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path(provider): Path<String>,
) -> ApiResult<Deleted> {
    identity.unlink_provider(&actor, provider.parse()?).await?;
    Ok(Deleted::done())
}
