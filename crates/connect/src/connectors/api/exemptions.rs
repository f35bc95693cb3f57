use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Error, Page, Permission, Result, Timestamp, UserId};
use gatehouse_web::{ApiResult, ErrorBody, Json, PageParams, Paging, Path};
use serde::{Deserialize, Serialize};

use crate::Connect;
use crate::connectors::model::exemption::Exemption;
use crate::connectors::service::exemptions::Person;

/// Whether a person is exempt from user authentications.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserAuthenticationExemption)]
pub(crate) struct ExemptionOut {
    #[schema(value_type = String)]
    user_id: UserId,
    name: String,
    /// What runs for the person acts as each connector's own identity, whatever the connector is set to; nobody is asked, and
    /// nothing waits. A step of a flow that demands the person (`userAuthentication.required`) is not touched by it.
    exempt: bool,
    /// Why.
    reason: Option<String>,
    /// Who decided it, as `kind:id`.
    decided_by: Option<String>,
    since: Option<Timestamp>,
}

fn shown(user_id: UserId, name: String, exemption: Option<Exemption>) -> ExemptionOut {
    let exempt = exemption.is_some();
    let (reason, decided_by, since) =
        exemption.map_or((None, None, None), |e| (Some(e.reason), e.by, Some(e.since)));
    ExemptionOut { user_id, name, exempt, reason, decided_by, since }
}

/// What to change.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = UserAuthenticationExemptionChange)]
pub(crate) struct ChangeIn {
    exempt: bool,
    /// Why, in one line of at most 500 characters; with `exempt: true` it must be said.
    #[serde(default)]
    reason: Option<String>,
}

/// The id of a path; what is none is of nobody.
fn user_id(text: &str) -> Result<UserId> {
    text.parse().map_err(|_| Error::not_found("User"))
}

/// List who is exempt from user authentications, the latest first.
#[utoipa::path(get, operation_id = "listUserAuthenticationExemptions", path = "/api/v1/user-authentication-exemptions", tag = "Connectors", params(PageParams), responses(
    (status = 200, body = Page<ExemptionOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Paging(page): Paging<50>,
) -> ApiResult<Json<Page<ExemptionOut>>> {
    let found = connect.exemptions(&actor, page).await?;
    Ok(Json(found.map(|(exemption, name)| shown(exemption.user.clone(), name, Some(exemption)))))
}

/// See whether a member is exempt from user authentications.
#[utoipa::path(get, operation_id = "getUserAuthenticationExemption", path = "/api/v1/users/{id}/user-authentications", tag = "Connectors", params(("id" = String, Path)), responses(
    (status = 200, body = ExemptionOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn show(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<ExemptionOut>> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, Some(format!("user:{id}"))).await?;
    let id = user_id(&id)?;
    let Person { name, exemption } = connect.exemption(&actor, &id).await?;
    Ok(Json(shown(id, name, exemption)))
}

/// Exempt a member from user authentications, with a reason that is recorded, or end that. What waits for an exempted person
/// goes on by itself, as the connector's own identity.
#[utoipa::path(put, operation_id = "setUserAuthenticationExemption", path = "/api/v1/users/{id}/user-authentications", tag = "Connectors", params(("id" = String, Path)), request_body = ChangeIn, responses(
    (status = 200, body = ExemptionOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn change(
    State(connect): State<Connect>,
    Caller(actor): Caller,
    Path(id): Path<String>,
    Json(input): Json<ChangeIn>,
) -> ApiResult<Json<ExemptionOut>> {
    require(&connect.0.store, &actor, Permission::ManageConnectors, Some(format!("user:{id}"))).await?;
    let id = user_id(&id)?;
    let reason = input.reason.unwrap_or_default();
    let Person { name, exemption } = connect.set_exemption(&actor, &id, (input.exempt, &reason)).await?;
    Ok(Json(shown(id, name, exemption)))
}
