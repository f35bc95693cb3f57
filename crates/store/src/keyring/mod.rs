//! Secrets at rest: sealed with XChaCha20-Poly1305 under a data key, the data key wrapped by the master key.
//!
//! * [`SEALED`] is the closed list of all sealed columns: what is not in it would be lost by a rotation.
//! * [`rotate`] re-encrypts everything under new keys; [`scan`] opens everything and says what does not.
//! * Running servers learn new data keys by themselves: they look every few seconds, and at once when they meet a key
//!   they do not know. What does not open is refused and told (`keyring.refused`).

mod master;
mod refused;
mod rotate;
mod scan;
mod sealed;
mod source;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use gatehouse_types::{Random, Secret};
use zeroize::Zeroizing;

use crate::{Error, Result};
use refused::{Refusals, Refused};
use source::Source;

pub(crate) use master::KeyFile;
pub use master::MasterKey;
pub use rotate::{Plan, Resealed, Rotation, RotationReport, Stage, plan, prepare, rotate};
pub(crate) use scan::scan_in;
pub use scan::{ColumnReport, ScanReport, scan};
pub use sealed::{SEALED, SealedColumn};
pub(crate) use {refused::keep_watch, source::complete, source::open as open_keyring};

const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 24;

#[derive(Clone)]
struct DataKey(Zeroizing<[u8; KEY_LEN]>);

/// Where a secret belongs; a ciphertext moved to another row, column or table does not open.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's id.
    pub row: &'a str,
}

impl Binding<'_> {
    fn associated_data(&self) -> Vec<u8> {
        format!("{}:{}:{}", self.table, self.column, self.row).into_bytes()
    }
}

/// A sealed secret as stored: the data key's id, a dot, nonce and ciphertext in base64url.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed(String);

impl Sealed {
    /// The stored text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A sealed secret read from its column.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
}

/// The open data keys of one application. Copies share them.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    ring: RwLock<Ring>,
    /// What keys for other purposes are derived from; it outlives the data keys.
    root: OnceLock<Zeroizing<[u8; KEY_LEN]>>,
    source: Option<Source>,
    refusals: Refusals,
    random: gatehouse_types::SharedRandom,
}

/// The data keys as they were read last.
struct Ring {
    keys: BTreeMap<String, DataKey>,
    /// The key that seals, with its id.
    current: (String, DataKey),
}

/// A data key as its row has it.
#[derive(Clone, Debug)]
pub(crate) struct Wrapped {
    pub(crate) id: String,
    pub(crate) wrapped: String,
    pub(crate) generation: i64,
}

impl Ring {
    /// Opens the wrapped data keys; the one of the latest generation seals.
    fn open(master: &MasterKey, rows: &[Wrapped]) -> Result<Self> {
        let mut keys = BTreeMap::new();
        for row in rows {
            keys.insert(row.id.clone(), master.unwrap_key(&row.id, &row.wrapped)?);
        }
        let latest = rows.iter().max_by(|a, b| (a.generation, &a.id).cmp(&(b.generation, &b.id)));
        let current = latest.and_then(|row| Some((row.id.clone(), keys.get(&row.id)?.clone())));
        let current = current.ok_or_else(|| Error::Unsealable("the keyring (it has no data key)".into()))?;
        Ok(Self { keys, current })
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring")
    }
}

impl Keyring {
    fn new(ring: Ring, source: Option<Source>, random: gatehouse_types::SharedRandom) -> Self {
        let (root, refusals) = (OnceLock::new(), Refusals::default());
        Self(Arc::new(Inner { ring: RwLock::new(ring), root, source, refusals, random }))
    }

    /// A new data key, wrapped for the database.
    fn new_wrapped(master: &MasterKey, id: &str, random: &dyn Random) -> String {
        let mut key = Zeroizing::new([0u8; KEY_LEN]);
        random.fill(&mut *key);
        master.wrap(id, &DataKey(key), random)
    }

