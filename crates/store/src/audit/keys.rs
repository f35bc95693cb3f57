//! The keys that sign heads of chains: Ed25519, sealed in the keyring. A new key is endorsed by the one before, so that
//! whoever pinned an old one can believe the new one; old public keys are kept.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatehouse_types::{Actor, OwnerKind, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Event, canonical, record_in};
use crate::{Binding, Error, Queries, Result, Row, Sealed, Store, Tx, sql};

/// Bytes of a seed and of a public key.
const KEY_LEN: usize = 32;

/// The public half of a signing key, as published and as the header of an export has it.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditKey)]
pub struct PublicKey {
    /// SHA-256 (hex) of the public key: the fingerprint to pin.
    pub id: String,
    /// `Ed25519`.
    pub algorithm: String,
    /// The 32 bytes of the public key in base64url.
    pub public_key: String,
    /// Since when it signs.
    #[schema(value_type = String)]
    pub created_at: String,
    /// Since when another one signs.
    #[schema(value_type = Option<String>)]
    pub retired_at: Option<String>,
    /// The key before it, which vouches for it.
    pub endorsed_by: Option<String>,
    /// The signature of the key before, in base64url.
    pub endorsement: Option<String>,
}

impl PublicKey {
    /// Whether its id is its fingerprint.
    pub fn is_consistent(&self) -> bool {
        self.bytes().is_some_and(|bytes| fingerprint(&bytes) == self.id) && self.algorithm == "Ed25519"
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(&self.public_key).ok().filter(|b| b.len() == KEY_LEN)
    }

    /// Whether the key made this signature over this JSON (canonical, without `signature`).
    pub fn signed(&self, content: &Json, signature: &str) -> bool {
        let (Some(key), Ok(signature)) = (self.bytes(), URL_SAFE_NO_PAD.decode(signature)) else {
            return false;
        };
        UnparsedPublicKey::new(&ED25519, key).verify(canonical(content).as_bytes(), &signature).is_ok()
    }

    /// Whether the other key vouches for this one.
    pub fn is_endorsed_by(&self, other: &Self) -> bool {
        let endorsement = self.endorsement.as_deref().unwrap_or_default();
        self.endorsed_by.as_ref() == Some(&other.id)
            && other.signed(&introduction(&self.id, &other.id), endorsement)
    }
}

/// SHA-256 of a public key, hex.
pub fn fingerprint(public_key: &[u8]) -> String {
    gatehouse_types::hex(&Sha256::digest(public_key))
}

fn introduction(new: &str, by: &str) -> Json {
    json!({"type": "gatehouse-audit-key", "version": 1, "keyId": new, "endorsedBy": by})
}

/// A key that can sign.
pub(super) struct Signer {
    pub(super) id: String,
    pair: Ed25519KeyPair,
}

impl Signer {
    fn of_seed(seed: &[u8]) -> Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed)
            .map_err(|_| Error::Unsealable("audit_keys.private_key (it is no Ed25519 seed)".into()))?;
        Ok(Self { id: fingerprint(pair.public_key().as_ref()), pair })
    }

    /// The signature over JSON in canonical form, in base64url.
    pub(super) fn sign(&self, content: &Json) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.sign(canonical(content).as_bytes()).as_ref())
    }
}

fn place(id: &str) -> Binding<'_> {
    Binding { table: "audit_keys", column: "private_key", row: id }
}

/// All public keys, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn public_keys<Q: Queries>(db: &mut Q) -> Result<Vec<PublicKey>> {
    let select = "SELECT id, public_key, created_at, retired_at, endorsed_by, endorsement FROM audit_keys \
         ORDER BY version DESC";
    db.fetch_all(sql(select)).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<PublicKey> {
    let text = |t: Timestamp| t.to_string();
    Ok(PublicKey {
        id: row.text("id")?,
        algorithm: "Ed25519".to_owned(),
        public_key: row.text("public_key")?,
        created_at: text(row.time("created_at")?),
        retired_at: row.opt_time("retired_at")?.map(text),
        endorsed_by: row.opt_text("endorsed_by")?,
        endorsement: row.opt_text("endorsement")?,
    })
}

