use axum::extract::State;
use gatehouse_types::{Page, Secret, SessionId, UserId};
use gatehouse_web::{ApiResult, Deleted, ErrorBody, Json, PageParams, Paging, Path};
use serde::{Deserialize, Serialize};

use super::me::SessionOut;
use crate::Identity;
use crate::api::caller::Caller;

/// What to change of oneself.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct RenameIn {
    /// What others see; 1 to 200 characters.
    name: Option<String>,
}

/// Oneself.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct RenameOut {
    #[schema(value_type = String)]
    id: UserId,
    email: String,
    name: String,
}

/// Change what others see of oneself.
#[utoipa::path(put, operation_id = "updateMe", path = "/api/v1/me", tag = "Own account", request_body = RenameIn, responses(
    (status = 200, body = RenameOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
))]
pub(crate) async fn rename(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Json(input): Json<RenameIn>,
) -> ApiResult<Json<RenameOut>> {
    let user = match input.name {
        Some(name) => identity.rename(&actor, &name).await?,
        None => identity.me(&actor).await?,
    };
    Ok(Json(RenameOut { id: user.id, email: user.email.to_string(), name: user.display_name }))
}

/// The current password and the new one.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasswordIn {
    current_password: Secret,
    /// At least 8 characters; none of those that are tried first.
    new_password: Secret,
}

/// How it went.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ChangedOut {
    changed: bool,
}

/// Change one's password. Every other session of the person ends, and a mail tells of it.
#[utoipa::path(put, operation_id = "changeMyPassword", path = "/api/v1/me/password", tag = "Own account", request_body = PasswordIn, responses(
    (status = 200, body = ChangedOut), (status = 400, description = "`currentPassword` or `newPassword` does not fit", body = ErrorBody),
    (status = 401, body = ErrorBody), (status = 409, description = "There is no password to change", body = ErrorBody),
    (status = 429, body = ErrorBody),
))]
pub(crate) async fn change_password(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Json(input): Json<PasswordIn>,
) -> ApiResult<Json<ChangedOut>> {
    identity.change_password(&actor, input.current_password, input.new_password).await?;
    Ok(Json(ChangedOut { changed: true }))
}

/// List one's live sessions in all workspaces, newest first.
#[utoipa::path(get, operation_id = "listMySessions", path = "/api/v1/me/sessions", tag = "Own account", params(PageParams), responses(
    (status = 200, body = Page<SessionOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
))]
pub(crate) async fn sessions(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Paging(page): Paging<50>,
) -> ApiResult<Json<Page<SessionOut>>> {
    let current = actor.session()?.clone();
    let found = identity.my_sessions(&actor, page).await?;
    Ok(Json(found.map(|s| SessionOut::new(s.session, &current))))
}

/// How many sessions ended.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct EndedOut {
    deleted: bool,
    /// How many there were.
    ended: usize,
}

/// End all one's other sessions: their cookies and tokens are refused at once.
#[utoipa::path(delete, operation_id = "endMyOtherSessions", path = "/api/v1/me/sessions", tag = "Own account", responses(
    (status = 200, body = EndedOut), (status = 401, body = ErrorBody),
))]
pub(crate) async fn end_others(
    State(identity): State<Identity>,
    Caller(actor): Caller,
) -> ApiResult<Json<EndedOut>> {
    let ended = identity.end_my_other_sessions(&actor).await?;
    Ok(Json(EndedOut { deleted: true, ended }))
}

/// End one of one's sessions: its cookie and tokens are refused at once.
#[utoipa::path(delete, operation_id = "endMySession", path = "/api/v1/me/sessions/{id}", tag = "Own account", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn end(
    State(identity): State<Identity>,
    Caller(actor): Caller,
    Path(id): Path<SessionId>,
) -> ApiResult<Deleted> {
    identity.end_my_session(&actor, &id).await?;
    Ok(Deleted::done())
}
