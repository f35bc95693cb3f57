use gatehouse_store::{Queries, Result, Row, Tx, sql};
use gatehouse_types::UserId;

use crate::model::{SocialIdentity, SocialProvider};

fn read(row: &Row) -> Result<SocialIdentity> {
    Ok(SocialIdentity {
        issuer: row.text("issuer")?,
        subject: row.text("subject")?,
        provider: row.parse("provider")?,
        user_id: row.id("user_id")?,
        email: row.opt_text("email")?,
        created_at: row.time("created_at")?,
        last_used_at: row.opt_time("last_used_at")?,
    })
}

/// Links an account; each is linked once, and a person has one of each provider.
pub(crate) async fn insert(tx: &mut Tx, i: &SocialIdentity) -> Result<()> {
    let insert =
        sql("INSERT INTO social_identities (issuer, subject, provider, user_id, email, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(i.issuer.as_str())
        .bind(i.subject.as_str())
        .bind(i.provider.as_str())
        .bind(&i.user_id)
        .bind(i.email.clone())
        .bind(i.created_at);
    tx.execute(insert).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(
    db: &mut Q,
    issuer: &str,
    subject: &str,
) -> Result<Option<SocialIdentity>> {
    let select = sql("SELECT issuer, subject, provider, user_id, email, created_at, last_used_at \
         FROM social_identities WHERE issuer = $1 AND subject = $2");
    db.fetch_optional(select.bind(issuer).bind(subject)).await?.as_ref().map(read).transpose()
}

/// A person's accounts at providers.
pub(crate) async fn of_user<Q: Queries>(db: &mut Q, user: &UserId) -> Result<Vec<SocialIdentity>> {
    let select = sql("SELECT issuer, subject, provider, user_id, email, created_at, last_used_at \
         FROM social_identities WHERE user_id = $1 ORDER BY provider");
    db.fetch_all(select.bind(user)).await?.iter().map(read).collect()
}

pub(crate) async fn touch(tx: &mut Tx, user: &UserId, provider: SocialProvider) -> Result<()> {
    let update = sql("UPDATE social_identities SET last_used_at = $3 WHERE user_id = $1 AND provider = $2");
    tx.execute(update.bind(user).bind(provider.as_str()).bind(tx.store().now())).await.map(drop)
}

/// Unlinks one account; says whether it was linked.
pub(crate) async fn delete(tx: &mut Tx, user: &UserId, provider: SocialProvider) -> Result<bool> {
    let delete = sql("DELETE FROM social_identities WHERE user_id = $1 AND provider = $2");
    Ok(tx.execute(delete.bind(user).bind(provider.as_str())).await? == 1)
}

/// Unlinks all accounts of a person; says how many there were.
pub(crate) async fn delete_all(tx: &mut Tx, user: &UserId) -> Result<u64> {
    tx.execute(sql("DELETE FROM social_identities WHERE user_id = $1").bind(user)).await
}
