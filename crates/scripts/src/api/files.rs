use axum::extract::{Request, State};
use gatehouse_identity::{Caller, require};
use gatehouse_types::{Error, Page, Permission, ScriptFileId, Timestamp};
use gatehouse_web::{ApiResult, Created, Deleted, ErrorBody, Json, PageParams, Paging, Path};
use serde::Serialize;

use super::upload::{needed, read};
use crate::Scripts;
use crate::service::files::MAX_FILE;
use crate::store::files::File;

/// A file as it comes in.
#[derive(utoipa::ToSchema)]
#[schema(as = ScriptFileUpload)]
#[expect(dead_code, reason = "it is read piece by piece")]
pub(crate) struct UploadIn {
    /// At most 100 MB; its name is kept.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// A file that the scripts of the workspace may read.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScriptFile)]
pub(crate) struct FileOut {
    #[schema(value_type = String)]
    id: ScriptFileId,
    /// Its name in `UPLOADS_DIR`.
    name: String,
    bytes: i64,
    /// SHA-256 of its bytes, in hex.
    sha256: String,
    created_by: String,
    created_at: Timestamp,
}

impl From<File> for FileOut {
    fn from(f: File) -> Self {
        Self {
            id: f.id,
            name: f.name,
            bytes: f.bytes,
            sha256: f.sha256,
            created_by: f.created_by,
            created_at: f.created_at,
        }
    }
}

/// Bring a file in; the scripts of the workspace find it in `UPLOADS_DIR`, under its name.
#[utoipa::path(post, operation_id = "uploadFile", path = "/api/v1/files", tag = "Scripts",
    request_body(content = UploadIn, content_type = "multipart/form-data"), responses(
    (status = 201, body = FileOut), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody), (status = 409, body = ErrorBody), (status = 413, body = ErrorBody),
))]
pub(crate) async fn upload(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    request: Request,
) -> ApiResult<Created<FileOut>> {
    require(&scripts.0.store, &actor, Permission::EditScripts, None).await?;
    let parts = read::<serde::de::IgnoredAny>(&scripts, actor.workspace()?, request, MAX_FILE).await?;
    Ok(Created(scripts.keep_file(&actor, needed(parts.file)?).await?.into()))
}

/// List the files that scripts may read, by name.
#[utoipa::path(get, operation_id = "listFiles", path = "/api/v1/files", tag = "Scripts", params(PageParams), responses(
    (status = 200, body = Page<FileOut>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Paging(page): Paging<25>,
) -> ApiResult<Json<Page<FileOut>>> {
    Ok(Json(scripts.files(&actor, page).await?.map(Into::into)))
}

/// Delete a file.
#[utoipa::path(delete, operation_id = "deleteFile", path = "/api/v1/files/{id}", tag = "Scripts", params(("id" = String, Path)), responses(
    (status = 200, body = Deleted), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 404, body = ErrorBody),
))]
pub(crate) async fn delete(
    State(scripts): State<Scripts>,
    Caller(actor): Caller,
    Path(id): Path<String>,
) -> ApiResult<Deleted> {
    require(&scripts.0.store, &actor, Permission::EditScripts, None).await?;
    let id = id.parse().map_err(|_| Error::not_found("File"))?;
    scripts.delete_file(&actor, &id).await?;
    Ok(Deleted::done())
}
