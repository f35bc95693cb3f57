use gatehouse_store::{Binding, Error, Queries, Result, Row, Sealed, Tx, sql};
use gatehouse_types::{FactorId, Id, OwnerKind, UserId, WorkspaceId};
use zeroize::Zeroizing;

use crate::model::{Factor, FactorKind};
use crate::store::users;

fn place(id: &FactorId) -> Binding<'_> {
    Binding { table: "factors", column: "secret", row: id.as_str() }
}

fn read(row: &Row) -> Result<Factor> {
    let kind = row.text("kind")?;
    let known = FactorKind::from_stored(&kind);
    let source = || format!("no kind of second step: {kind}").into();
    Ok(Factor {
        id: row.id("id")?,
        user_id: row.id("user_id")?,
        kind: known.ok_or_else(|| Error::Column { column: "kind".to_owned(), source: source() })?,
        name: row.text("name")?,
        counter: row.int("counter")?,
        confirmed: row.bool("confirmed")?,
        created_at: row.time("created_at")?,
        last_used_at: row.opt_time("last_used_at")?,
    })
}

/// Adds a factor. `uniqueness` is taken by no other one.
pub(crate) async fn insert(tx: &mut Tx, factor: &Factor, uniqueness: &str, secret: &[u8]) -> Result<()> {
    let sealed = tx.store().keyring().seal_bytes(place(&factor.id), secret);
    let insert = sql("INSERT INTO factors (id, user_id, owner_kind, version, kind, uniqueness, name, secret, \
         counter, confirmed, created_at, last_used_at) VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11)")
    .bind(&factor.id)
    .bind(&factor.user_id)
    .bind(OwnerKind::Person.as_str())
    .bind(factor.kind.as_str())
    .bind(uniqueness)
    .bind(factor.name.as_str())
    .bind(sealed.as_str())
    .bind(factor.counter)
    .bind(factor.confirmed)
    .bind(factor.created_at)
    .bind(factor.last_used_at);
    tx.execute(insert).await.map(drop)
}

/// All factors of a person, oldest first, those not confirmed yet too.
pub(crate) async fn of_user<Q: Queries>(db: &mut Q, user: &UserId) -> Result<Vec<Factor>> {
    let select =
        sql("SELECT id, user_id, kind, name, counter, confirmed, created_at, last_used_at FROM factors \
         WHERE user_id = $1 ORDER BY created_at, id LIMIT 100");
    db.fetch_all(select.bind(user)).await?.iter().map(read).collect()
}

/// The person's factors of a kind with their opened secrets; held against other writers.
pub(crate) async fn locked(
    tx: &mut Tx,
    user: &UserId,
    kind: FactorKind,
) -> Result<Vec<(Factor, Zeroizing<Vec<u8>>)>> {
    users::hold(tx, user).await?;
    let select = sql("SELECT id, user_id, kind, name, secret, counter, confirmed, created_at, last_used_at \
         FROM factors WHERE user_id = $1 AND kind = $2 ORDER BY created_at, id LIMIT 100");
    let rows = tx.fetch_all(select.bind(user).bind(kind.as_str())).await?;
    let keyring = tx.store().keyring().clone();
    let open = |row: &Row| {
        let factor = read(row)?;
        let secret = keyring.open_bytes(place(&factor.id), &Sealed::from_stored(row.text("secret")?))?;
        Ok((factor, secret))
    };
    rows.iter().map(open).collect()
}

/// Notes a use, if the counter went on since the last one; says whether it did.
pub(crate) async fn advance(tx: &mut Tx, id: &FactorId, counter: i64) -> Result<bool> {
    let update = sql("UPDATE factors SET counter = $2, last_used_at = $3, confirmed = $4 \
         WHERE id = $1 AND counter < $2")
    .bind(id)
    .bind(counter)
    .bind(tx.store().now())
    .bind(true);
    Ok(tx.execute(update).await? == 1)
}

/// Notes a use of a passkey, if its counter went on since the last one, or never counted (WebAuthn §6.1.1); says whether
/// it did.
pub(crate) async fn use_key(tx: &mut Tx, id: &FactorId, counter: i64) -> Result<bool> {
    let update = sql("UPDATE factors SET counter = $2, last_used_at = $3 \
         WHERE id = $1 AND (counter < $2 OR (counter = 0 AND $2 = 0))");
    Ok(tx.execute(update.bind(id).bind(counter).bind(tx.store().now())).await? == 1)
}

