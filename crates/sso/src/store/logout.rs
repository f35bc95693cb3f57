use gatehouse_saml::{NameId, VerifiedAssertion};
use gatehouse_store::{Binding, Queries, Result, Row, Sealed, Tx, sql};
use gatehouse_types::{ConnectionId, Id, SessionId, Timestamp, digest};
use serde::{Deserialize, Serialize};

/// Sessions of one name that are read at once.
const CHUNK: i64 = 1000;
/// How long a provider's logout is remembered, in seconds: longer than any assertion about it is on its way.
const REMEMBERED_SECONDS: i64 = 600;

/// What a session is called at its provider: the name as the assertion gave it, and the provider's session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Called {
    pub(crate) value: String,
    format: Option<String>,
    name_qualifier: Option<String>,
    sp_name_qualifier: Option<String>,
    pub(crate) session_index: Option<String>,
    /// The digest of the cookie by which the provider's sign-off finds the session, when that is how it finds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) browser: Option<String>,
    /// OpenID Connect: the ID token, to sign out at the provider with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id_token: Option<String>,
    /// OpenID Connect: where signing out at the provider begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end_session: Option<String>,
}

/// A format that says nothing about the name (core §8.3.1).
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

impl Called {
    /// The names of a verified assertion.
    pub(crate) fn of(assertion: &VerifiedAssertion) -> Self {
        let name = assertion.name_id();
        Self {
            value: name.value.clone(),
            format: name.format.clone(),
            name_qualifier: name.name_qualifier.clone(),
            sp_name_qualifier: name.sp_name_qualifier.clone(),
            session_index: assertion.session_index().map(str::to_owned),
            browser: None,
            id_token: None,
            end_session: None,
        }
    }

    /// The names of a verified ID token: the subject and the provider's session.
    pub(crate) fn at_openid(
        subject: &str,
        session: Option<&str>,
        id_token: Option<String>,
        end_session: Option<String>,
    ) -> Self {
        Self {
            value: subject.to_owned(),
            format: None,
            name_qualifier: None,
            sp_name_qualifier: None,
            session_index: session.map(str::to_owned),
            browser: None,
            id_token,
            end_session,
        }
    }

    /// The name, for a request of ours.
    pub(crate) fn name_id(&self) -> NameId {
        NameId {
            value: self.value.clone(),
            format: self.format.clone(),
            name_qualifier: self.name_qualifier.clone(),
            sp_name_qualifier: self.sp_name_qualifier.clone(),
        }
    }

    /// Whether a request is about this session: the same name (core §3.3.4), and its index if indexes are named. A part
    /// of a name that one side leaves out is its default, which only the provider knows: it matches.
    pub(crate) fn is_meant(&self, name: &NameId, indexes: &[String]) -> bool {
        let either = |a: &Option<String>, b: &Option<String>| match (a, b) {
            (Some(a), Some(b)) => a == b || a == UNSPECIFIED || b == UNSPECIFIED,
            _ => true,
        };
        self.value == name.value
            && either(&self.format, &name.format)
            && either(&self.name_qualifier, &name.name_qualifier)
            && either(&self.sp_name_qualifier, &name.sp_name_qualifier)
            && (indexes.is_empty() || self.session_index.as_ref().is_some_and(|i| indexes.contains(i)))
    }
}

fn session_place(id: &SessionId) -> Binding<'_> {
    Binding { table: "sso_sessions", column: "called", row: id.as_str() }
}

fn request_place(id: &str) -> Binding<'_> {
    Binding { table: "sso_logouts", column: "called", row: id }
}

fn seal(tx: &Tx, place: Binding<'_>, called: &Called) -> Result<Sealed> {
    Ok(tx.store().keyring().seal_bytes(place, &serde_json::to_vec(called)?))
}

fn open(tx: &Tx, place: Binding<'_>, row: &Row) -> Result<Called> {
    let sealed = Sealed::from_stored(row.text("called")?);
    Ok(serde_json::from_slice(&tx.store().keyring().open_bytes(place, &sealed)?)?)
}

