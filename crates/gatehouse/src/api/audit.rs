use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use gatehouse_identity::{Caller, require};
use gatehouse_store::audit::file::Export;
use gatehouse_store::audit::keys::{self, PublicKey};
use gatehouse_store::audit::{self, Entry, heads};
use gatehouse_types::{Error, Page, Permission, WorkspaceId};
use gatehouse_web::{ApiResult, ErrorBody, Json, PageParams, Paging, Query, only_filters};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::App;
use crate::audit_csv::CsvExport;
use crate::audit_query::AuditQuery;

/// List the workspace's audit events, newest first.
///
/// Each filter has a twin that ends in `Not` for what it is not. All given must hold; with `match=any` one is enough.
/// `before` (a sequence number) goes on from a remembered entry, however many have come since.
#[utoipa::path(get, operation_id = "listAuditEvents", path = "/api/v1/audit-events", tag = "Audit", params(AuditQuery, ListIn, PageParams), responses(
    (status = 200, body = Page<Entry>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Paging(page): Paging<50>,
    Query(asked): Query<AuditQuery>,
    Query(input): Query<ListIn>,
    RawQuery(query): RawQuery,
) -> ApiResult<Json<Page<Entry>>> {
    let workspace = require(app.store(), &actor, Permission::ReadAudit, None).await?;
    only_filters(query.as_deref(), &[&AuditQuery::NAMES, &["before", "page", "pageSize", "dryRun"]])?;
    let wanted = asked.wanted()?;
    let mut reader = app.store().reader();
    let mut found = audit::list(&mut reader, workspace, &wanted, page).await.map_err(Error::from)?;
    if let Some(before) = position("before", input.before.as_deref())? {
        let limit = page.limit();
        let entries = audit::before(&mut reader, workspace, &wanted, Some(before), limit).await;
        found.data = entries.map_err(Error::from)?;
    }
    Ok(Json(found))
}

/// Where to go on.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListIn {
    /// Only entries with a smaller sequence number.
    before: Option<String>,
}

fn position(field: &'static str, text: Option<&str>) -> Result<Option<i64>, Error> {
    let wrong = || Error::validation(field, format!("{field} must be the sequence number of an entry."));
    text.map(|t| t.parse::<i64>().ok().filter(|n| *n >= 0).ok_or_else(wrong)).transpose()
}

/// List the public keys that sign audit exports and heads of chains, the newest first.
///
/// The id is the SHA-256 of the public key: the fingerprint to pin for `gatehouse audit verify --key`.
#[utoipa::path(get, operation_id = "listAuditKeys", path = "/api/v1/audit-events/keys", tag = "Audit", params(PageParams), responses(
    (status = 200, body = Page<PublicKey>), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody),
))]
pub(crate) async fn list_keys(
    State(app): State<App>,
    Caller(actor): Caller,
    Paging(page): Paging<50>,
) -> ApiResult<Json<Page<PublicKey>>> {
    let workspace = require(app.store(), &actor, Permission::ReadAudit, None).await?;
    // the first look makes the key
    heads::sign(app.store(), heads::chain_of(workspace)).await.map_err(Error::from)?;
    let all = keys::public_keys(&mut app.store().reader()).await.map_err(Error::from)?;
    Ok(Json(Page::of_all(all, page)))
}

/// How to export.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportIn {
    /// `jsonl` (default) or `csv`.
    format: Option<String>,
    /// Only entries with a greater sequence number: what came since the last export.
    after: Option<String>,
}

/// Export the workspace's audit chain, one JSON object a line: a header, the entries, a signed trailer.
///
/// `gatehouse audit verify` proves the file without the server. With filters it is a selection, whose signature covers
/// what it holds. `format=csv` is for spreadsheets: cells that would be formulas are made text.
#[utoipa::path(get, operation_id = "exportAuditEvents", path = "/api/v1/audit-events/export", tag = "Audit", params(AuditQuery, ExportIn), responses(
    (status = 200, description = "JSON Lines or CSV", content_type = "application/jsonl", body = String),
    (status = 400, body = ErrorBody), (status = 401, body = ErrorBody), (status = 403, body = ErrorBody),
    (status = 409, description = "The chain is broken: it is exported as JSON Lines alone, which says so", body = ErrorBody),
))]
pub(crate) async fn export(
    State(app): State<App>,
    Caller(actor): Caller,
    Query(asked): Query<AuditQuery>,
    Query(input): Query<ExportIn>,
    RawQuery(query): RawQuery,
) -> ApiResult<Response> {
    let workspace = require(app.store(), &actor, Permission::ReadAudit, None).await?.clone();
    only_filters(query.as_deref(), &[&AuditQuery::NAMES, &["format", "after", "dryRun"]])?;
    Ok(export_of(&app, &workspace, &asked, input).await?)
}

/// The file, for the API and for the console.
pub(crate) async fn export_of(
    app: &App,
    workspace: &WorkspaceId,
    asked: &AuditQuery,
    input: ExportIn,
) -> Result<Response, Error> {
    let (wanted, after) = (asked.wanted()?, position("after", input.after.as_deref())?.unwrap_or(0));
    let chain = heads::chain_of(workspace);
    match input.format.as_deref() {
        None | Some("jsonl") => {
            let begun = Export::begin(app.store(), chain, wanted, asked.as_filter(), after).await?;
            let none = || Error::validation("after", "after must be the sequence number of an entry.");
            let mut export = begun.ok_or_else(none)?;
            let (sender, body) = body();
            tokio::spawn(async move {
                loop {
                    let next = export.next_lines().await;
                    if !hand_over(&sender, next).await {
                        return;
                    }
                }
            });
            Ok(file("application/jsonl", "audit-events.jsonl", body))
        }
        Some("csv") => {
            // a spreadsheet has no place to say it
            if let Some(what) = heads::sign(app.store(), chain).await? {
                let told = format!("The audit chain is broken: {what}. Export it as JSON Lines.");
                return Err(Error::conflict(told));
            }
            let mut export = CsvExport::new(app.clone(), chain.to_owned(), wanted, after);
            let (sender, body) = body();
            tokio::spawn(async move {
                loop {
                    let next = export.next_lines().await;
                    if !hand_over(&sender, next).await {
                        return;
                    }
                }
            });
            Ok(file("text/csv; charset=utf-8", "audit-events.csv", body))
        }
        Some(_) => Err(Error::validation("format", "format must be jsonl or csv.")),
    }
}

type Chunk = Result<String, std::io::Error>;

/// A body that is written piece by piece, as fast as the client takes it.
fn body() -> (mpsc::Sender<Chunk>, Body) {
    let (sender, receiver) = mpsc::channel(2);
    (sender, Body::from_stream(ReceiverStream::new(receiver)))
}

/// Whether there is more to come.
async fn hand_over(sender: &mpsc::Sender<Chunk>, next: gatehouse_store::Result<Option<String>>) -> bool {
    let chunk = match next {
        Ok(None) => return false,
        Ok(Some(lines)) => Ok(lines),
        Err(e) => {
            tracing::error!(error = %e, "an audit export broke off");
            Err(std::io::Error::other("the export broke off"))
        }
    };
    let more = chunk.is_ok();
    sender.send(chunk).await.is_ok() && more
}

fn file(kind: &'static str, name: &str, body: Body) -> Response {
    let headers =
        [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    (headers, body).into_response()
}
