//! The master key's file, and the one beside it while it is being rotated.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatehouse_types::Random;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{DataKey, KEY_LEN, decrypt, encrypt};
use crate::{Error, Result, files};

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
                    "the master key file {} is missing, and what is stored was sealed with it; put its copy back, or name \
                     it with master_key_file (GATEHOUSE_MASTER_KEY_FILE)",
                    path.display()
                ))
            })?;
            let mut bytes = Zeroizing::new([0u8; KEY_LEN]);
            random.fill(&mut *bytes);
            let text = Zeroizing::new(format!("{}\n", STANDARD.encode(*bytes)));
            files::write_new_private(path, text.as_bytes())?;
        }
        let text =
            Zeroizing::new(fs::read_to_string(path).map_err(|e| {
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

    /// What names the key without telling it: the first 16 digits of a SHA-256. Rows of `data_keys` and backups say
    /// with it which key they need.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"gatehouse:master-key:");
        hash.update(self.0);
        gatehouse_types::hex(&hash.finalize()).chars().take(16).collect()
    }

    pub(super) fn wrap(&self, id: &str, key: &DataKey, random: &dyn Random) -> String {
        encrypt(&self.0, key.0.as_slice(), wrapping(id).as_bytes(), random)
    }

    pub(super) fn unwrap_key(&self, id: &str, wrapped: &str) -> Result<DataKey> {
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

/// Where the master key lies, and where the next one waits while the old one is still in use.
#[derive(Clone, Debug)]
pub(crate) struct KeyFile(PathBuf);

impl KeyFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.0.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    }

    /// The file of the next key.
    pub(crate) fn next(&self) -> PathBuf {
        self.beside(".next")
    }

    /// The next key: the one an earlier, broken-off rotation left (or an operator put there), else a new one.
    pub(crate) fn make_next(&self, random: &dyn Random) -> Result<MasterKey> {
        let key = MasterKey::load(&self.next(), Some(random))?;
        self.sync_directory()?;
        Ok(key)
    }

    /// Of the key and the next key, the one that fits. A next key that fits is the master key already: the rotation
    /// was broken off before the file was put into its place.
    pub(crate) fn find<T>(&self, fits: impl Fn(&MasterKey) -> Result<T>) -> Result<(MasterKey, T, bool)> {
        let first =
            MasterKey::load(&self.0, None).and_then(|key| fits(&key).map(|found| (key, found, false)));
        let Err(why) = first else { return first };
        if !self.next().exists() {
            return Err(why);
        }
        match MasterKey::load(&self.next(), None).and_then(|key| fits(&key).map(|found| (key, found, true))) {
            Ok(found) => Ok(found),
            Err(_) => Err(why),
        }
    }

    /// Puts the next key (with the fingerprint `new`) in the place of the old one, which stays beside it for the backups
    /// of its time. Done before or half-way, it does what is left.
    ///
    /// Returns the file of the old key.
    pub(crate) fn promote(&self, old: &str, new: &str) -> Result<PathBuf> {
        let kept = self.beside(&format!(".old-{old}"));
        let failed = |e: std::io::Error| {
            Error::File(format!("cannot put {} in its place: {e}", self.next().display()))
        };
        let is = |path: &Path, fingerprint: &str| {
            path.exists() && MasterKey::load(path, None).is_ok_and(|key| key.fingerprint() == fingerprint)
        };
        if is(&self.0, old) && !kept.exists() {
            fs::hard_link(&self.0, &kept).map_err(failed)?;
            self.sync_directory()?;
        }
        if !is(&self.0, new) {
            if !is(&self.next(), new) {
                return Err(Error::File(format!(
                    "neither {} nor {} holds the master key {new} that the database is sealed with now; put it there",
                    self.0.display(),
                    self.next().display()
                )));
            }
            match fs::rename(self.next(), &self.0) {
                // another run was faster
                Err(e) if e.kind() == std::io::ErrorKind::NotFound && is(&self.0, new) => {}
                other => other.map_err(failed)?,
            }
            self.sync_directory()?;
        }
        Ok(kept)
    }

    /// Names in a directory are on the disk only when the directory is.
    fn sync_directory(&self) -> Result<()> {
        let parent = self.0.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        fs::File::open(parent).and_then(|directory| directory.sync_all()).map_err(|e| {
            Error::File(format!("cannot write the directory {} to the disk: {e}", parent.display()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatehouse_types::OsRandom;

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

    fn with_fingerprint(wanted: String) -> impl Fn(&MasterKey) -> Result<()> {
        move |key| if key.fingerprint() == wanted { Ok(()) } else { Err(Error::Unsealable("x".into())) }
    }

    #[test]
    fn the_next_key_takes_its_place_from_every_half_way_state() {
        for broken_off_after in 0..3 {
            let dir = tempfile::tempdir().unwrap();
            let file = KeyFile::new(dir.path().join("master.key"));
            let old = MasterKey::load(file.path(), Some(&OsRandom)).unwrap().fingerprint();
            let next = file.make_next(&OsRandom).unwrap().fingerprint();
            assert_eq!(
                file.make_next(&OsRandom).unwrap().fingerprint(),
                next,
                "a second run takes the same key"
            );
            assert!(!file.find(with_fingerprint(old.clone())).unwrap().2);
            if broken_off_after >= 1 {
                fs::hard_link(file.path(), dir.path().join(format!("master.key.old-{old}"))).unwrap();
            }
            if broken_off_after >= 2 {
                fs::rename(file.next(), file.path()).unwrap();
            } else {
                assert!(file.find(with_fingerprint(next.clone())).unwrap().2, "the next key is found beside");
            }
            let kept = file.promote(&old, &next).unwrap();
            assert_eq!(MasterKey::load(&kept, None).unwrap().fingerprint(), old);
            assert_eq!(MasterKey::load(file.path(), None).unwrap().fingerprint(), next);
            assert!(!file.next().exists());
            file.promote(&old, &next).unwrap();
            assert_eq!(MasterKey::load(file.path(), None).unwrap().fingerprint(), next);
        }
    }
}
