//! Signed heads: what a chain was at a moment, signed by a key that is not in the database in the clear. Whoever
//! rewrites a chain afterwards contradicts them.

use gatehouse_types::{Timestamp, WorkspaceId};
use serde_json::{Value as Json, json};

use super::keys::{self, Signer};
use super::{GENESIS, Wanted, after, hash_of};
use crate::{Queries, Result, Row, Store, sql};

/// Entries after which a head is signed.
pub const EVERY_ENTRIES: i64 = 1000;
/// A head is signed at least this often while there is something new, in seconds.
pub const EVERY_SECONDS: i64 = 24 * 3600;
/// Entries read at once while a segment is checked.
const CHUNK: i64 = 500;
/// Chains looked at in one run of the job.
const MAX_CHAINS: i64 = 200;

/// A head of a chain with its signature.
#[derive(Clone, Debug)]
pub struct SignedHead {
    /// The chain: the workspace's id.
    pub chain: String,
    /// The last entry.
    pub sequence: i64,
    /// Its hash.
    pub hash: String,
    /// When it was signed.
    pub at: Timestamp,
    /// The key.
    pub key_id: String,
    /// The signature, in base64url.
    pub signature: String,
}

impl SignedHead {
    /// What the signature is over.
    fn content(chain: &str, sequence: i64, hash: &str, at: Timestamp, key: &str) -> Json {
        json!({
            "type": "gatehouse-audit-head", "version": 1, "chain": chain, "sequence": sequence, "hash": hash, "at": at,
            "keyId": key,
        })
    }

    /// The head as a line of an export.
    pub fn line(&self) -> Json {
        let mut line = Self::content(&self.chain, self.sequence, &self.hash, self.at, &self.key_id);
        line["signature"] = self.signature.as_str().into();
        line
    }
}

fn read(row: &Row) -> Result<SignedHead> {
    Ok(SignedHead {
        chain: row.text("chain")?,
        sequence: row.int("sequence")?,
        hash: row.text("hash")?,
        at: row.time("at")?,
        key_id: row.text("key_id")?,
        signature: row.text("signature")?,
    })
}

/// The head of a chain at this moment: sequence number and hash.
///
/// # Errors
/// When the database fails.
pub async fn current<Q: Queries>(db: &mut Q, chain: &str) -> Result<(i64, String)> {
    let select = sql("SELECT sequence, hash FROM audit_heads WHERE chain = $1");
    match db.fetch_optional(select.bind(chain)).await? {
        Some(row) => Ok((row.int("sequence")?, row.text("hash")?)),
        None => Ok((0, GENESIS.to_owned())),
    }
}

/// The signed heads of a chain after a position and up to another.
///
/// # Errors
/// When the database fails.
pub async fn between<Q: Queries>(
    db: &mut Q,
    chain: &str,
    after: i64,
    through: i64,
) -> Result<Vec<SignedHead>> {
    let select = sql("SELECT chain, sequence, hash, at, key_id, signature FROM audit_signed_heads \
         WHERE chain = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence");
    db.fetch_all(select.bind(chain).bind(after).bind(through)).await?.iter().map(read).collect()
}

async fn last<Q: Queries>(db: &mut Q, chain: &str) -> Result<Option<SignedHead>> {
    let select = sql("SELECT chain, sequence, hash, at, key_id, signature FROM audit_signed_heads \
         WHERE chain = $1 ORDER BY sequence DESC LIMIT 1");
    db.fetch_optional(select.bind(chain)).await?.as_ref().map(read).transpose()
}

/// What is wrong with a chain, if something is: checked from its last signed head on.
async fn broken(
    store: &Store,
    chain: &str,
    from: Option<&SignedHead>,
    head: &(i64, String),
) -> Result<Option<String>> {
    let mut reader = store.reader();
    let (mut sequence, mut hash) = (0, GENESIS.to_owned());
    if let Some(signed) = from {
        if signed.sequence > head.0 {
            let (first, last) = (head.0 + 1, signed.sequence);
            return Ok(Some(format!("entries {first} to {last} are missing: entry {last} was signed")));
        }
        let entry = after(&mut reader, chain, &Wanted::default(), signed.sequence - 1, 1).await?;
        if entry.first().is_none_or(|e| e.sequence != signed.sequence || e.hash != signed.hash) {
            return Ok(Some(format!("entry {} is not the one that was signed", signed.sequence)));
        }
        (sequence, hash) = (signed.sequence, signed.hash.clone());
    }
    while sequence < head.0 {
        for entry in
            after(&mut reader, chain, &Wanted::default(), sequence, CHUNK.min(head.0 - sequence)).await?
        {
            if entry.sequence != sequence + 1 {
                return Ok(Some(format!("entry {} is missing", sequence + 1)));
            }
            if entry.previous_hash != hash || hash_of(chain, &entry) != entry.hash {
                return Ok(Some(format!("entry {} was changed", entry.sequence)));
            }
            (sequence, hash) = (entry.sequence, entry.hash);
        }
        if sequence < head.0 && after(&mut reader, chain, &Wanted::default(), sequence, 1).await?.is_empty() {
            return Ok(Some(format!("entry {} is missing", sequence + 1)));
        }
    }
    Ok((hash != head.1).then(|| format!("the head of the chain is not the hash of entry {sequence}")))
}

