use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Caller, require};
use gatehouse_store::Store;
use gatehouse_store::audit::{self, Entry, Outcome, Wanted};
use gatehouse_types::{Error, Id, Page, Permission, Result, Timestamp, WorkspaceId};
use gatehouse_web::{ApiResult, ErrorBody, Json, Paging, Query};
use serde::Deserialize;

use crate::App;

/// Entries read at once by the export.
const EXPORT_CHUNK: i64 = 500;

/// Which entries to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// At or after, RFC 3339.
    start_date: Option<String>,
    /// Before, RFC 3339.
    end_date: Option<String>,
    /// This event, exactly.
    event: Option<String>,
    /// By this person.
    actor_id: Option<String>,
    /// `success` or `failure`.
    outcome: Option<String>,
}

fn time(field: &'static str, text: Option<String>) -> Result<Option<Timestamp>> {
    let parse = |t: String| {
        Timestamp::parse(&t).or_else(|| Timestamp::parse(&format!("{t}T00:00:00Z"))).ok_or_else(|| {
            Error::validation(field, format!("{field} must be an ISO 8601 time like 2026-01-15T10:00:00Z."))
        })
    };
    text.map(parse).transpose()
}

fn outcome(text: Option<&str>) -> Result<Option<Outcome>> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None => Ok(None),
        Some("success") => Ok(Some(Outcome::Success)),
        Some("failure") => Ok(Some(Outcome::Failure)),
        Some(_) => Err(Error::validation("outcome", "outcome must be success or failure.")),
    }
}

/// List the workspace's audit events, newest first.
#[utoipa::path(get, operation_id = "listAuditEvents", path = "/api/v1/audit-events", tag = "Audit", params(ListIn), responses(
    (status = 200, body = Page<Entry>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Paging(page): Paging<50>,
    Query(input): Query<ListIn>,
) -> ApiResult<Json<Page<Entry>>> {
    let workspace = require(app.store(), &actor, Permission::ReadAudit, None).await?;
    let wanted = Wanted {
        start: time("startDate", input.start_date)?,
        end: time("endDate", input.end_date)?,
        event: input.event,
        actor_id: input.actor_id,
        outcome: outcome(input.outcome.as_deref())?,
    };
    let found = audit::list(&mut app.store().reader(), workspace, wanted, page).await.map_err(Error::from)?;
    Ok(Json(found))
}

/// Export the workspace's audit chain from its beginning, one JSON object a line.
///
/// Each line carries its sequence number, the hash of the line before and its own.
#[utoipa::path(get, operation_id = "exportAuditEvents", path = "/api/v1/audit-events/export", tag = "Audit", responses(
    (status = 200, description = "JSON Lines", content_type = "application/jsonl", body = String),
    (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
))]
pub(crate) async fn export(State(app): State<App>, Caller(actor): Caller) -> ApiResult<Response> {
    let workspace = require(app.store(), &actor, Permission::ReadAudit, None).await?.clone();
    let (sender, receiver) = tokio::sync::mpsc::channel(2);
    tokio::spawn(send_lines(app.store().clone(), workspace, sender));
    let stream = futures_stream(receiver);
    let headers = [
        (CONTENT_TYPE, "application/jsonl"),
        (CONTENT_DISPOSITION, "attachment; filename=\"audit-events.jsonl\""),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}

type Chunk = std::result::Result<String, std::io::Error>;

fn futures_stream(
    receiver: tokio::sync::mpsc::Receiver<Chunk>,
) -> tokio_stream::wrappers::ReceiverStream<Chunk> {
    tokio_stream::wrappers::ReceiverStream::new(receiver)
}

/// Reads the chain piece by piece, as fast as the client takes it.
async fn send_lines(store: Store, workspace: WorkspaceId, sender: tokio::sync::mpsc::Sender<Chunk>) {
    let mut last = 0;
    loop {
        let chunk = match audit::after(&mut store.reader(), &workspace, last, EXPORT_CHUNK).await {
            Ok(entries) if entries.is_empty() => return,
            Ok(entries) => {
                last = entries.last().map_or(last, |e| e.sequence);
                entries.iter().map(|e| line(&workspace, e)).collect()
            }
            Err(e) => {
                tracing::error!(error = %e, "an audit export broke off");
                Err(std::io::Error::other("the export broke off"))
            }
        };
        let broken = chunk.is_err();
        if sender.send(chunk).await.is_err() || broken {
            return;
        }
    }
}

fn line(workspace: &WorkspaceId, entry: &Entry) -> Chunk {
    let mut value = serde_json::to_value(entry).map_err(std::io::Error::other)?;
    if let Some(map) = value.as_object_mut() {
        map.insert("chain".to_owned(), workspace.as_str().into());
    }
    Ok(format!("{}\n", audit::canonical(&value)))
}
