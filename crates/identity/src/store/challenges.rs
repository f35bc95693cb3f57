use gatehouse_store::{Binding, Queries, Result, Row, Sealed, Tx, sql};
use gatehouse_types::{AuthMethod, ChallengeId, Id, Timestamp, UserId, WorkspaceId, digest};
use zeroize::Zeroizing;

/// What an open question is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The second step of a sign-in by password, or with an account at a provider.
    SignIn,
    /// A sign-in by password where a first factor must be set up on the way.
    Enrol,
    /// A passkey that is made in a session.
    Register,
    /// A passkey that proves in a session who sits there.
    Prove,
}

impl Purpose {
    const ALL: [Self; 4] = [Self::SignIn, Self::Enrol, Self::Register, Self::Prove];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Enrol => "enrol",
            Self::Register => "register-passkey",
            Self::Prove => "prove",
        }
    }
}

/// An open question.
#[derive(Debug)]
pub(crate) struct Challenge {
    pub(crate) id: ChallengeId,
    pub(crate) purpose: Purpose,
    pub(crate) user_id: UserId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) attempts: i64,
    /// What the second step comes after: the password, or an account at a provider.
    pub(crate) first_step: AuthMethod,
    /// What the question was, opened.
    pub(crate) state: Option<Zeroizing<Vec<u8>>>,
}

fn place(id: &ChallengeId) -> Binding<'_> {
    Binding { table: "factor_challenges", column: "state", row: id.as_str() }
}

/// Opens a question; forgets those that are long past.
pub(crate) async fn insert(
    tx: &mut Tx,
    challenge: &Challenge,
    token: &str,
    browser: &str,
    expires_at: Timestamp,
) -> Result<()> {
    let now = tx.store().now();
    let old = sql("DELETE FROM factor_challenges WHERE expires_at < $1");
    tx.execute(old.bind(now.plus_seconds(-3600))).await?;
    let seal = |bytes: &Zeroizing<Vec<u8>>| tx.store().keyring().seal_bytes(place(&challenge.id), bytes);
    let state = challenge.state.as_ref().map(seal).map(|s| s.as_str().to_owned());
    let insert = sql("INSERT INTO factor_challenges (id, purpose, token_digest, browser_digest, user_id, \
         workspace_id, attempts, state, created_at, expires_at, first_step) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10)")
    .bind(&challenge.id)
    .bind(challenge.purpose.as_str())
    .bind(digest(token))
    .bind(digest(browser))
    .bind(&challenge.user_id)
    .bind(&challenge.workspace_id)
    .bind(state)
    .bind(now)
    .bind(expires_at)
    .bind(challenge.first_step.as_str());
    tx.execute(insert).await.map(drop)
}

/// Whom the question of a token asks, in the browser it was asked in.
pub(crate) async fn whose(tx: &mut Tx, token: &str, browser: &str) -> Result<Option<UserId>> {
    let select = sql("SELECT user_id FROM factor_challenges WHERE token_digest = $1 AND browser_digest = $2");
    let row = tx.fetch_optional(select.bind(digest(token)).bind(digest(browser))).await?;
    row.map(|r| r.id("user_id")).transpose()
}

/// The open question of a sign-in with a token, in the browser it was asked in, unless the password that it followed was
/// changed or blocked meanwhile, or the account at a provider unlinked; held until the end of the transaction.
pub(crate) async fn open(tx: &mut Tx, token: &str, browser: &str) -> Result<Option<Challenge>> {
    const SELECT: &str = "SELECT id, purpose, user_id, workspace_id, attempts, state, first_step FROM factor_challenges \
         WHERE token_digest = $1 AND browser_digest = $2 AND used_at IS NULL AND expires_at > $3 \
         AND purpose IN ('sign-in', 'enrol') AND ((first_step = 'password' AND EXISTS (SELECT 1 FROM passwords p \
         WHERE p.user_id = factor_challenges.user_id AND p.blocked_at IS NULL \
         AND p.created_at <= factor_challenges.created_at)) OR EXISTS (SELECT 1 FROM social_identities s \
         WHERE s.user_id = factor_challenges.user_id AND s.provider = factor_challenges.first_step \
         AND s.created_at <= factor_challenges.created_at))";
    let query = sql(SELECT).bind(digest(token)).bind(digest(browser)).bind(tx.store().now());
    let row = tx.lock_optional(SELECT, query).await?;
    row.map(|r| read(tx, &r)).transpose()
}