    /// A key for another purpose (signing cookies): the same on every server of this database, and the same after a
    /// rotation, so that a form that was shown before can be sent after.
    pub fn derive(&self, purpose: &str) -> [u8; KEY_LEN] {
        let current = || self.read(|ring| ring.current.1.0.clone());
        let root = self.0.root.get().cloned().unwrap_or_else(current);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*root);
        let tag = hmac::sign(&key, format!("gatehouse:{purpose}").as_bytes());
        let mut derived = [0u8; KEY_LEN];
        derived.copy_from_slice(tag.as_ref());
        derived
    }

    /// The keyring of rows that are in no database yet, as a backup has them.
    pub(crate) fn of_rows(
        file: &KeyFile,
        rows: &[Wrapped],
        random: gatehouse_types::SharedRandom,
    ) -> Result<Self> {
        let (_, ring, _) = file.find(|master| Ring::open(master, rows))?;
        Ok(Self::new(ring, None, random))
    }

    /// A key that proves where a backup comes from, derived from one data key.
    pub(crate) fn proof_key(&self, id: &str) -> Option<hmac::Key> {
        let key = self.read(|ring| ring.keys.get(id).cloned())?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*key.0);
        Some(hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, b"gatehouse:backup").as_ref()))
    }

    /// The id of the data key that seals now.
    pub fn current_key(&self) -> String {
        self.read(|ring| ring.current.0.clone())
    }

    /// Seals bytes for one place.
    pub fn seal_bytes(&self, place: Binding<'_>, plain: &[u8]) -> Sealed {
        let (id, key) = self.read(|ring| ring.current.clone());
        Sealed(format!("{id}.{}", encrypt(&key.0, plain, &place.associated_data(), &*self.0.random)))
    }

    /// Seals a secret for one place.
    pub fn seal(&self, place: Binding<'_>, secret: &Secret) -> Sealed {
        self.seal_bytes(place, secret.expose().as_bytes())
    }

    /// Opens what was sealed for this very place. What does not open is counted, logged and recorded.
    ///
    /// # Errors
    /// `Unsealable`, when the key is missing, the place is another, or a byte was changed.
    pub fn open_bytes(&self, place: Binding<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>> {
        self.open_quietly(place, sealed).ok_or_else(|| self.refuse(place))
    }

    /// Opens a secret that was sealed for this very place.
    ///
    /// # Errors
    /// `Unsealable`, as [`Keyring::open_bytes`].
    pub fn open_secret(&self, place: Binding<'_>, sealed: &Sealed) -> Result<Secret> {
        let bytes = self.open_bytes(place, sealed)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| self.refuse(place))?;
        Ok(Secret::new(text))
    }

    /// The same without a word about what does not open: for those who look at everything.
    fn open_quietly(&self, place: Binding<'_>, sealed: &Sealed) -> Option<Zeroizing<Vec<u8>>> {
        let (id, text) = sealed.0.split_once('.')?;
        let known = |ring: &Ring| ring.keys.get(id).cloned();
        let key = self.read(known).or_else(|| {
            // another server may have made it since we looked
            self.refresh_now();
            self.read(known)
        })?;
        decrypt(&key.0, text, &place.associated_data())
    }

    /// What everybody is told of a value that does not open: where it is, never what it is.
    fn refuse(&self, place: Binding<'_>) -> Error {
        let Binding { table, column, row } = place;
        self.0.refusals.note(Refused { table, column, row: row.to_owned() });
        Error::Unsealable(format!("{table}.{column}, row {row}"))
    }

    fn read<T>(&self, look: impl FnOnce(&Ring) -> T) -> T {
        look(&self.0.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the data keys again if there are other ones than before.
    ///
    /// # Errors
    /// When the database fails, or when the master key file does not open its keys (any more).
    pub async fn refresh(&self) -> Result<()> {
        let Some(source) = &self.0.source else { return Ok(()) };
        let rows = source.rows().await?;
        let same = self.read(|ring| {
            ring.keys.len() == rows.len() && rows.iter().all(|row| ring.keys.contains_key(&row.id))
        });
        if !same {
            let ring = source.open(&rows)?.1;
            *self.0.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        }
        Ok(())
    }

    /// [`Keyring::refresh`] for callers that cannot wait asynchronously; rare: once a rotation.
    fn refresh_now(&self) {
        use tokio::runtime::{Handle, RuntimeFlavor};
        let Ok(runtime) = Handle::try_current() else { return };
        if runtime.runtime_flavor() != RuntimeFlavor::MultiThread {
            return;
        }
        if let Err(e) = tokio::task::block_in_place(|| runtime.block_on(self.refresh())) {
            tracing::error!(error = %e, "the data keys could not be read again");
        }
    }
}

fn encrypt(key: &[u8; KEY_LEN], plain: &[u8], aad: &[u8], random: &dyn Random) -> String {
    let mut nonce = [0u8; NONCE_LEN];
    random.fill(&mut nonce);
    let cipher = XChaCha20Poly1305::new(key.into());
    // the only failure is a message beyond 256 GiB, which no caller can hold
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: plain, aad }).unwrap_or_default();
    URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())
}

