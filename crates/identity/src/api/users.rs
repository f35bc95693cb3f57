use axum::extract::State;
use gatehouse_types::{Error, Page, Permission, Role, SessionId, Timestamp, UserId};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, PageParams, Paging, Path, Query};
use serde::{Deserialize, Serialize};

use super::me::SessionOut;
use crate::api::caller::Caller;
use crate::{Identity, Member, WantedMembers};

/// A member of the workspace.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemberOut {
    #[schema(value_type = String)]
    id: UserId,
    email: String,
    name: String,
    role: Role,
    /// Since when a member of this workspace.
    member_since: Timestamp,
    /// The last sign-in to this workspace.
    last_sign_in_at: Option<Timestamp>,
    /// Whether the person has a password.
    has_password: bool,
    /// Whether the person signed in here through an identity provider.
    uses_sso: bool,
    /// `active` or `suspended`.
    status: &'static str,
    /// Since when access is suspended.
    suspended_at: Option<Timestamp>,
    /// `directory` when a group of the directory gives the role: nobody changes it by hand. Else `null`.
    role_managed_by: Option<&'static str>,
}

impl From<Member> for MemberOut {
    fn from(m: Member) -> Self {
        Self {
            id: m.user.id,
            email: m.user.email.to_string(),
            name: m.user.display_name,
            role: m.role,
            member_since: m.since,
            last_sign_in_at: m.last_sign_in,
            has_password: m.has_password,
            uses_sso: m.uses_sso,
            status: if m.suspended_at.is_some() { "suspended" } else { "active" },
            suspended_at: m.suspended_at,
            role_managed_by: m.role_managed.then_some("directory"),
        }
    }
}

/// Which members to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// `owner`, `admin`, `member` or `viewer`.
    role: Option<String>,
    /// A part of the address.
    email: Option<String>,
    /// `active` (unless said) or `suspended`.
    status: Option<String>,
}

/// List the members of the workspace, by address.
#[utoipa::path(get, operation_id = "listUsers", path = "/api/v1/users", tag = "People", params(ListIn, PageParams), responses(
    (status = 200, body = Page<MemberOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Paging(page): Paging<50>,
    Query(input): Query<ListIn>,
) -> ApiResult<Json<Page<MemberOut>>> {
    let role = input.role.as_deref().map(str::parse).transpose()?;
    let suspended = match input.status.as_deref() {
        None | Some("active") => false,
        Some("suspended") => true,
        Some(_) => {
            return Err(Error::validation("status", "The status must be active or suspended.").into());
        }
    };
    let found = identity.members(&actor, WantedMembers { role, email: input.email, suspended }, page).await?;
    Ok(Json(found.map(Into::into)))
}

/// Get a member.
#[utoipa::path(get, operation_id = "getUser", path = "/api/v1/users/{id}", tag = "People", params(("id" = String, Path)), responses(
    (status = 200, body = MemberOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn get(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path(id): Path<UserId>,
) -> ApiResult<Json<MemberOut>> {
    Ok(Json(identity.member(&actor, &id).await?.into()))
}

/// What to change of a member.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct UpdateIn {
    /// `owner`, `admin`, `member` or `viewer`; only owners make owners.
    role: Option<String>,
}

/// Change a member's role. It counts at once; the last owner stays one, and whoever has the role of a group of the
/// directory keeps that (409).
#[utoipa::path(put, operation_id = "updateUser", path = "/api/v1/users/{id}", tag = "People", params(("id" = String, Path)), request_body = UpdateIn, responses(
    (status = 200, body = MemberOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn update(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path(id): Path<UserId>,
    Json(input): Json<UpdateIn>,
) -> ApiResult<Json<MemberOut>> {
    crate::require(identity.store(), &actor, Permission::ManageMembers, Some(format!("user:{id}"))).await?;
    let member = match input.role {
        Some(role) => identity.set_role(&actor, &id, role.parse()?).await?,
        None => identity.member(&actor, &id).await?,
    };
    Ok(Json(member.into()))
}

/// Remove a member from the workspace. Everything that the person has here ends at once; the account stays.
#[utoipa::path(delete, operation_id = "removeUser", path = "/api/v1/users/{id}", tag = "People", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, description = "The last owner", body = ErrorBody),
))]
pub(crate) async fn remove(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path(id): Path<UserId>,
) -> ApiResult<Deleted> {
    identity.remove_member(&actor, &id).await?;
    Ok(Deleted::done())
}

/// List a member's live sessions in this workspace, newest first.
#[utoipa::path(get, operation_id = "listUserSessions", path = "/api/v1/users/{id}/sessions", tag = "People", params(("id" = String, Path), PageParams), responses(
    (status = 200, body = Page<SessionOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn sessions(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path(id): Path<UserId>,
    Paging(page): Paging<50>,
) -> ApiResult<Json<Page<SessionOut>>> {
    let current = actor.session()?.clone();
    let found = identity.member_sessions(&actor, &id, page).await?;
    Ok(Json(found.map(|s| SessionOut::new(s.session, &current))))
}

/// End a member's session in this workspace: its cookie and tokens are refused at once.
#[utoipa::path(delete, operation_id = "endUserSession", path = "/api/v1/users/{id}/sessions/{session_id}", tag = "People",
    params(("id" = String, Path), ("session_id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn end_session(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path((id, session)): Path<(UserId, SessionId)>,
) -> ApiResult<Deleted> {
    identity.end_member_session(&actor, &id, &session).await?;
    Ok(Deleted::done())
}
