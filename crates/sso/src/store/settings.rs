use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::{ConnectionId, Email, WorkspaceId};

use crate::model::Settings;

pub(crate) async fn find<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<Settings> {
    let select = sql("SELECT enabled, enabled_at, connection_id FROM sso_settings WHERE workspace_id = $1");
    let row = db.fetch_optional(select.bind(workspace)).await?;
    let mut settings = match row {
        None => Settings::default(),
        Some(row) => Settings {
            enabled: row.bool("enabled")?,
            enabled_at: row.opt_time("enabled_at")?,
            connection_id: row.opt_id("connection_id")?,
            excluded: Vec::new(),
        },
    };
    let select = sql("SELECT email FROM sso_exclusions WHERE workspace_id = $1 ORDER BY email LIMIT 1000");
    let rows = db.fetch_all(select.bind(workspace)).await?;
    settings.excluded =
        rows.iter().map(|r| r.text("email").map(Email::from_stored)).collect::<Result<_>>()?;
    Ok(settings)
}

pub(crate) async fn save(tx: &mut Tx, workspace: &WorkspaceId, s: &Settings) -> Result<()> {
    let upsert = sql("INSERT INTO sso_settings (workspace_id, enabled, enabled_at, connection_id, updated_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id) DO UPDATE SET enabled = excluded.enabled, \
         enabled_at = excluded.enabled_at, connection_id = excluded.connection_id, updated_at = excluded.updated_at")
    .bind(workspace)
    .bind(s.enabled)
    .bind(s.enabled_at)
    .bind(s.connection_id.as_ref())
    .bind(tx.store().now());
    tx.execute(upsert).await.map(drop)
}

/// Excludes exactly these people.
pub(crate) async fn replace_exclusions(tx: &mut Tx, workspace: &WorkspaceId, emails: &[Email]) -> Result<()> {
    tx.execute(sql("DELETE FROM sso_exclusions WHERE workspace_id = $1").bind(workspace)).await?;
    for email in emails {
        let insert = sql("INSERT INTO sso_exclusions (workspace_id, email, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT DO NOTHING")
        .bind(workspace)
        .bind(email.as_str())
        .bind(tx.store().now());
        tx.execute(insert).await?;
    }
    Ok(())
}

/// Whether single sign-on is enabled in the workspace, with the connection if that is active.
pub(crate) async fn enforced<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
) -> Result<Option<ConnectionId>> {
    let select = sql("SELECT c.id FROM sso_settings s JOIN sso_connections c ON c.id = s.connection_id \
         WHERE s.workspace_id = $1 AND s.enabled = TRUE AND c.status = 'active' AND c.deleted_at IS NULL");
    db.fetch_optional(select.bind(workspace)).await?.map(|r| r.id("id")).transpose()
}

pub(crate) async fn is_excluded<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    email: &Email,
) -> Result<bool> {
    let select = sql("SELECT email FROM sso_exclusions WHERE workspace_id = $1 AND email = $2");
    Ok(db.fetch_optional(select.bind(workspace).bind(email.as_str())).await?.is_some())
}
