//! Statements about hundreds of people at once.

use std::collections::BTreeSet;

use gatehouse_store::{Condition, Result, Tx};
use gatehouse_types::{Timestamp, UserId, WorkspaceId};

use super::links::LinkKind;

fn any_of(column: &'static str, values: &[String]) -> Condition {
    Condition::one_of(column, values.iter().cloned())
}

/// Who of these people has something of identity's that ends with the access: live sessions, invitations, links to set a
/// password, accounts at providers.
pub(crate) async fn with_own_things(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    ids: &[String],
    emails: &[String],
) -> Result<BTreeSet<String>> {
    let (store, now) = (tx.store().clone(), tx.store().now());
    let of = |condition: Condition| condition.sql(" AND ");
    let here = |condition: Condition| of(condition).sql("workspace_id = ").bind(workspace);
    let live = |condition: Condition| of(condition).sql("expires_at > ").bind(now);
    let open =
        |condition: Condition| of(here(live(condition))).sql("accepted_at IS NULL AND revoked_at IS NULL");
    let asked: [(&'static str, Condition); 4] = [
        ("SELECT invited_by AS id FROM invitations", open(any_of("invited_by", ids))),
        (
            "SELECT u.id FROM users u JOIN invitations i ON i.email = u.email",
            of(any_of("u.email", emails))
                .sql("i.workspace_id = ")
                .bind(workspace)
                .sql(" AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > ")
                .bind(now),
        ),
        (
            "SELECT user_id AS id FROM mail_links",
            of(live(any_of("user_id", ids)))
                .sql("ended_at IS NULL AND kind = ")
                .bind(LinkKind::Reset.as_str()),
        ),
        ("SELECT user_id AS id FROM social_identities", any_of("user_id", ids)),
    ];
    let mut all = BTreeSet::new();
    for (head, passes) in asked {
        for row in passes.rows(&store, tx, head, Condition::default()).await? {
            all.insert(row.text("id")?);
        }
    }
    let signed_in = with_sessions(tx, workspace, ids).await?;
    all.extend(signed_in.into_iter().map(|id| id.to_string()));
    Ok(all)
}

/// Who of these people has a live session in the workspace.
pub(crate) async fn with_sessions(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    ids: &[String],
) -> Result<Vec<UserId>> {
    let store = tx.store().clone();
    let live = any_of("user_id", ids).sql(" AND workspace_id = ").bind(workspace);
    let live = live.sql(" AND ended_at IS NULL AND expires_at > ").bind(store.now());
    let head = "SELECT DISTINCT user_id AS id FROM sessions";
    let rows = live.rows(&store, tx, head, Condition::default()).await?;
    rows.iter().map(|r| r.id("id")).collect()
}

/// Moves memberships aside.
pub(crate) async fn set_aside(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    ids: &[String],
    cause: &str,
    keep_until: Option<Timestamp>,
) -> Result<()> {
    let store = tx.store().clone();
    let insert = Condition::fixed(
        "INSERT INTO suspended_members (workspace_id, user_id, role, created_via, member_since, role_managed, cause, \
         suspended_at, keep_until) SELECT workspace_id, user_id, role, created_via, created_at, role_managed, CAST(",
    );
    let insert = insert.bind(cause).sql(" AS TEXT), CAST(").bind(store.now()).sql(" AS BIGINT), CAST(");
    let insert =
        insert.bind(keep_until).sql(" AS BIGINT) FROM memberships WHERE workspace_id = ").bind(workspace);
    tx.execute(insert.sql(" AND ").then(any_of("user_id", ids)).statement(&store)).await?;
    let delete = Condition::fixed("DELETE FROM memberships WHERE workspace_id = ").bind(workspace);
    tx.execute(delete.sql(" AND ").then(any_of("user_id", ids)).statement(&store)).await.map(drop)
}

/// Puts memberships back as they were, and notes it on the receipts.
pub(crate) async fn put_back(tx: &mut Tx, workspace: &WorkspaceId, ids: &[String]) -> Result<()> {
    let store = tx.store().clone();
    let insert = Condition::fixed(
        "INSERT INTO memberships (workspace_id, user_id, role, created_via, created_at, role_managed) \
         SELECT workspace_id, user_id, role, created_via, member_since, role_managed FROM suspended_members \
         WHERE workspace_id = ",
    );
    tx.execute(insert.bind(workspace).sql(" AND ").then(any_of("user_id", ids)).statement(&store)).await?;
    let delete = Condition::fixed("DELETE FROM suspended_members WHERE workspace_id = ").bind(workspace);
    tx.execute(delete.sql(" AND ").then(any_of("user_id", ids)).statement(&store)).await?;
    let update = Condition::fixed("UPDATE offboardings SET reversed_at = ").bind(store.now());
    let update = update.sql(" WHERE workspace_id = ").bind(workspace).sql(" AND reversed_at IS NULL AND ");
    tx.execute(update.then(any_of("user_id", ids)).statement(&store)).await.map(drop)
}