/// The key that signs now; the first use makes it.
pub(super) async fn signer(store: &Store) -> Result<Signer> {
    if let Some((signer, _)) = latest(store).await? {
        return Ok(signer);
    }
    let mut tx = store.begin_always().await?;
    insert(&mut tx, 1, None).await?;
    tx.commit().await?;
    let made = latest(store).await?;
    made.map(|(signer, _)| signer).ok_or_else(|| Error::Unsealable("audit_keys (there is no key)".into()))
}

async fn latest(store: &Store) -> Result<Option<(Signer, i64)>> {
    let select = sql("SELECT id, version, private_key FROM audit_keys ORDER BY version DESC LIMIT 1");
    let Some(row) = store.reader().fetch_optional(select).await? else { return Ok(None) };
    let id = row.text("id")?;
    let seed = store.keyring().open_bytes(place(&id), &Sealed::from_stored(row.text("private_key")?))?;
    Ok(Some((Signer::of_seed(&seed)?, row.int("version")?)))
}

/// Makes a key of this version, unless another server does at this very moment.
async fn insert(tx: &mut Tx, version: i64, by: Option<&Signer>) -> Result<String> {
    let mut seed = Zeroizing::new([0u8; KEY_LEN]);
    tx.store().random().fill(&mut *seed);
    let new = Signer::of_seed(&*seed)?;
    let sealed = tx.store().keyring().seal_bytes(place(&new.id), &*seed);
    let insert = sql(
        "INSERT INTO audit_keys (id, owner_kind, version, public_key, private_key, endorsed_by, endorsement, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    )
    .bind(new.id.as_str())
    .bind(OwnerKind::Service.as_str())
    .bind(version)
    .bind(URL_SAFE_NO_PAD.encode(new.pair.public_key().as_ref()))
    .bind(sealed.as_str())
    .bind(by.map(|s| s.id.clone()))
    .bind(by.map(|s| s.sign(&introduction(&new.id, &s.id))))
    .bind(tx.store().now());
    tx.execute(insert).await?;
    Ok(new.id)
}

/// A signature of the product's own.
#[derive(Clone, Debug)]
pub struct Attestation {
    /// The fingerprint of the key of the audit log.
    pub key_id: String,
    /// The public key in base64url.
    pub public_key: String,
    /// The signature in base64url.
    pub signature: String,
}

/// Signs a statement of the product's own, in canonical JSON, with the key of the audit log. The statement's `type` says
/// what it is; heads of chains have another one.
///
/// # Errors
/// When the database fails.
pub async fn attest(store: &Store, statement: &Json) -> Result<Attestation> {
    let signer = signer(store).await?;
    let signature = signer.sign(statement);
    let mut tx = store.begin_always().await?;
    touch(&mut tx, &signer.id).await?;
    tx.commit().await?;
    let public_key = URL_SAFE_NO_PAD.encode(signer.pair.public_key().as_ref());
    Ok(Attestation { key_id: signer.id, public_key, signature })
}

/// Notes that the key was used.
pub(super) async fn touch(tx: &mut Tx, id: &str) -> Result<()> {
    let now = tx.store().now();
    tx.execute(sql("UPDATE audit_keys SET last_used_at = $1 WHERE id = $2").bind(now).bind(id))
        .await
        .map(drop)
}

/// Makes a new signing key, endorsed by the old one, which is kept for what it signed. Returns the new key's id.
///
/// # Errors
/// When the database fails.
pub async fn rotate(store: &Store, actor: &Actor) -> Result<String> {
    signer(store).await?;
    let (old, version) =
        latest(store).await?.ok_or_else(|| Error::Unsealable("audit_keys (there is no key)".into()))?;
    let mut tx = store.begin_always().await?;
    let new = insert(&mut tx, version + 1, Some(&old)).await?;
    let retire = sql("UPDATE audit_keys SET retired_at = $1 WHERE id = $2 AND retired_at IS NULL");
    tx.execute(retire.bind(store.now()).bind(old.id.as_str())).await?;
    let details = json!({"endorsedBy": old.id});
    record_in(&mut tx, actor, None, Event::success("audit.key-rotated", ("audit-key", &new), details))
        .await?;
    tx.commit().await?;
    Ok(new)
}
