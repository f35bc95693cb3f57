use gatehouse_store::{Binding, Filter, Queries, Result, Row, Sealed, Store, Tx, sql};
use gatehouse_types::{
    ConnectionId, DecisionId, Domain, Email, Id, PageRequest, SsoAttemptId, Timestamp, WorkspaceId,
};
use zeroize::Zeroizing;

use crate::model::{Attempt, Flow};

/// Attempts and their messages are kept this many days.
pub(crate) const KEPT_DAYS: i64 = 14;
/// Attempts of one connection that are kept at most; the newest stay.
pub(crate) const KEPT_OF_CONNECTION: i64 = 10_000;
const COLUMNS: &str = "id, connection_id, at, flow, outcome, reason, subject, email, checks, facts, \
     (message IS NOT NULL) AS has_message, decision_id, ip, browser, request_id, expires_at";

/// Which attempts to list.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// `success` or `failure`.
    pub outcome: Option<&'static str>,
    /// This reason of refusal, exactly.
    pub reason: Option<String>,
    /// A part of the subject or of the e-mail address.
    pub search: Option<String>,
    /// At or after.
    pub start: Option<Timestamp>,
    /// Before.
    pub end: Option<Timestamp>,
    /// Who began.
    pub flow: Option<Flow>,
}

fn place(id: &SsoAttemptId) -> Binding<'_> {
    Binding { table: "sso_attempts", column: "message", row: id.as_str() }
}

fn read(row: &Row) -> Result<Attempt> {
    Ok(Attempt {
        id: row.id("id")?,
        connection_id: row.id("connection_id")?,
        at: row.time("at")?,
        flow: Flow::from_stored(&row.text("flow")?),
        success: row.text("outcome")? == "success",
        reason: row.opt_text("reason")?,
        subject: row.opt_text("subject")?,
        email: row.opt_text("email")?,
        checks: row.json("checks")?,
        facts: row.opt_text("facts")?.map(|text| serde_json::from_str(&text)).transpose()?,
        decision_id: row.opt_id("decision_id")?,
        ip: row.opt_text("ip")?,
        browser: row.opt_text("browser")?,
        request_id: row.text("request_id")?,
        expires_at: row.time("expires_at")?,
        has_message: row.bool("has_message")?,
    })
}

/// Keeps an attempt, with its message sealed if one is given.
pub(crate) fn insert(
    tx: &mut Tx,
    workspace: &WorkspaceId,
    a: &Attempt,
    message: Option<&[u8]>,
) -> Result<()> {
    let sealed = message.map(|m| tx.store().keyring().seal_bytes(place(&a.id), m));
    let facts = a.facts.as_ref().map(serde_json::to_string).transpose()?;
    let insert = sql(
        "INSERT INTO sso_attempts (id, workspace_id, connection_id, at, flow, outcome, reason, subject, \
         checks, message, decision_id, ip, request_id, expires_at, email, browser, facts) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(&a.id)
    .bind(workspace)
    .bind(&a.connection_id)
    .bind(a.at)
    .bind(a.flow.as_str())
    .bind(if a.success { "success" } else { "failure" })
    .bind(a.reason.clone())
    .bind(a.subject.clone())
    .bind(serde_json::to_string(&a.checks)?)
    .bind(sealed.as_ref().map(Sealed::as_str))
    .bind(a.decision_id.as_ref())
    .bind(a.ip.clone())
    .bind(a.request_id.as_str())
    .bind(a.expires_at)
    .bind(a.email.clone())
    .bind(a.browser.clone())
    .bind(facts);
    tx.later(insert);
    Ok(())
}

/// An attempt of a workspace whose time is not over.
pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    id: &SsoAttemptId,
) -> Result<Option<Attempt>> {
    let select = sql("SELECT id, connection_id, at, flow, outcome, reason, subject, email, checks, facts, \
         (message IS NOT NULL) AS has_message, decision_id, ip, browser, request_id, expires_at \
         FROM sso_attempts WHERE workspace_id = $1 AND id = $2");
    db.fetch_optional(select.bind(workspace).bind(id)).await?.as_ref().map(read).transpose()
}

/// Holds an attempt's row until the end of the transaction.
pub(crate) async fn lock(tx: &mut Tx, id: &SsoAttemptId) -> Result<Option<Row>> {
    const SELECT: &str = "SELECT id FROM sso_attempts WHERE id = $1";
    tx.lock_optional(SELECT, sql(SELECT).bind(id)).await
}

