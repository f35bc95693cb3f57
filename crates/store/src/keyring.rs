//! Secrets at rest: sealed with XChaCha20-Poly1305 under a data key, the data key wrapped by the master key.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use gatehouse_types::{Random, Secret};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{Error, Result, files};

const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 24;

/// The key that wraps the data keys; it lives in a file of its own, outside the database.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; KEY_LEN]);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey")
    }
}

impl MasterKey {
    /// Reads the key file; makes one from `random` when that is given and there is none.
    ///
    /// # Errors
    /// `File`, when it is missing, when others can read it, or when it does not hold 32 bytes in base64.
    pub fn load(path: &Path, random: Option<&dyn Random>) -> Result<Self> {
        files::require_private(path)?;
        if !path.exists() {
            let random = random.ok_or_else(|| {
                Error::File(format!(
                    "the master key file {} is missing, and this database was sealed with it; put its copy back, or name \
                     it with master_key_file (GATEHOUSE_MASTER_KEY_FILE)",
                    path.display()
                ))
            })?;
            let mut bytes = Zeroizing::new([0u8; KEY_LEN]);
            random.fill(&mut *bytes);
            files::write_new_private(path, format!("{}\n", STANDARD.encode(*bytes)).as_bytes())?;
        }
        let text =
            Zeroizing::new(std::fs::read_to_string(path).map_err(|e| {
                Error::File(format!("cannot read the master key file {}: {e}", path.display()))
            })?);
        let bytes = STANDARD.decode(text.trim()).map(Zeroizing::new).ok();
        let key = bytes.and_then(|b| <[u8; KEY_LEN]>::try_from(b.as_slice()).ok());
        key.map(Self).ok_or_else(|| {
            Error::File(format!("the master key file {} does not hold 32 bytes in base64", path.display()))
        })
    }

    /// A key of the given bytes, for tests.
    pub fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }

    fn wrap(&self, id: &str, key: &DataKey, random: &dyn Random) -> String {
        encrypt(&self.0, key.0.as_slice(), wrapping(id).as_bytes(), random)
    }

    fn unwrap_key(&self, id: &str, wrapped: &str) -> Result<DataKey> {
        let bytes = decrypt(&self.0, wrapped, wrapping(id).as_bytes()).ok_or_else(|| {
            Error::Unsealable(format!("data key {id} (this is not the master key it was sealed with: see master_key_file, GATEHOUSE_MASTER_KEY_FILE)"))
        })?;
        let key = <[u8; KEY_LEN]>::try_from(bytes.as_slice());
        key.map(|k| DataKey(Zeroizing::new(k))).map_err(|_| Error::Unsealable(format!("data key {id}")))
    }
}

fn wrapping(id: &str) -> String {
    format!("data_keys:wrapped:{id}")
}

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

/// The open data keys of one application.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    keys: BTreeMap<String, DataKey>,
    /// The key that seals, with its id.
    current: (String, DataKey),
    random: gatehouse_types::SharedRandom,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring")
    }
}

impl Keyring {
    /// Opens the wrapped data keys, the one with the latest id seals.
    pub(crate) fn open(
        master: &MasterKey,
        wrapped: &[(String, String)],
        random: gatehouse_types::SharedRandom,
    ) -> Result<Self> {
        let mut keys = BTreeMap::new();
        for (id, text) in wrapped {
            keys.insert(id.clone(), master.unwrap_key(id, text)?);
        }
        let current = keys.iter().next_back().map(|(id, key)| (id.clone(), key.clone()));
        let current = current.ok_or_else(|| Error::Unsealable("the keyring (it has no data key)".into()))?;
        Ok(Self(Arc::new(Inner { keys, current, random })))
    }

    /// A new data key, wrapped for the database.
    pub(crate) fn new_wrapped(master: &MasterKey, id: &str, random: &dyn Random) -> String {
        let mut key = Zeroizing::new([0u8; KEY_LEN]);
        random.fill(&mut *key);
        master.wrap(id, &DataKey(key), random)
    }

    /// A key for another purpose (signing cookies), the same on every server of this database.
    pub fn derive(&self, purpose: &str) -> [u8; KEY_LEN] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.0.current.1.0);
        let tag = hmac::sign(&key, format!("gatehouse:{purpose}").as_bytes());
        let mut derived = [0u8; KEY_LEN];
        derived.copy_from_slice(tag.as_ref());
        derived
    }

    /// Seals bytes for one place.
    pub fn seal_bytes(&self, place: Binding<'_>, plain: &[u8]) -> Sealed {
        let (id, key) = &self.0.current;
        Sealed(format!("{id}.{}", encrypt(&key.0, plain, &place.associated_data(), &*self.0.random)))
    }

    /// Seals a secret for one place.
    pub fn seal(&self, place: Binding<'_>, secret: &Secret) -> Sealed {
        self.seal_bytes(place, secret.expose().as_bytes())
    }

    /// Opens what was sealed for this very place.
    ///
    /// # Errors
    /// `Unsealable`, when the key is missing, the place is another, or a byte was changed.
    pub fn open_bytes(&self, place: Binding<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>> {
        let refuse = || Error::Unsealable(format!("{}.{}", place.table, place.column));
        let (id, text) = sealed.0.split_once('.').ok_or_else(refuse)?;
        let key = self.0.keys.get(id).ok_or_else(refuse)?;
        decrypt(&key.0, text, &place.associated_data()).ok_or_else(refuse)
    }

    /// Opens a secret that was sealed for this very place.
    ///
    /// # Errors
    /// `Unsealable`, as [`Keyring::open_bytes`].
    pub fn open_secret(&self, place: Binding<'_>, sealed: &Sealed) -> Result<Secret> {
        let bytes = self.open_bytes(place, sealed)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Error::Unsealable(format!("{}.{}", place.table, place.column)))?;
        Ok(Secret::new(text))
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

    fn keyring() -> Keyring {
        let master = MasterKey::from_bytes([7; 32]);
        let wrapped = Keyring::new_wrapped(&master, "dk1", &OsRandom);
        Keyring::open(&master, &[("dk1".into(), wrapped)], Arc::new(OsRandom)).unwrap()
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
        for i in 4..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[i] = if bytes[i] == b'A' { b'B' } else { b'A' };
            let changed = Sealed::from_stored(String::from_utf8(bytes).unwrap());
            assert!(ring.open_secret(HERE, &changed).is_err(), "byte {i}");
        }
        assert!(keyring().open_secret(HERE, &Sealed::from_stored(sealed)).is_err());
    }

    #[test]
    fn a_wrong_master_key_is_named() {
        let wrapped = Keyring::new_wrapped(&MasterKey::from_bytes([7; 32]), "dk1", &OsRandom);
        let wrong =
            Keyring::open(&MasterKey::from_bytes([8; 32]), &[("dk1".into(), wrapped)], Arc::new(OsRandom));
        assert!(wrong.unwrap_err().to_string().contains("GATEHOUSE_MASTER_KEY_FILE"));
    }

    #[test]
    fn a_key_file_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        MasterKey::load(&path, Some(&OsRandom)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = MasterKey::load(&path, Some(&OsRandom)).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }
}
