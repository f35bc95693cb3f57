//! The text of a key: `gh_`, 40 random characters, 6 of a checksum. Scanners find it by its beginning; typing errors are
//! told from keys without asking anybody.

use aws_lc_rs::digest as lc;
use gatehouse_types::{Random, Secret, hex};
use zeroize::Zeroizing;

/// What every key begins with.
pub(crate) const PREFIX: &str = "gh_";
/// Random characters of a key: 40 of 62 letters and digits, 238 bits.
const RANDOM_LEN: usize = 40;
/// Characters of the checksum: the CRC-32 of the random ones, in base 62.
const CHECKSUM_LEN: usize = 6;
/// The length of a key, in bytes.
pub(crate) const KEY_LEN: usize = PREFIX.len() + RANDOM_LEN + CHECKSUM_LEN;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The SHA-256 of a key, the form in which it is kept.
pub type KeyDigest = [u8; 32];

/// A text that has the shape of a key, its checksum included. Whether it is one is not said yet.
#[derive(Clone, Copy)]
pub(crate) struct KeyText<'a>(&'a str);

impl<'a> KeyText<'a> {
    /// Reads a text; `None` when it cannot be a key.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if text.len() != KEY_LEN {
            return None;
        }
        let rest = text.strip_prefix(PREFIX)?;
        if !rest.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let (random, sum) = rest.split_at_checked(RANDOM_LEN)?;
        (checksum(random.as_bytes()) == sum.as_bytes()).then_some(Self(text))
    }

    /// Its digest.
    pub(crate) fn digest(self) -> KeyDigest {
        let digest = lc::digest(&lc::SHA256, self.0.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        bytes
    }
}

/// A key that was just made; it exists in this form only until it was told.
pub struct FreshKey {
    /// The key.
    pub text: Secret,
    /// Its SHA-256.
    pub digest: KeyDigest,
    /// What is shown of it from then on: its end, which is of the checksum.
    pub masked: String,
}

impl std::fmt::Debug for FreshKey {
    /// Shows no key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked)
    }
}

/// The SHA-256 of a text in hex, as digests of keys are stored; `None` when it has not the shape of a key.
pub fn key_digest(text: &str) -> Option<String> {
    KeyText::parse(text).map(|key| stored(&key.digest()))
}

/// Makes a key.
pub fn fresh(random: &dyn Random) -> FreshKey {
    let mut text = Zeroizing::new(String::with_capacity(KEY_LEN));
    text.push_str(PREFIX);
    let mut pool = Zeroizing::new([0u8; 64]);
    while text.len() < PREFIX.len() + RANDOM_LEN {
        random.fill(&mut *pool);
        // 248 = 4 · 62: above it the remainder would prefer some characters
        let fair = pool.iter().filter(|b| **b < 248).map(|b| ALPHABET[usize::from(b % 62)] as char);
        let missing = PREFIX.len() + RANDOM_LEN - text.len();
        text.extend(fair.take(missing));
    }
    let sum = checksum(&text.as_bytes()[PREFIX.len()..]);
    text.extend(sum.iter().map(|b| *b as char));
    let digest = KeyText(&text).digest();
    let masked = format!("{PREFIX}…{}", &text[KEY_LEN - 4..]);
    FreshKey { text: Secret::new(text.as_str()), digest, masked }
}

fn checksum(random: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut rest = crc32fast::hash(random);
    let mut out = [b'0'; CHECKSUM_LEN];
    for place in out.iter_mut().rev() {
        *place = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    out
}

/// A digest as it is stored.
pub fn stored(digest: &KeyDigest) -> String {
    hex(digest)
}

/// A digest of its stored form; `None` for anything else.
pub(crate) fn from_stored(text: &str) -> Option<KeyDigest> {
    let text = text.as_bytes();
    if text.len() != 64 {
        return None;
    }
    let nibble = |b: u8| char::from(b).to_digit(16);
    let mut out = [0; 32];
    for (place, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *place = u8::try_from(nibble(pair[0])? * 16 + nibble(pair[1])?).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use gatehouse_types::OsRandom;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fresh_key_has_the_shape_of_one_and_shows_its_checksum_alone() {
        let key = fresh(&OsRandom);
        let text = key.text.expose();
        assert_eq!(text.len(), 49);
        assert_eq!(KeyText::parse(text).unwrap().digest(), key.digest);
        assert_eq!(key.masked, format!("gh_…{}", &text[45..]));
        assert_ne!(fresh(&OsRandom).digest, key.digest);
        assert_eq!(from_stored(&stored(&key.digest)), Some(key.digest));
    }

    #[test]
    fn every_typing_error_in_one_place_is_seen() {
        let key = fresh(&OsRandom);
        let text = key.text.expose();
        for place in 0..KEY_LEN {
            let mut wrong = text.as_bytes().to_vec();
            wrong[place] = if wrong[place] == b'x' { b'y' } else { b'x' };
            assert!(KeyText::parse(std::str::from_utf8(&wrong).unwrap()).is_none(), "{place}");
        }
        assert!(KeyText::parse(&text[..48]).is_none() && KeyText::parse("").is_none());
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,60}") {
            let _ = KeyText::parse(&text);
            let _ = from_stored(&text);
        }
    }
}