/// The attempt that a decision refused.
pub(crate) async fn of_decision<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    decision: &DecisionId,
) -> Result<Option<SsoAttemptId>> {
    let select = sql("SELECT id FROM sso_attempts WHERE workspace_id = $1 AND decision_id = $2 LIMIT 1");
    db.fetch_optional(select.bind(workspace).bind(decision)).await?.map(|r| r.id("id")).transpose()
}

/// The message of an attempt, opened.
pub(crate) async fn message<Q: Queries>(
    store: &Store,
    db: &mut Q,
    id: &SsoAttemptId,
) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let row = db.fetch_optional(sql("SELECT message FROM sso_attempts WHERE id = $1").bind(id)).await?;
    let sealed = row.map(|r| r.opt_text("message")).transpose()?.flatten();
    sealed.map(|text| store.keyring().open_bytes(place(id), &Sealed::from_stored(text))).transpose()
}

/// Whether a person signed in through a connection, as far as attempts are kept.
pub(crate) async fn signed_in<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    email: &Email,
) -> Result<bool> {
    let select =
        sql("SELECT id FROM sso_attempts WHERE connection_id = $1 AND outcome = 'success' AND email = $2 \
         LIMIT 1");
    Ok(db.fetch_optional(select.bind(connection).bind(email.as_str())).await?.is_some())
}

/// How many people came in through a connection since a moment, by their addresses; at one domain when it is given.
pub(crate) async fn people_since<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    since: Timestamp,
    domain: Option<&Domain>,
) -> Result<i64> {
    let select = sql("SELECT COUNT(DISTINCT email) AS n FROM sso_attempts WHERE connection_id = $1 \
         AND outcome = 'success' AND at >= $2 AND email LIKE $3");
    let of = domain.map_or_else(|| "%".to_owned(), |d| format!("%@{d}"));
    db.fetch_one(select.bind(connection).bind(since).bind(of)).await?.int("n")
}

/// An attempt with its message, opened.
pub(crate) struct Kept {
    pub(crate) attempt: Attempt,
    pub(crate) message: Option<Zeroizing<Vec<u8>>>,
}

/// Sign-ins of a connection since a moment with their messages, the newest first, beginning behind one of them. Logout
/// messages are left out.
pub(crate) async fn kept<Q: Queries>(
    store: &Store,
    db: &mut Q,
    connection: &ConnectionId,
    since: Timestamp,
    behind: Option<&(Timestamp, SsoAttemptId)>,
    most: i64,
) -> Result<Vec<Kept>> {
    let select = sql("SELECT id, connection_id, at, flow, outcome, reason, subject, email, checks, facts, \
         (message IS NOT NULL) AS has_message, decision_id, ip, browser, request_id, expires_at, message \
         FROM sso_attempts WHERE connection_id = $1 AND at >= $2 AND flow <> 'logout' AND (at < $3 OR (at = $3 AND id < $4)) \
         ORDER BY at DESC, id DESC LIMIT $5");
    let (at, id) = match behind {
        Some((at, id)) => (*at, id.as_str()),
        None => (store.now().plus_seconds(86_400), ""),
    };
    let rows = db.fetch_all(select.bind(connection).bind(since).bind(at).bind(id).bind(most)).await?;
    let open = |row: &Row| {
        let attempt = read(row)?;
        let sealed = row.opt_text("message")?.map(Sealed::from_stored);
        let message = sealed.map(|s| store.keyring().open_bytes(place(&attempt.id), &s)).transpose()?;
        Ok(Kept { attempt, message })
    };
    rows.iter().map(open).collect()
}

/// One page of a workspace's attempts, newest first; of one connection when it is given.
pub(crate) async fn list<Q: Queries>(
    db: &mut Q,
    workspace: &WorkspaceId,
    connection: Option<&ConnectionId>,
    wanted: &Wanted,
    page: PageRequest,
) -> Result<(Vec<Attempt>, i64)> {
    let (rows, total) = Filter::new(COLUMNS, "sso_attempts", "workspace_id = $", workspace)
        .and_if("connection_id = $", connection)
        .and_if("outcome = $", wanted.outcome)
        .and_if("reason = $", wanted.reason.as_deref())
        .and_if("flow = $", wanted.flow.map(Flow::as_str))
        .and_if("at >= $", wanted.start)
        .and_if("at < $", wanted.end)
        .and_contains(
            "(LOWER(COALESCE(subject, '')) LIKE $ ESCAPE '\\' OR LOWER(COALESCE(email, '')) LIKE $ ESCAPE '\\')",
            wanted.search.as_deref(),
        )
        .page(db, "at DESC, id DESC", page)
        .await?;
    Ok((rows.iter().map(read).collect::<Result<_>>()?, total))
}

