use axum::extract::State;
use gatehouse_types::{Email, InvitationId, Page, Permission, Role, Timestamp, UserId};
use gatehouse_web::{ApiResult, Created, Deleted, ErrorBody, Json, PageParams, Paging, Path, Query};
use serde::{Deserialize, Serialize};

use crate::api::caller::Caller;
use crate::model::{Invitation, InvitationStatus};
use crate::{Identity, WantedInvitations};

/// An invitation. Its link is in the mail alone.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvitationOut {
    #[schema(value_type = String)]
    id: InvitationId,
    email: String,
    role: Role,
    status: InvitationStatus,
    #[schema(value_type = Option<String>)]
    invited_by: Option<UserId>,
    created_at: Timestamp,
    /// When the mail was written last.
    sent_at: Timestamp,
    expires_at: Timestamp,
    accepted_at: Option<Timestamp>,
}

impl InvitationOut {
    fn new(i: Invitation, now: Timestamp) -> Self {
        Self {
            status: i.status(now),
            id: i.id,
            email: i.email.to_string(),
            role: i.role,
            invited_by: i.invited_by,
            created_at: i.created_at,
            sent_at: i.sent_at,
            expires_at: i.expires_at,
            accepted_at: i.accepted_at,
        }
    }
}

/// Whom to invite.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct InviteIn {
    #[schema(value_type = String)]
    email: Email,
    /// `owner` (by owners alone), `admin`, `member` or `viewer`.
    role: String,
}

/// Invite somebody by mail; the link counts for 7 days.
#[utoipa::path(post, operation_id = "createInvitation", path = "/api/v1/invitations", tag = "People", request_body = InviteIn, responses(
    (status = 201, body = InvitationOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, description = "A member already, or an open invitation", body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn create(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Json(input): Json<InviteIn>,
) -> ApiResult<Created<InvitationOut>> {
    crate::require(identity.store(), &actor, Permission::ManageMembers, None).await?;
    let invitation = identity.invite(&actor, input.email, input.role.parse()?).await?;
    Ok(Created(InvitationOut::new(invitation, identity.store().now())))
}

/// Which invitations to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct InvitationsIn {
    /// `pending`, `accepted`, `expired` or `revoked`.
    status: Option<String>,
    /// A part of the address.
    email: Option<String>,
}

/// List the workspace's invitations, newest first.
#[utoipa::path(get, operation_id = "listInvitations", path = "/api/v1/invitations", tag = "People", params(InvitationsIn, PageParams), responses(
    (status = 200, body = Page<InvitationOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Paging(page): Paging<50>,
    Query(input): Query<InvitationsIn>,
) -> ApiResult<Json<Page<InvitationOut>>> {
    let status = input.status.as_deref().map(str::parse).transpose()?;
    let found = identity.invitations(&actor, WantedInvitations { status, email: input.email }, page).await?;
    let now = identity.store().now();
    Ok(Json(found.map(|i| InvitationOut::new(i, now))))
}

/// Send an invitation again, with a new link and 7 new days; the older link counts no more.
#[utoipa::path(post, operation_id = "resendInvitation", path = "/api/v1/invitations/{id}/resend", tag = "People", params(("id" = String, Path)), responses(
    (status = 200, body = InvitationOut), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody), (status = 429, body = ErrorBody),
))]
pub(crate) async fn resend(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path(id): Path<InvitationId>,
) -> ApiResult<Json<InvitationOut>> {
    let invitation = identity.resend_invitation(&actor, &id).await?;
    Ok(Json(InvitationOut::new(invitation, identity.store().now())))
}

/// Revoke an invitation: its link counts no more.
#[utoipa::path(delete, operation_id = "revokeInvitation", path = "/api/v1/invitations/{id}", tag = "People", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody), (status = 409, body = ErrorBody),
))]
pub(crate) async fn revoke(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path(id): Path<InvitationId>,
) -> ApiResult<Deleted> {
    identity.revoke_invitation(&actor, &id).await?;
    Ok(Deleted::done())
}
