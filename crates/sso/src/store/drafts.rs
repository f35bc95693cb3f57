use gatehouse_store::{Binding, Filter, Queries, Result, Row, Sealed, Tx, sql};
use gatehouse_types::{ConnectionId, DraftId, Id, PageRequest, Secret, Timestamp, WorkspaceId};

use crate::model::Draft;

const COLUMNS: &str = "id, connection_id, base_version, provider, config, client_secret, client_secret_expires_at, certificates, \
     jit_provisioning, default_role, role_mapping, created_by, created_at, replayed_at";

fn read(row: &Row) -> Result<Draft> {
    Ok(Draft {
        id: row.id("id")?,
        connection_id: row.id("connection_id")?,
        base_version: row.int("base_version")?,
        provider: row.parse("provider")?,
        config: row.json("config")?,
        has_client_secret: row.opt_text("client_secret")?.is_some(),
        client_secret_expires_at: row.opt_time("client_secret_expires_at")?,
        certificates: row.json("certificates")?,
        jit_provisioning: row.bool("jit_provisioning")?,
        default_role: row.parse("default_role")?,
        role_mapping: row.opt_text("role_mapping")?.map(|m| serde_json::from_str(&m)).transpose()?,
        created_by: row.opt_id("created_by")?,
        created_at: row.time("created_at")?,
        replayed_at: row.opt_time("replayed_at")?,
    })
}

fn place(id: &DraftId) -> Binding<'_> {
    Binding { table: "sso_drafts", column: "client_secret", row: id.as_str() }
}

pub(crate) async fn insert(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    d: &Draft,
    secret: Option<&Secret>,
) -> Result<()> {
    let sealed = secret.map(|s| tx.store().keyring().seal(place(&d.id), s));
    let insert =
        sql("INSERT INTO sso_drafts (id, workspace_id, connection_id, base_version, provider, config, \
         client_secret, certificates, jit_provisioning, default_role, created_by, created_at, role_mapping, client_secret_expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)")
        .bind(&d.id)
        .bind(workspace)
        .bind(&d.connection_id)
        .bind(d.base_version)
        .bind(d.provider.as_str())
        .bind(serde_json::to_string(&d.config)?)
        .bind(sealed.as_ref().map(Sealed::as_str))
        .bind(serde_json::to_string(&d.certificates)?)
        .bind(d.jit_provisioning)
        .bind(d.default_role.as_str())
        .bind(d.created_by.as_ref())
        .bind(d.created_at)
        .bind(d.role_mapping.as_ref().map(serde_json::to_string).transpose()?)
        .bind(d.client_secret_expires_at);
    tx.execute(insert).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    id: &DraftId,
) -> Result<Option<Draft>> {
    let select = sql(
        "SELECT id, connection_id, base_version, provider, config, client_secret, client_secret_expires_at, certificates, \
         jit_provisioning, default_role, role_mapping, created_by, created_at, replayed_at FROM sso_drafts \
         WHERE connection_id = $1 AND id = $2",
    );
    db.fetch_optional(select.bind(connection).bind(id)).await?.as_ref().map(read).transpose()
}

/// The client secret that a draft brings, opened.
pub(crate) async fn secret(tx: &mut Tx, id: &DraftId) -> Result<Option<Secret>> {
    let row = tx.fetch_optional(sql("SELECT client_secret FROM sso_drafts WHERE id = $1").bind(id)).await?;
    let sealed = row.map(|r| r.opt_text("client_secret")).transpose()?.flatten();
    sealed.map(|text| tx.store().keyring().open_secret(place(id), &Sealed::from_stored(text))).transpose()
}

/// One page of a connection's drafts, the latest first.
pub(crate) async fn list<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    page: PageRequest,
) -> Result<(Vec<Draft>, i64)> {
    let (rows, total) = Filter::new(COLUMNS, "sso_drafts", "connection_id = $", connection)
        .page(db, "created_at DESC, id DESC", page)
        .await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// Notes when the recorded sign-ins were run against a draft.
pub(crate) async fn note_replay(tx: &mut Tx, id: &DraftId, at: Timestamp) -> Result<()> {
    let update = sql("UPDATE sso_drafts SET replayed_at = $2 WHERE id = $1");
    tx.execute(update.bind(id).bind(at)).await.map(drop)
}

pub(crate) async fn delete(tx: &mut Tx, id: &DraftId) -> Result<u64> {
    tx.execute(sql("DELETE FROM sso_drafts WHERE id = $1").bind(id)).await
}

/// Forgets all drafts of a connection.
pub(crate) async fn delete_all(tx: &mut Tx, connection: &ConnectionId) -> Result<()> {
    tx.execute(sql("DELETE FROM sso_drafts WHERE connection_id = $1").bind(connection)).await.map(drop)
}

/// Forgets the drafts of a connection that were made with setup links.
pub(crate) async fn delete_of_links(tx: &mut Tx, connection: &ConnectionId) -> Result<()> {
    let delete = sql("DELETE FROM sso_drafts WHERE connection_id = $1 AND created_by IS NULL");
    tx.execute(delete.bind(connection)).await.map(drop)
}

/// Forgets the drafts that nobody put in use in time.
pub(crate) async fn sweep(tx: &mut Tx, days: i64) -> Result<u64> {
    let before = tx.store().now().plus_seconds(-days * 86_400);
    tx.execute(sql("DELETE FROM sso_drafts WHERE created_at < $1").bind(before)).await
}
