//! Passwords: argon2id (RFC 9106), never more of them at work at once than the machine bears.

use std::sync::Arc;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use gatehouse_types::{Error, Result, Secret};
use tokio::sync::{OnceCell, Semaphore};

/// Memory of one computation, KiB (OWASP's choice of 46 MiB with 1 pass and 1 lane, as strong as 19 MiB with 2). Blocks
/// over 32 MiB glibc always gives back to the system at once; smaller ones it keeps, and memory grows with every login.
pub const PASSWORD_MEMORY_KIB: u32 = 46 * 1024;
/// Passes over the memory.
const PASSES: u32 = 1;
/// Computations at once; more wait.
const AT_ONCE: usize = 4;
/// The shortest password, in characters (NIST SP 800-63B §5.1.1.2 asks for 8 at least).
pub const MIN_LENGTH: usize = 8;
/// The longest password, in bytes; longer ones would only cost time.
pub const MAX_LENGTH: usize = 1024;

/// A chosen password must stand at least this many of an attacker's best guesses. Common passwords and their plain
/// variations are among the first million.
const MIN_GUESSES: u64 = 1_000_000;

/// Hashes and checks passwords.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
    /// Memory of a new hash, in KiB; an old one says its own.
    memory: u32,
    /// The hash of a password nobody knows: compared with when there is none, so that it takes as long. Made beside the
    /// start, which it would hold up.
    decoy: Arc<OnceCell<String>>,
    unknown: Secret,
}

fn argon2(memory: u32) -> Argon2<'static> {
    let params = Params::new(memory, PASSES, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn compute(password: &Secret, memory: u32) -> Result<String> {
    let hash = argon2(memory).hash_password(password.expose().as_bytes());
    hash.map(|h| h.to_string()).map_err(|e| Error::internal(e.to_string()))
}

fn matches(password: &Secret, hash: &str) -> bool {
    argon2(PASSWORD_MEMORY_KIB).verify_password(password.expose().as_bytes(), hash).is_ok()
}

fn check_length(password: &Secret) -> Result<()> {
    let text = password.expose();
    if text.chars().count() < MIN_LENGTH {
        return Err(Error::validation("password", "The password must have at least 8 characters."));
    }
    if text.len() > MAX_LENGTH {
        return Err(Error::validation("password", "The password must not be longer than 1024 bytes."));
    }
    Ok(())
}

/// Why a password is among those that are tried first; `None` when it is not.
fn too_easy(password: &Secret, about: &[String]) -> Option<&'static str> {
    let text = password.expose();
    let lower = text.to_lowercase();
    if about.iter().any(|a| a.chars().count() >= 4 && lower.trim() == a.to_lowercase()) {
        return Some("The password must not be your name or your e-mail address.");
    }
    let inputs: Vec<&str> = about.iter().map(String::as_str).collect();
    (zxcvbn::zxcvbn(text, &inputs).guesses() < MIN_GUESSES).then_some(
        "This password is one of the first that are tried: a common one, or close to your name. Choose another, \
         for instance four words that have nothing to do with each other.",
    )
}

impl Passwords {
    /// `unknown` is a password nobody knows; its hash is made at once, in the background.
    pub(crate) fn new(unknown: Secret, memory: u32) -> Self {
        let new = Self { permits: Arc::new(Semaphore::new(AT_ONCE)), memory, decoy: Arc::default(), unknown };
        let early = new.clone();
        tokio::spawn(async move {
            if let Err(e) = early.decoy().await {
                tracing::error!(error = ?e, "the decoy hash was not made");
            }
        });
        new
    }

    async fn decoy(&self) -> Result<String> {
        let make = || async {
            let (unknown, memory) = (self.unknown.clone(), self.memory);
            self.at_work(move || compute(&unknown, memory)).await?
        };
        self.decoy.get_or_try_init(make).await.cloned()
    }

    async fn at_work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(Error::internal)?;
        let done = tokio::task::spawn_blocking(move || {
            let _held = permit;
            work()
        });
        done.await.map_err(Error::internal)
    }

    /// The hash of a new password, after checking its length.
    pub(crate) async fn hash(&self, password: Secret) -> Result<String> {
        check_length(&password)?;
        let memory = self.memory;
        self.at_work(move || compute(&password, memory)).await?
    }

    /// The hash of a password that a person chose, after checking that it is none of those tried first: common ones,
    /// what is on the person's card, and plain variations of both (NIST SP 800-63B §3.1.1.2).
    pub(crate) async fn hash_chosen(&self, password: Secret, about: Vec<String>) -> Result<String> {
        check_length(&password)?;
        let chosen = password.clone();
        let refused = self.at_work(move || too_easy(&chosen, &about)).await?;
        if let Some(why) = refused {
            return Err(Error::validation("password", why));
        }
        let memory = self.memory;
        self.at_work(move || compute(&password, memory)).await?
    }

    /// Whether the password is the one of the hash; takes as long when there is no hash.
    pub(crate) async fn verify(&self, password: Secret, hash: Option<String>) -> Result<bool> {
        if password.expose().len() > MAX_LENGTH {
            return Ok(false);
        }
        let decoy = self.decoy().await?;
        self.at_work(move || {
            let known = hash.is_some();
            matches(&password, hash.as_deref().unwrap_or(&decoy)) && known
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_matches_and_nothing_matches_no_hash() {
        let passwords = Passwords::new(Secret::new("decoy-decoy"), PASSWORD_MEMORY_KIB);
        let hash = passwords.hash(Secret::new("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"));
        assert!(passwords.verify(Secret::new("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(Secret::new("correct horsf"), Some(hash)).await.unwrap());
        assert!(!passwords.verify(Secret::new("decoy-decoy"), None).await.unwrap());
    }

    #[test]
    fn common_passwords_and_the_persons_own_name_are_refused_and_phrases_are_not() {
        let about = ["ada.lovelace@lab.test", "ada.lovelace", "Ada Lovelace"].map(str::to_owned);
        for easy in [
            "password",
            "Passw0rd",
            "qwertyuiop",
            "12345678",
            "iloveyou1",
            "letmein123",
            "aaaaaaaa",
            "abcdefgh",
            "Ada Lovelace",
            "ada.lovelace@lab.test",
            "lovelace",
            "trustno1!",
        ] {
            assert!(too_easy(&Secret::new(easy), &about).is_some(), "{easy}");
        }
        for good in ["open-the-gate", "correct horse battery staple", "vK3#pq9Lx", "der Regen fällt auf Wien"]
        {
            assert!(too_easy(&Secret::new(good), &about).is_none(), "{good}");
        }
    }

    #[tokio::test]
    async fn too_short_and_too_long_passwords_are_refused() {
        let passwords = Passwords::new(Secret::new("decoy-decoy"), PASSWORD_MEMORY_KIB);
        assert!(passwords.hash(Secret::new("seven77")).await.is_err());
        assert!(passwords.hash(Secret::new("x".repeat(1025))).await.is_err());
    }
}
