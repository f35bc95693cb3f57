use axum::extract::State;
use gatehouse_identity::{Caller, require};
use gatehouse_store::mails::{self, Mail};
use gatehouse_types::{Page, Permission, Role};
use gatehouse_web::{ApiResult, ErrorBody, Json, PageParams, Paging};

use crate::App;

/// List the workspace's mails, newest first. Without a mail server they wait here.
///
/// A personal link is its recipient's alone. Only where no mail server delivers it, owners read it here to hand it on.
#[utoipa::path(get, operation_id = "listOutbox", path = "/api/v1/outbox", tag = "Outbox", params(PageParams), responses(
    (status = 200, body = Page<Mail>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Paging(page): Paging<50>,
) -> ApiResult<Json<Page<Mail>>> {
    let workspace = require(app.store(), &actor, Permission::ReadOutbox, None).await?;
    let personal = !app.delivers_mail() && actor.role() == Some(Role::Owner);
    Ok(Json(mails::list(app.store(), workspace, personal, page).await?))
}