/// Keeps what a session is called at its provider.
pub(crate) fn remember(
    tx: &mut Tx,
    session: &SessionId,
    connection: &ConnectionId,
    called: &Called,
    expires_at: Timestamp,
) -> Result<()> {
    let sealed = seal(tx, session_place(session), called)?;
    let insert = sql(
        "INSERT INTO sso_sessions (session_id, connection_id, name_digest, called, created_at, expires_at, browser, \
         index_digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    )
    .bind(session)
    .bind(connection)
    .bind(digest(&called.value))
    .bind(sealed.as_str())
    .bind(tx.store().now())
    .bind(expires_at)
    .bind(called.browser.clone())
    .bind(called.session_index.as_deref().map(digest));
    tx.later(insert);
    Ok(())
}

/// What a session is called, and until when it lasts at most.
pub(crate) async fn of_session(
    tx: &mut Tx,
    session: &SessionId,
) -> Result<Option<(ConnectionId, Called, Timestamp)>> {
    let select = sql("SELECT connection_id, called, expires_at FROM sso_sessions WHERE session_id = $1");
    let Some(row) = tx.fetch_optional(select.bind(session)).await? else { return Ok(None) };
    Ok(Some((row.id("connection_id")?, open(tx, session_place(session), &row)?, row.time("expires_at")?)))
}

/// The sessions that a request of a connection's provider is about; live or not.
pub(crate) async fn meant(
    tx: &mut Tx,
    connection: &ConnectionId,
    name: &NameId,
    indexes: &[String],
) -> Result<Vec<SessionId>> {
    let (mut found, mut last) = (Vec::new(), String::new());
    loop {
        let select =
            sql("SELECT session_id, called FROM sso_sessions WHERE connection_id = $1 AND name_digest = $2 \
             AND session_id > $3 ORDER BY session_id LIMIT $4")
            .bind(connection)
            .bind(digest(&name.value))
            .bind(last)
            .bind(CHUNK);
        let rows = tx.fetch_all(select).await?;
        let Some(row) = rows.last() else { return Ok(found) };
        last = row.text("session_id")?;
        for row in &rows {
            let id: SessionId = row.id("session_id")?;
            if open(tx, session_place(&id), row)?.is_meant(name, indexes) {
                found.push(id);
            }
        }
    }
}

/// The sessions of a browser that began through a connection, at most [`CHUNK`]; live or not.
pub(crate) async fn of_browser<Q: Queries>(
    db: &mut Q,
    connection: &ConnectionId,
    browser: &str,
) -> Result<Vec<SessionId>> {
    let select =
        sql("SELECT session_id FROM sso_sessions WHERE connection_id = $1 AND browser = $2 LIMIT $3");
    let rows = db.fetch_all(select.bind(connection).bind(browser).bind(CHUNK)).await?;
    rows.iter().map(|row| row.id("session_id")).collect()
}

/// The sessions that a provider says have ended: of a subject, of one session of the provider's, or of both.
pub(crate) async fn left(
    tx: &mut Tx,
    connection: &ConnectionId,
    subject: Option<&str>,
    session: Option<&str>,
) -> Result<Vec<SessionId>> {
    let select = sql("SELECT session_id FROM sso_sessions WHERE connection_id = $1 \
         AND ($2 IS NULL OR name_digest = $2) AND ($3 IS NULL OR index_digest = $3) \
         AND ($2 IS NOT NULL OR $3 IS NOT NULL) ORDER BY session_id");
    let rows =
        tx.fetch_all(select.bind(connection).bind(subject.map(digest)).bind(session.map(digest))).await?;
    rows.iter().map(|row| row.id("session_id")).collect()
}

/// Forgets what a session is called.
pub(crate) async fn forget(tx: &mut Tx, session: &SessionId) -> Result<()> {
    tx.execute(sql("DELETE FROM sso_sessions WHERE session_id = $1").bind(session)).await.map(drop)
}

/// A logout request of ours that waits for its way out, and then for its answer.
#[derive(Clone, Debug)]
pub(crate) struct PendingLogout {
    /// The id of the LogoutRequest.
    pub(crate) id: String,
    pub(crate) connection_id: ConnectionId,
    pub(crate) called: Called,
    pub(crate) expires_at: Timestamp,
}

pub(crate) async fn insert(tx: &mut Tx, p: &PendingLogout) -> Result<()> {
    let sealed = seal(tx, request_place(&p.id), &p.called)?;
    let insert = sql("INSERT INTO sso_logouts (id, connection_id, called, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(p.id.as_str())
        .bind(&p.connection_id)
        .bind(sealed.as_str())
        .bind(tx.store().now())
        .bind(p.expires_at);
    tx.execute(insert).await.map(drop)
}

/// The pending request of that id, while it lasts.
pub(crate) async fn find(tx: &mut Tx, id: &str) -> Result<Option<PendingLogout>> {
    let now = tx.store().now();
    let select =
        sql("SELECT connection_id, called, expires_at FROM sso_logouts WHERE id = $1 AND expires_at > $2");
    let Some(row) = tx.fetch_optional(select.bind(id).bind(now)).await? else { return Ok(None) };
    Ok(Some(PendingLogout {
        id: id.to_owned(),
        connection_id: row.id("connection_id")?,
        called: open(tx, request_place(id), &row)?,
        expires_at: row.time("expires_at")?,
    }))
}

/// Which connection a pending request went through, while it lasts.
pub(crate) async fn connection_of<Q: Queries>(
    db: &mut Q,
    id: &str,
    now: Timestamp,
) -> Result<Option<ConnectionId>> {
    let select = sql("SELECT connection_id FROM sso_logouts WHERE id = $1 AND expires_at > $2");
    db.fetch_optional(select.bind(id).bind(now)).await?.map(|row| row.id("connection_id")).transpose()
}

/// Takes a connection's request out of the queue; says whether it was still there.
pub(crate) async fn take(tx: &mut Tx, connection: &ConnectionId, id: &str) -> Result<bool> {
    let delete = sql("DELETE FROM sso_logouts WHERE id = $1 AND connection_id = $2");
    Ok(tx.execute(delete.bind(id).bind(connection)).await? == 1)
}

/// Under which a logout of all sessions of a name is remembered; no index can be the same, XML has no such character.
fn everything(name: &str) -> String {
    digest(&format!("\0{name}"))
}

/// Notes sessions of a provider as ended, or all of a name when none is named, for assertions about them that are still
/// on their way (core §3.7.3.1).
pub(crate) async fn note_ended(
    tx: &mut Tx,
    connection: &ConnectionId,
    name: &NameId,
    indexes: &[String],
) -> Result<()> {
    let mut marks: Vec<String> = indexes.iter().map(|index| digest(index)).collect();
    if marks.is_empty() {
        marks.push(everything(&name.value));
    }
    note(tx, connection, marks).await
}

/// The same for what an OpenID provider names: one session of its own, else all of a subject.
pub(crate) async fn note_left(
    tx: &mut Tx,
    connection: &ConnectionId,
    subject: Option<&str>,
    session: Option<&str>,
) -> Result<()> {
    let mark = session.map(digest).or_else(|| subject.map(everything));
    note(tx, connection, mark.into_iter().collect()).await
}

async fn note(tx: &mut Tx, connection: &ConnectionId, marks: Vec<String>) -> Result<()> {
    let until = tx.store().now().plus_seconds(REMEMBERED_SECONDS);
    for mark in marks {
        let insert =
            sql("INSERT INTO sso_ended (connection_id, index_digest, expires_at) VALUES ($1, $2, $3) \
             ON CONFLICT (connection_id, index_digest) DO UPDATE SET expires_at = excluded.expires_at");
        tx.execute(insert.bind(connection).bind(mark).bind(until)).await?;
    }
    Ok(())
}

/// Under which an ended session would be remembered: its own, and all of its name.
pub(crate) fn marks(called: &Called) -> [String; 2] {
    let all = everything(&called.value);
    [called.session_index.as_deref().map_or_else(|| all.clone(), digest), all]
}

/// Whether the provider has already ended the session of its own that a message of this moment tells of.
pub(crate) async fn has_ended(
    tx: &mut Tx,
    connection: &ConnectionId,
    called: &Called,
    issued_at: Timestamp,
) -> Result<bool> {
    let now = tx.store().now();
    let select = |mark: String| {
        sql("SELECT expires_at FROM sso_ended WHERE connection_id = $1 AND index_digest = $2 AND expires_at > $3")
            .bind(connection)
            .bind(mark)
            .bind(now)
    };
    if let Some(index) = &called.session_index
        && tx.fetch_optional(select(digest(index))).await?.is_some()
    {
        return Ok(true);
    }
    // a logout of everything ends what was before it, not the next sign-in
    match tx.fetch_optional(select(everything(&called.value))).await? {
        Some(row) => {
            let ended_at = row.time("expires_at")?.plus_seconds(-REMEMBERED_SECONDS);
            Ok(issued_at <= ended_at)
        }
        None => Ok(false),
    }
}

/// Forgets what expired.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<()> {
    let now = tx.store().now();
    tx.execute(sql("DELETE FROM sso_sessions WHERE expires_at < $1").bind(now)).await?;
    tx.execute(sql("DELETE FROM sso_logouts WHERE expires_at < $1").bind(now)).await?;
    tx.execute(sql("DELETE FROM sso_ended WHERE expires_at < $1").bind(now)).await.map(drop)
}

/// Forgets every session and every request that waits; what the provider ended stays ended.
pub(crate) async fn forget_all(tx: &mut Tx) -> Result<()> {
    tx.execute(sql("DELETE FROM sso_sessions")).await?;
    tx.execute(sql("DELETE FROM sso_logouts")).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_means_the_sessions_of_its_name_and_indexes() {
        let name = |value: &str, format: Option<&str>, qualifier: Option<&str>| NameId {
            value: value.to_owned(),
            format: format.map(str::to_owned),
            name_qualifier: qualifier.map(str::to_owned),
            sp_name_qualifier: None,
        };
        let called = Called {
            value: "ada".to_owned(),
            format: Some("urn:persistent".to_owned()),
            name_qualifier: Some("idp".to_owned()),
            sp_name_qualifier: None,
            session_index: Some("s1".to_owned()),
            browser: None,
            id_token: None,
            end_session: None,
        };
        let all: [String; 0] = [];
        for (name, indexes, meant) in [
            (name("ada", Some("urn:persistent"), Some("idp")), &all[..], true),
            (name("ada", None, None), &all, true),
            (name("ada", Some(UNSPECIFIED), None), &all, true),
            (name("ada", None, None), &["s0".to_owned(), "s1".to_owned()], true),
            (name("ada", None, None), &["s2".to_owned()], false),
            (name("ADA", None, None), &all, false),
            (name("ada", Some("urn:other"), None), &all, false),
            (name("ada", None, Some("another")), &all, false),
        ] {
            assert_eq!(called.is_meant(&name, indexes), meant, "{name:?} {indexes:?}");
        }
        let nameless = Called { session_index: None, ..called };
        assert!(!nameless.is_meant(&name("ada", None, None), &["s1".to_owned()]));
    }
}