/// The open question of a token in the session it was asked in; held until the end of the transaction.
pub(crate) async fn open_in_session(
    tx: &mut Tx,
    purpose: Purpose,
    token: &str,
    session: &str,
) -> Result<Option<Challenge>> {
    const SELECT: &str = "SELECT id, purpose, user_id, workspace_id, attempts, state, first_step FROM factor_challenges \
         WHERE token_digest = $1 AND browser_digest = $2 AND used_at IS NULL AND expires_at > $3 AND purpose = $4";
    let query = sql(SELECT).bind(digest(token)).bind(digest(session)).bind(tx.store().now());
    let row = tx.lock_optional(SELECT, query.bind(purpose.as_str())).await?;
    row.map(|r| read(tx, &r)).transpose()
}

/// Forgets what was asked in a session for a purpose.
pub(crate) async fn forget(tx: &mut Tx, purpose: Purpose, user: &UserId, session: &str) -> Result<()> {
    let delete =
        sql("DELETE FROM factor_challenges WHERE user_id = $1 AND purpose = $2 AND browser_digest = $3");
    tx.execute(delete.bind(user).bind(purpose.as_str()).bind(digest(session))).await.map(drop)
}

fn read(tx: &Tx, row: &Row) -> Result<Challenge> {
    let id: ChallengeId = row.id("id")?;
    let purpose = row.text("purpose")?;
    let open = |text| tx.store().keyring().open_bytes(place(&id), &Sealed::from_stored(text));
    Ok(Challenge {
        purpose: Purpose::ALL.into_iter().find(|p| p.as_str() == purpose).unwrap_or(Purpose::SignIn),
        user_id: row.id("user_id")?,
        workspace_id: row.id("workspace_id")?,
        attempts: row.int("attempts")?,
        first_step: AuthMethod::from_stored(&row.text("first_step")?),
        state: row.opt_text("state")?.map(open).transpose()?,
        id,
    })
}

/// Keeps what the question is.
pub(crate) async fn set_state(tx: &mut Tx, id: &ChallengeId, state: &[u8]) -> Result<()> {
    let sealed = tx.store().keyring().seal_bytes(place(id), state);
    let update = sql("UPDATE factor_challenges SET state = $2 WHERE id = $1");
    tx.execute(update.bind(id).bind(sealed.as_str())).await.map(drop)
}

/// Forgets what the question is, so that it must be asked anew.
pub(crate) async fn forget_state(tx: &mut Tx, id: &ChallengeId) -> Result<()> {
    tx.execute(sql("UPDATE factor_challenges SET state = NULL WHERE id = $1").bind(id)).await.map(drop)
}

/// Counts an answer.
pub(crate) async fn count(tx: &mut Tx, id: &ChallengeId) -> Result<()> {
    tx.execute(sql("UPDATE factor_challenges SET attempts = attempts + 1 WHERE id = $1").bind(id))
        .await
        .map(drop)
}

/// Closes a question: nothing answers it any more.
pub(crate) async fn close(tx: &mut Tx, id: &ChallengeId) -> Result<()> {
    let update = sql("UPDATE factor_challenges SET used_at = $2, state = NULL WHERE id = $1");
    tx.execute(update.bind(id).bind(tx.store().now())).await.map(drop)
}

/// Closes all questions of a person: what led to them counts no more.
pub(crate) async fn void(tx: &mut Tx, user: &UserId) -> Result<()> {
    let update =
        sql("UPDATE factor_challenges SET used_at = $2, state = NULL WHERE user_id = $1 AND used_at IS NULL");
    tx.execute(update.bind(user).bind(tx.store().now())).await.map(drop)
}

/// Closes all questions of everybody.
pub(crate) async fn void_all(tx: &mut Tx) -> Result<()> {
    let update = sql("UPDATE factor_challenges SET used_at = $1, state = NULL WHERE used_at IS NULL");
    tx.execute(update.bind(tx.store().now())).await.map(drop)
}
