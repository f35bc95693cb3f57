//! Links sent by mail that count once.

use gatehouse_store::{Queries, Result, Row, Tx, sql};
use gatehouse_types::{Email, Id, LinkId, OwnerKind, Timestamp, UserId};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkKind {
    /// Sets a new password.
    Reset,
    /// Proves the mailbox of somebody who signs up.
    SignUp,
    /// Says of a sign-in that it was somebody else.
    NotMe,
}

impl LinkKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::SignUp => "sign-up",
            Self::NotMe => "not-me",
        }
    }
}

/// A link. The token itself exists only in the mail.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) email: Email,
    pub(crate) user_id: Option<UserId>,
    /// The workspace that a sign-up asks for.
    pub(crate) workspace_name: Option<String>,
}

fn read(row: &Row) -> Result<Link> {
    Ok(Link {
        id: row.id("id")?,
        email: Email::from_stored(row.text("email")?),
        user_id: row.opt_id("user_id")?,
        workspace_name: row.opt_text("workspace_name")?,
    })
}

/// Writes a link; without a digest it cannot be used yet.
pub(crate) async fn insert(
    tx: &mut Tx,
    kind: LinkKind,
    link: &Link,
    digest: Option<&str>,
    expires_at: Timestamp,
) -> Result<()> {
    let insert = sql("INSERT INTO mail_links (id, kind, owner_kind, version, token_digest, email, user_id, created_at, expires_at, \
         workspace_name) VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9)")
    .bind(&link.id)
    .bind(kind.as_str())
    .bind(OwnerKind::Person.as_str())
    .bind(digest)
    .bind(link.email.as_str())
    .bind(link.user_id.as_ref())
    .bind(tx.store().now())
    .bind(expires_at)
    .bind(link.workspace_name.as_deref());
    tx.execute(insert).await.map(drop)
}

/// The usable link of this digest.
pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    kind: LinkKind,
    digest: &str,
    now: Timestamp,
) -> Result<Option<Link>> {
    let select = sql("SELECT id, email, user_id, workspace_name FROM mail_links \
         WHERE token_digest = $1 AND kind = $2 AND ended_at IS NULL AND expires_at > $3");
    db.fetch_optional(select.bind(digest).bind(kind.as_str()).bind(now)).await?.as_ref().map(read).transpose()
}

/// Ends a person's links that set a new password; their ids.
pub(crate) async fn end_resets(tx: &mut Tx, user: &UserId) -> Result<Vec<LinkId>> {
    let now = tx.store().now();
    let update = sql("UPDATE mail_links SET ended_at = $3 WHERE user_id = $1 AND kind = $2 \
         AND ended_at IS NULL AND expires_at > $3 RETURNING id");
    let rows = tx.fetch_all(update.bind(user).bind(LinkKind::Reset.as_str()).bind(now)).await?;
    rows.iter().map(|r| r.id("id")).collect()
}

/// A link that has no token yet, while it may get one.
pub(crate) async fn waiting<Q: Queries>(db: &mut Q, id: &LinkId, now: Timestamp) -> Result<Option<Link>> {
    let select = sql("SELECT id, email, user_id, workspace_name FROM mail_links \
         WHERE id = $1 AND token_digest IS NULL AND ended_at IS NULL AND expires_at > $2");
    db.fetch_optional(select.bind(id).bind(now)).await?.as_ref().map(read).transpose()
}

/// Gives a waiting link its token; says whether it still waited.
pub(crate) async fn arm(tx: &mut Tx, id: &LinkId, digest: &str) -> Result<bool> {
    let update = sql("UPDATE mail_links SET token_digest = $2 \
         WHERE id = $1 AND token_digest IS NULL AND ended_at IS NULL AND expires_at > $3");
    Ok(tx.execute(update.bind(id).bind(digest).bind(tx.store().now())).await? == 1)
}

/// How many links of a kind count or wait.
pub(crate) async fn count_open(tx: &mut Tx, kind: LinkKind) -> Result<i64> {
    let select =
        sql("SELECT COUNT(*) AS n FROM mail_links WHERE kind = $1 AND ended_at IS NULL AND expires_at > $2");
    let row = tx.fetch_optional(select.bind(kind.as_str()).bind(tx.store().now())).await?;
    row.map_or(Ok(0), |r| r.int("n"))
}

/// Uses the link up; says whether it was usable.
pub(crate) async fn take(tx: &mut Tx, id: &LinkId) -> Result<bool> {
    let now = tx.store().now();
    let update = sql("UPDATE mail_links SET ended_at = $2, last_used_at = $2 \
         WHERE id = $1 AND ended_at IS NULL AND expires_at > $2");
    Ok(tx.execute(update.bind(id).bind(now)).await? == 1)
}

/// Ends all links of a kind to an address, but one.
pub(crate) async fn void(tx: &mut Tx, kind: LinkKind, email: &Email, but: Option<&LinkId>) -> Result<()> {
    let update = sql("UPDATE mail_links SET ended_at = $3 \
         WHERE email = $1 AND kind = $2 AND ended_at IS NULL AND id <> $4");
    let but = but.map_or("", |id| id.as_str());
    tx.execute(update.bind(email.as_str()).bind(kind.as_str()).bind(tx.store().now()).bind(but))
        .await
        .map(drop)
}

/// Forgets links that are over since a day.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<u64> {
    let before = tx.store().now().plus_seconds(-86_400);
    tx.execute(sql("DELETE FROM mail_links WHERE expires_at < $1").bind(before)).await
}

/// Ends all mailed links of everybody.
pub(crate) async fn void_all(tx: &mut Tx) -> Result<()> {
    let update = sql("UPDATE mail_links SET ended_at = $1 WHERE ended_at IS NULL");
    tx.execute(update.bind(tx.store().now())).await.map(drop)
}