/// Whether a factor with this uniqueness is there.
pub(crate) async fn is_taken(tx: &mut Tx, uniqueness: &str) -> Result<bool> {
    let select = sql("SELECT id FROM factors WHERE uniqueness = $1");
    Ok(tx.fetch_optional(select.bind(uniqueness)).await?.is_some())
}

/// Gives a factor another name.
pub(crate) async fn rename(tx: &mut Tx, id: &FactorId, name: &str) -> Result<()> {
    tx.execute(sql("UPDATE factors SET name = $2 WHERE id = $1").bind(id).bind(name)).await.map(drop)
}

/// Takes a factor away; says whether it was there.
pub(crate) async fn delete(tx: &mut Tx, user: &UserId, id: &FactorId) -> Result<bool> {
    let delete = sql("DELETE FROM factors WHERE user_id = $1 AND id = $2");
    Ok(tx.execute(delete.bind(user).bind(id)).await? == 1)
}

/// Takes every factor and recovery code of a person away; returns how many factors there were.
pub(crate) async fn delete_all(tx: &mut Tx, user: &UserId) -> Result<u64> {
    tx.execute(sql("DELETE FROM recovery_codes WHERE user_id = $1").bind(user)).await?;
    tx.execute(sql("DELETE FROM factor_challenges WHERE user_id = $1").bind(user)).await?;
    tx.execute(sql("DELETE FROM factors WHERE user_id = $1").bind(user)).await
}

/// Puts new recovery codes in the place of all earlier ones.
pub(crate) async fn set_recovery_codes(tx: &mut Tx, user: &UserId, digests: &[String]) -> Result<()> {
    const VERSION: &str = "SELECT MAX(version) AS v FROM recovery_codes WHERE user_id = $1";
    let version = tx.fetch_one(sql(VERSION).bind(user)).await?.opt_int("v")?.unwrap_or(0) + 1;
    tx.execute(sql("DELETE FROM recovery_codes WHERE user_id = $1").bind(user)).await?;
    for digest in digests {
        let insert = sql("INSERT INTO recovery_codes (user_id, digest, owner_kind, version, created_at) \
             VALUES ($1, $2, $3, $4, $5)");
        let insert = insert.bind(user).bind(digest.as_str()).bind(OwnerKind::Person.as_str()).bind(version);
        tx.execute(insert.bind(tx.store().now())).await?;
    }
    Ok(())
}

/// Uses a recovery code up; says whether it was there and unused.
pub(crate) async fn use_recovery_code(tx: &mut Tx, user: &UserId, digest: &str) -> Result<bool> {
    let update =
        sql("UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND digest = $2 AND used_at IS NULL");
    Ok(tx.execute(update.bind(user).bind(digest).bind(tx.store().now())).await? == 1)
}

/// How many recovery codes are left.
pub(crate) async fn recovery_codes_left<Q: Queries>(db: &mut Q, user: &UserId) -> Result<i64> {
    let select = sql("SELECT COUNT(*) AS n FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL");
    db.fetch_one(select.bind(user)).await?.int("n")
}

/// Whether the workspace demands a second step of those who sign in by password.
pub(crate) async fn required_in<Q: Queries>(db: &mut Q, workspace: &WorkspaceId) -> Result<bool> {
    let select = sql("SELECT require_second_step FROM security_settings WHERE workspace_id = $1");
    let row = db.fetch_optional(select.bind(workspace)).await?;
    Ok(row.map(|r| r.bool("require_second_step")).transpose()?.unwrap_or(false))
}

/// Whether any workspace of the person demands it.
pub(crate) async fn required_of<Q: Queries>(db: &mut Q, user: &UserId) -> Result<bool> {
    let select = sql("SELECT m.workspace_id FROM memberships m JOIN security_settings s \
         ON s.workspace_id = m.workspace_id WHERE m.user_id = $1 AND s.require_second_step = $2 LIMIT 1");
    Ok(db.fetch_optional(select.bind(user).bind(true)).await?.is_some())
}

/// Sets whether the workspace demands it.
pub(crate) async fn set_required(tx: &mut Tx, workspace: &WorkspaceId, required: bool) -> Result<()> {
    let upsert = sql("INSERT INTO security_settings (workspace_id, require_second_step, updated_at) \
         VALUES ($1, $2, $3) ON CONFLICT (workspace_id) DO UPDATE SET \
         require_second_step = excluded.require_second_step, updated_at = excluded.updated_at");
    tx.execute(upsert.bind(workspace).bind(required).bind(tx.store().now())).await.map(drop)
}