/// Signs the head of a chain as it is now, after a look at everything since the last signed one. A chain that is broken
/// is not signed: that is logged, counted, and the answer is what is wrong with it.
///
/// # Errors
/// When the database fails.
pub async fn sign(store: &Store, chain: &str) -> Result<Option<String>> {
    let signer = keys::signer(store).await?;
    sign_with(store, chain, &signer).await
}

async fn sign_with(store: &Store, chain: &str, signer: &Signer) -> Result<Option<String>> {
    // in this order: a head that is signed in between is never ahead of the one read afterwards
    let signed = last(&mut store.reader(), chain).await?;
    let head = current(&mut store.reader(), chain).await?;
    if head.0 == 0 && signed.is_none()
        || signed.as_ref().is_some_and(|s| s.sequence == head.0 && s.hash == head.1)
    {
        return Ok(None);
    }
    if let Some(what) = broken(store, chain, signed.as_ref(), &head).await? {
        metrics::counter!("audit_chain_broken_total").increment(1);
        tracing::error!(chain, what, "an audit chain is broken and is not signed");
        return Ok(Some(what));
    }
    let at = store.now();
    let signature = signer.sign(&SignedHead::content(chain, head.0, &head.1, at, &signer.id));
    let mut tx = store.begin_always().await?;
    let insert = sql("INSERT INTO audit_signed_heads (chain, sequence, hash, at, key_id, signature) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING")
    .bind(chain)
    .bind(head.0)
    .bind(head.1)
    .bind(at)
    .bind(signer.id.as_str())
    .bind(signature);
    tx.execute(insert).await?;
    keys::touch(&mut tx, &signer.id).await?;
    tx.commit().await?;
    Ok(None)
}

/// Reads every chain from its beginning and compares it with its last signed head; says what is wrong with which.
///
/// # Errors
/// When the database fails.
pub async fn check(store: &Store) -> Result<Vec<String>> {
    let chains =
        sql("SELECT chain FROM audit_heads UNION SELECT chain FROM audit_signed_heads ORDER BY chain");
    let mut found = Vec::new();
    for row in store.reader().fetch_all(chains).await? {
        let chain = row.text("chain")?;
        let signed = last(&mut store.reader(), &chain).await?;
        let head = current(&mut store.reader(), &chain).await?;
        let mut what = broken(store, &chain, signed.as_ref(), &head).await?;
        if what.is_none() {
            what = broken(store, &chain, None, &head).await?;
        }
        found.extend(what.map(|what| format!("{chain}: {what}")));
    }
    Ok(found)
}

/// Signs the head of every chain that has grown by [`EVERY_ENTRIES`], or grown at all since [`EVERY_SECONDS`]; looks at
/// each that is shorter than it was when it was signed.
///
/// # Errors
/// When the database fails.
pub async fn sign_due(store: &Store) -> Result<()> {
    let due = sql("SELECT c.chain AS chain FROM \
         (SELECT chain, MAX(now) AS now, MAX(signed) AS signed, MAX(at) AS at FROM \
         (SELECT chain, sequence AS now, 0 AS signed, 0 AS at FROM audit_heads UNION ALL \
         SELECT chain, 0 AS now, sequence AS signed, at FROM audit_signed_heads) both_of GROUP BY chain) c \
         WHERE c.now < c.signed OR c.now >= c.signed + $1 OR (c.now > c.signed AND c.at < $2) \
         ORDER BY c.chain LIMIT $3")
    .bind(EVERY_ENTRIES)
    .bind(store.now().plus_seconds(-EVERY_SECONDS))
    .bind(MAX_CHAINS);
    let due = store.reader().fetch_all(due).await?;
    if due.is_empty() {
        return Ok(());
    }
    let signer = keys::signer(store).await?;
    for row in due {
        sign_with(store, &row.text("chain")?, &signer).await?;
    }
    Ok(())
}

/// The signature of the key of now over anything, with the key's id in it: the trailer of an export.
pub(super) async fn sign_content(store: &Store, content: impl FnOnce(&str) -> Json) -> Result<Json> {
    let signer = keys::signer(store).await?;
    let mut content = content(&signer.id);
    let signature = signer.sign(&content);
    content["signature"] = signature.into();
    let mut tx = store.begin_always().await?;
    keys::touch(&mut tx, &signer.id).await?;
    tx.commit().await?;
    Ok(content)
}

/// The chain's name of a workspace.
pub fn chain_of(workspace: &WorkspaceId) -> &str {
    gatehouse_types::Id::as_str(workspace)
}
