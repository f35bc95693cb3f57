//! The beginning of authorizations.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request, State};
use axum::http::header::CONTENT_TYPE;
use gatehouse_identity::Caller;
use gatehouse_types::AuthProfileId;
use gatehouse_web::{ApiError, ApiResult, ErrorBody, Json, Path};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Connect;
use crate::profiles::service::{Authorize, Way};

/// A JSON body that may be left out altogether.
pub(crate) struct Perhaps<T>(T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for Perhaps<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !request.headers().contains_key(CONTENT_TYPE) {
            return Ok(Self(T::default()));
        }
        Json::from_request(request, state).await.map(|Json(value)| Self(value))
    }
}

/// Whose authorization it is.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = GrantOwner)]
pub(crate) enum OwnerIn {
    /// The workspace's own; owners and admins.
    Service,
    /// One's own.
    Person,
}

impl OwnerIn {
    pub(super) const fn is_service(self) -> bool {
        matches!(self, Self::Service)
    }
}

/// How to authorize.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuthorizeIn)]
pub(crate) struct AuthorizeIn {
    /// For the workspace (`service`) or for oneself (`person`); without it for the workspace, by those who may.
    #[serde(rename = "as", alias = "owner")]
    as_whom: Option<OwnerIn>,
    /// The tenancy, where the profile has one: a single name such as `acme`.
    tenancy: Option<String>,
    /// What the profile asks each person for, by key.
    #[serde(default)]
    fields: BTreeMap<String, String>,
    /// The path of this host to come back to.
    return_to: Option<String>,
}

/// Where to go next.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuthorizeOut)]
pub(crate) struct AuthorizeOut {
    /// The provider's page; where something must be asked first, the page of this host that asks. The browser that opens it
    /// must have the session that began here.
    redirect_url: String,
}

/// Begin an authorization: a person opens the address, consents at the provider and comes back. It ends only in the same
/// session, and counts once.
#[utoipa::path(post, operation_id = "authorizeAuthProfile", path = "/api/v1/auth-profiles/{id}/authorize", tag = "Authorization profiles", params(("id" = String, Path)), request_body = AuthorizeIn, responses(
    (status = 200, body = AuthorizeOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn authorize(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<AuthProfileId>,
    Perhaps(input): Perhaps<AuthorizeIn>,
) -> ApiResult<Json<AuthorizeOut>> {
    let input = Authorize {
        for_workspace: input.as_whom.map(OwnerIn::is_service),
        tenancy: input.tenancy,
        fields: input.fields,
        return_to: input.return_to.unwrap_or_default(),
    };
    let redirect_url = match connect.authorize_profile(&actor, &id, input).await? {
        Way::Provider(url) => url.into(),
        Way::Ask(page) => page,
    };
    Ok(Json(AuthorizeOut { redirect_url }))
}
