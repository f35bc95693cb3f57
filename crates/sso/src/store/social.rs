use gatehouse_identity::model::SocialProvider;
use gatehouse_store::{Binding, Queries, Result, Sealed, Store, Tx, sql};
use gatehouse_types::Timestamp;
use zeroize::Zeroizing;

/// A sign-in with an account at a provider that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    /// Follows from the state.
    pub(crate) id: String,
    pub(crate) provider: SocialProvider,
    /// The digest of the cookie of the browser that asked.
    pub(crate) browser: String,
    pub(crate) expires_at: Timestamp,
}

fn place(id: &str) -> Binding<'_> {
    Binding { table: "social_requests", column: "secrets", row: id }
}

/// Keeps it until it is answered, with what only the answer must meet.
pub(crate) async fn insert(tx: &mut Tx, w: &Waiting, secrets: &[u8]) -> Result<()> {
    let sealed = tx.store().keyring().seal_bytes(place(&w.id), secrets);
    let insert = sql("INSERT INTO social_requests (id, provider, browser, secrets, expires_at) \
         VALUES ($1, $2, $3, $4, $5)")
    .bind(w.id.as_str())
    .bind(w.provider.as_str())
    .bind(w.browser.as_str())
    .bind(sealed.as_str())
    .bind(w.expires_at);
    tx.execute(insert).await.map(drop)
}

pub(crate) async fn find<Q: Queries>(db: &mut Q, id: &str) -> Result<Option<Waiting>> {
    let select = sql("SELECT id, provider, browser, expires_at FROM social_requests WHERE id = $1");
    let row = db.fetch_optional(select.bind(id)).await?;
    row.map(|r| {
        Ok(Waiting {
            id: r.text("id")?,
            provider: r.parse("provider")?,
            browser: r.text("browser")?,
            expires_at: r.time("expires_at")?,
        })
    })
    .transpose()
}

/// What only the answer must meet, opened; `None` when it was answered.
pub(crate) async fn secrets(store: &Store, id: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let select = sql("SELECT secrets FROM social_requests WHERE id = $1");
    let row = store.reader().fetch_optional(select.bind(id)).await?;
    let sealed = row.map(|r| r.opt_text("secrets")).transpose()?.flatten();
    sealed.map(|text| store.keyring().open_bytes(place(id), &Sealed::from_stored(text))).transpose()
}

/// Takes it out of the queue; says whether it was still there.
pub(crate) async fn take(tx: &mut Tx, id: &str) -> Result<bool> {
    Ok(tx.execute(sql("DELETE FROM social_requests WHERE id = $1").bind(id)).await? == 1)
}

/// Forgets what nobody answered in time.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<u64> {
    let now = tx.store().now();
    tx.execute(sql("DELETE FROM social_requests WHERE expires_at < $1").bind(now)).await
}

/// Forgets all that is under way.
pub(crate) async fn forget_all(tx: &mut Tx) -> Result<()> {
    tx.execute(sql("DELETE FROM social_requests")).await.map(drop)
}