/// Forgets what is older than [`KEPT_DAYS`], and what one connection has beyond `most` sign-ins and `most` refusals; with
/// their links. Counted apart, because anybody can be refused: that must not push out who was let in.
pub(crate) async fn sweep(tx: &mut Tx, most: i64) -> Result<u64> {
    let now = tx.store().now();
    let mut gone = tx.execute(sql("DELETE FROM sso_attempts WHERE expires_at < $1").bind(now)).await?;
    let full = sql("SELECT connection_id, outcome FROM sso_attempts GROUP BY connection_id, outcome \
         HAVING COUNT(*) > $1");
    for row in tx.fetch_all(full.bind(most)).await? {
        let connection: ConnectionId = row.id("connection_id")?;
        let delete = sql(
            "DELETE FROM sso_attempts WHERE connection_id = $1 AND outcome = $3 AND id NOT IN (SELECT id \
             FROM sso_attempts WHERE connection_id = $1 AND outcome = $3 ORDER BY at DESC, id DESC LIMIT $2)",
        );
        gone += tx.execute(delete.bind(&connection).bind(most).bind(row.text("outcome")?)).await?;
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use gatehouse_testkit::{Kind, TestStore};

    use super::*;

    /// Ten attempts of one connection, the oldest first.
    async fn ten(t: &TestStore) -> (WorkspaceId, Vec<SsoAttemptId>) {
        let workspace: WorkspaceId = t.store.ids().make();
        let connection: ConnectionId = t.store.ids().make();
        let mut tx = t.store.begin_always().await.unwrap();
        let insert = sql(
            "INSERT INTO workspaces (id, name, name_key, is_lab, created_at) VALUES ($1, 'W', 'w', FALSE, 0)",
        );
        tx.execute(insert.bind(&workspace)).await.unwrap();
        let insert = sql(
            "INSERT INTO sso_connections (id, workspace_id, name, name_key, protocol, provider, status, \
             config, jit_provisioning, default_role, owner_kind, version, created_at, updated_at) \
             VALUES ($1, $2, 'C', 'c', 'saml', 'other', 'active', '{}', TRUE, 'member', 'workspace', 1, 0, 0)",
        );
        tx.execute(insert.bind(&connection).bind(&workspace)).await.unwrap();
        let mut made = Vec::new();
        for _ in 0..10 {
            let now = t.store.now();
            let attempt = Attempt {
                id: t.store.ids().make(),
                connection_id: connection.clone(),
                at: now,
                flow: Flow::SpInitiated,
                success: true,
                reason: None,
                subject: None,
                email: None,
                checks: Vec::new(),
                facts: None,
                decision_id: None,
                ip: None,
                browser: None,
                request_id: "req_1".into(),
                expires_at: now.plus_seconds(60),
                has_message: false,
            };
            insert_one(&mut tx, &workspace, &attempt).await;
            made.push(attempt.id);
        }
        tx.commit().await.unwrap();
        (workspace, made)
    }

    async fn insert_one(tx: &mut Tx, workspace: &WorkspaceId, attempt: &Attempt) {
        insert(tx, workspace, attempt, Some(b"<message/>")).unwrap();
    }

    #[tokio::test]
    async fn the_newest_attempts_of_a_connection_stay() {
        for kind in [Kind::Sqlite, Kind::Postgres] {
            let t = TestStore::new(kind).await;
            let (workspace, made) = ten(&t).await;
            let mut tx = t.store.begin_always().await.unwrap();
            assert_eq!(sweep(&mut tx, 10).await.unwrap(), 0);
            assert_eq!(sweep(&mut tx, 3).await.unwrap(), 7);
            tx.commit().await.unwrap();
            let db = &mut t.store.reader();
            let page = PageRequest::new(1, 20).unwrap();
            let (left, total) = list(db, &workspace, None, &Wanted::default(), page).await.unwrap();
            assert_eq!(total, 3);
            assert!(left.iter().map(|a| &a.id).eq(made.iter().rev().take(3)));
            // however many are refused, who was let in is remembered
            let mut tx = t.store.begin_always().await.unwrap();
            for _ in 0..5 {
                let id = t.store.ids().make();
                insert_one(&mut tx, &workspace, &Attempt { id, success: false, ..left[0].clone() }).await;
            }
            assert_eq!(sweep(&mut tx, 3).await.unwrap(), 2);
            tx.commit().await.unwrap();
            let good = Wanted { outcome: Some("success"), ..Wanted::default() };
            assert_eq!(list(&mut t.store.reader(), &workspace, None, &good, page).await.unwrap().1, 3);
        }
    }
}
