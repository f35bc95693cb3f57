use gatehouse_store::{Condition, Filter, Queries, Result, Row, Tx, sql};
use gatehouse_types::{PageRequest, UserId, WorkspaceId};

use crate::connectors::model::exemption::Exemption;

fn read(row: &Row) -> Result<Exemption> {
    Ok(Exemption {
        user: row.id("user_id")?,
        reason: row.text("reason")?,
        by: row.opt_text("created_by")?,
        since: row.time("created_at")?,
    })
}

/// Whether a person is exempt, and why.
pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Option<Exemption>> {
    let select = sql("SELECT * FROM user_authentication_exemptions WHERE workspace_id = $1 AND user_id = $2");
    db.fetch_optional(select.bind(workspace).bind(user)).await?.as_ref().map(read).transpose()
}

/// One page of those who are exempt, the latest first.
pub(crate) async fn page<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    page: PageRequest,
) -> Result<(Vec<Exemption>, i64)> {
    let (rows, total) = Filter::new("*", "user_authentication_exemptions", "workspace_id = $", workspace)
        .page(db, "created_at DESC, user_id", page)
        .await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// Exempts a person; who is exempt already keeps since when.
pub(crate) async fn put(tx: &mut Tx, workspace: &WorkspaceId, e: &Exemption) -> Result<()> {
    let upsert = sql(
        "INSERT INTO user_authentication_exemptions (workspace_id, user_id, reason, created_by, created_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id, user_id) DO UPDATE SET reason = excluded.reason, \
         created_by = excluded.created_by",
    );
    let upsert =
        upsert.bind(workspace).bind(&e.user).bind(e.reason.as_str()).bind(e.by.clone()).bind(e.since);
    tx.execute(upsert).await.map(drop)
}

/// Ends it; false when there was none.
pub(crate) async fn end(tx: &mut Tx, workspace: &WorkspaceId, user: &UserId) -> Result<bool> {
    let delete = sql("DELETE FROM user_authentication_exemptions WHERE workspace_id = $1 AND user_id = $2");
    Ok(tx.execute(delete.bind(workspace).bind(user)).await? > 0)
}

/// Who of these people is exempt.
pub(crate) async fn people_among(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    people: &[UserId],
) -> Result<Vec<UserId>> {
    const HEAD: &str = "SELECT user_id AS id FROM user_authentication_exemptions";
    let store = tx.store().clone();
    let of = Condition::fixed("workspace_id = ").bind(workspace).sql(" AND ");
    let of = of.then(Condition::one_of("user_id", people.iter().map(ToString::to_string)));
    let rows = of.rows(&store, tx, HEAD, Condition::default()).await?;
    rows.iter().map(|row| row.id("id")).collect()
}
