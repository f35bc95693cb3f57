//! What a person signed in with before, and the tries at an address that were refused since its last success.

use gatehouse_store::{Queries, Result, Tx, sql};
use gatehouse_types::{Email, UserId};

/// How long a device is known after it was last seen, in seconds (180 days).
pub(crate) const KNOWN_SECONDS: i64 = 180 * 86_400;
/// How many devices of one kind are known of a person; the one seen longest ago gives its place.
const MAX_KNOWN: i64 = 20;
/// How long refused tries are remembered after the last of them, in seconds (a day).
const FAILURE_SECONDS: i64 = 86_400;

/// By what a device is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark<'a> {
    /// The digest of its cookie.
    Cookie(&'a str),
    /// Its network together with its kind of browser.
    Place(&'a str),
}

impl<'a> Mark<'a> {
    const fn parts(self) -> (&'static str, &'a str) {
        match self {
            Self::Cookie(digest) => ("cookie", digest),
            Self::Place(place) => ("place", place),
        }
    }
}

/// Whether the person ever signed in before.
pub(crate) async fn signed_in_before(tx: &mut Tx, user: &UserId) -> Result<bool> {
    let select = sql("SELECT 1 AS one FROM passwords WHERE user_id = $1 AND last_used_at IS NOT NULL \
         UNION ALL SELECT 1 AS one FROM known_devices WHERE user_id = $1 LIMIT 1");
    Ok(tx.fetch_optional(select.bind(user)).await?.is_some())
}

/// Whether the person signed in with it lately.
pub(crate) async fn is_known(tx: &mut Tx, user: &UserId, mark: Mark<'_>) -> Result<bool> {
    let ((kind, mark), since) = (mark.parts(), tx.store().now().plus_seconds(-KNOWN_SECONDS));
    let select = sql("SELECT 1 AS one FROM known_devices \
         WHERE user_id = $1 AND kind = $2 AND mark = $3 AND last_seen_at > $4");
    Ok(tx.fetch_optional(select.bind(user).bind(kind).bind(mark).bind(since)).await?.is_some())
}

/// Remembers that the person signed in with it, and forgets what was seen longest ago when there are too many.
pub(crate) async fn learn(tx: &mut Tx, user: &UserId, mark: Mark<'_>) -> Result<()> {
    let ((kind, mark), now) = (mark.parts(), tx.store().now());
    let upsert = sql("INSERT INTO known_devices (user_id, kind, mark, first_seen_at, last_seen_at) \
         VALUES ($1, $2, $3, $4, $4) ON CONFLICT (user_id, kind, mark) DO UPDATE SET last_seen_at = excluded.last_seen_at");
    tx.execute(upsert.bind(user).bind(kind).bind(mark).bind(now)).await?;
    let bound = sql("DELETE FROM known_devices WHERE user_id = $1 AND kind = $2 AND mark NOT IN \
         (SELECT mark FROM known_devices WHERE user_id = $1 AND kind = $2 \
          ORDER BY last_seen_at DESC, first_seen_at DESC, mark LIMIT $3)");
    tx.execute(bound.bind(user).bind(kind).bind(MAX_KNOWN)).await.map(drop)
}

/// Forgets all devices of a person.
pub(crate) async fn forget(tx: &mut Tx, user: &UserId) -> Result<()> {
    tx.execute(sql("DELETE FROM known_devices WHERE user_id = $1").bind(user)).await.map(drop)
}

/// Forgets all devices of everybody.
pub(crate) async fn forget_all(tx: &mut Tx) -> Result<()> {
    tx.execute(sql("DELETE FROM known_devices")).await.map(drop)
}

/// Counts a refused try at an address, whoever it belongs to.
pub(crate) async fn count_failure(tx: &mut Tx, email: &Email) -> Result<()> {
    let now = tx.store().now();
    let upsert = sql("INSERT INTO sign_in_failures (email, failures, last_at) VALUES ($1, 1, $2) \
         ON CONFLICT (email) DO UPDATE SET last_at = excluded.last_at, \
         failures = CASE WHEN sign_in_failures.last_at < $3 THEN 1 ELSE sign_in_failures.failures + 1 END");
    tx.execute(upsert.bind(email.as_str()).bind(now).bind(now.plus_seconds(-FAILURE_SECONDS))).await.map(drop)
}

/// The refused tries at an address until now; from here on they count anew.
pub(crate) async fn take_failures(tx: &mut Tx, email: &Email) -> Result<i64> {
    let delete = sql("DELETE FROM sign_in_failures WHERE email = $1 RETURNING failures, last_at");
    let Some(row) = tx.fetch_optional(delete.bind(email.as_str())).await? else { return Ok(0) };
    let is_over = row.time("last_at")? < tx.store().now().plus_seconds(-FAILURE_SECONDS);
    if is_over { Ok(0) } else { row.int("failures") }
}

/// Forgets devices that were not seen for long, and tries that are long past.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<()> {
    let now = tx.store().now();
    let devices = sql("DELETE FROM known_devices WHERE last_seen_at < $1");
    tx.execute(devices.bind(now.plus_seconds(-KNOWN_SECONDS))).await?;
    let failures = sql("DELETE FROM sign_in_failures WHERE last_at < $1");
    tx.execute(failures.bind(now.plus_seconds(-FAILURE_SECONDS))).await.map(drop)
}