fn decrypt(key: &[u8; KEY_LEN], text: &str, aad: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
    let nonce = XNonce::try_from(nonce).ok()?;
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher.decrypt(&nonce, Payload { msg: sealed, aad }).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatehouse_types::OsRandom;

    fn row(master: &MasterKey, id: &str) -> Wrapped {
        Wrapped { id: id.into(), wrapped: Keyring::new_wrapped(master, id, &OsRandom), generation: 1 }
    }

    fn keyring() -> Keyring {
        let master = MasterKey::from_bytes([7; 32]);
        Keyring::new(Ring::open(&master, &[row(&master, "dk1")]).unwrap(), None, Arc::new(OsRandom))
    }

    const HERE: Binding<'static> = Binding { table: "t", column: "c", row: "r1" };

    #[test]
    fn a_secret_opens_only_in_its_own_place() {
        let ring = keyring();
        let sealed = ring.seal(HERE, &Secret::new("hunter2"));
        assert!(sealed.as_str().starts_with("dk1.") && !sealed.as_str().contains("hunter2"));
        assert_eq!(ring.open_secret(HERE, &sealed).unwrap().expose(), "hunter2");
        for other in
            [Binding { row: "r2", ..HERE }, Binding { column: "d", ..HERE }, Binding { table: "u", ..HERE }]
        {
            assert!(ring.open_secret(other, &sealed).is_err());
        }
    }

    #[test]
    fn a_changed_byte_or_another_key_does_not_open() {
        let ring = keyring();
        let sealed = ring.seal(HERE, &Secret::new("hunter2")).as_str().to_owned();
        for i in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[i] = if bytes[i] == b'A' { b'B' } else { b'A' };
            let changed = Sealed::from_stored(String::from_utf8(bytes).unwrap());
            assert!(ring.open_secret(HERE, &changed).is_err(), "byte {i}");
        }
        assert!(keyring().open_secret(HERE, &Sealed::from_stored(sealed)).is_err());
    }

    #[test]
    fn a_wrong_master_key_is_named() {
        let rows = [row(&MasterKey::from_bytes([7; 32]), "dk1")];
        let wrong = Ring::open(&MasterKey::from_bytes([8; 32]), &rows).err().unwrap();
        assert!(wrong.to_string().contains("GATEHOUSE_MASTER_KEY_FILE"));
    }

    #[test]
    fn the_key_of_the_latest_generation_seals_whatever_its_id_is() {
        let master = MasterKey::from_bytes([7; 32]);
        let rows = [row(&master, "dk9"), Wrapped { generation: 2, ..row(&master, "dk1") }];
        assert_eq!(Ring::open(&master, &rows).unwrap().current.0, "dk1");
    }

    #[test]
    fn a_refusal_names_the_place_and_not_the_content() {
        let ring = keyring();
        let sealed = ring.seal(HERE, &Secret::new("hunter2"));
        let refused = ring.open_secret(Binding { row: "r2", ..HERE }, &sealed).unwrap_err().to_string();
        assert!(refused.contains("t.c, row r2") && !refused.contains(sealed.as_str()), "{refused}");
    }
}
