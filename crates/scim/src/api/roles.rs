use axum::extract::State;
use gatehouse_identity::Caller;
use gatehouse_types::{Role, ScimGroupId};
use gatehouse_web::{ApiResult, ErrorBody, Json};
use serde::{Deserialize, Serialize};

use crate::Scim;
use crate::model::role::{Changes, Mapping, NewMapping};
use crate::service::roles::RoleMappings;

/// A group that gives a role.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScimRoleMapping)]
pub(crate) struct MappingOut {
    #[schema(value_type = String)]
    group_id: ScimGroupId,
    /// The group's name.
    group_name: String,
    /// `admin`, `member` or `viewer`.
    role: Role,
    /// How many people are in the group.
    people: i64,
}

impl From<Mapping> for MappingOut {
    fn from(m: Mapping) -> Self {
        Self { group_id: m.group, group_name: m.name, role: m.role, people: m.people }
    }
}

/// What the groups of the directory give.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScimRoleMappings)]
pub(crate) struct MappingsOut {
    /// In the order in which they were put.
    mappings: Vec<MappingOut>,
    /// How many members have the role of a group.
    managed_people: i64,
}

impl From<RoleMappings> for MappingsOut {
    fn from(all: RoleMappings) -> Self {
        Self { mappings: all.mappings.into_iter().map(Into::into).collect(), managed_people: all.managed }
    }
}

/// The whole list.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = ScimRoleMappingsIn)]
pub(crate) struct MappingsIn {
    /// At most 100. Of several groups that a person is in the one with the highest role counts, whatever the order.
    mappings: Vec<NewMapping>,
}

/// What the groups give from now on, and for whom that changed something.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScimRoleMappingsChanged)]
pub(crate) struct ChangedOut {
    #[serde(flatten)]
    now: MappingsOut,
    changes: Changes,
}

/// Get the groups of the directory that give a role.
#[utoipa::path(get, operation_id = "getScimRoleMappings", path = "/api/v1/scim/role-mappings", tag = "SCIM", responses(
    (status = 200, body = MappingsOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn get(State(scim): State<Scim>, Caller(actor): Caller) -> ApiResult<Json<MappingsOut>> {
    Ok(Json(scim.role_mappings(&actor).await?.into()))
}

/// Set which groups of the directory give which role: the whole list. It counts at once, for everybody who is in one of the
/// groups, except owners; whoever had the role of a group and is in none of them any more loses the access. An empty list
/// leaves all roles as they are. `?dryRun=true` tells who would change.
#[utoipa::path(put, operation_id = "setScimRoleMappings", path = "/api/v1/scim/role-mappings", tag = "SCIM", request_body = MappingsIn, responses(
    (status = 200, body = ChangedOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn put(
    State(scim): State<Scim>,
    Caller(actor): Caller,
    Json(input): Json<MappingsIn>,
) -> ApiResult<Json<ChangedOut>> {
    let (now, changes) = scim.set_role_mappings(&actor, &input.mappings).await?;
    Ok(Json(ChangedOut { now: now.into(), changes }))
}
