use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::Error;

/// The longest address, in bytes (RFC 5321 §4.5.3.1.3 with its brackets taken off).
const MAX_EMAIL_LEN: usize = 254;
/// The longest local part, in bytes (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_LEN: usize = 64;
/// The longest domain name, in bytes (RFC 1035 §2.3.4 as text).
const MAX_DOMAIN_LEN: usize = 253;

/// An e-mail address in its compared form: lower case, no surrounding space, ASCII.
///
/// Addresses that differ only in case are one person; anything unusual (quotes, comments, non-ASCII look-alikes)
/// is refused rather than guessed at, because an address decides who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the `@`.
    pub fn domain(&self) -> Domain {
        Domain(self.0.rsplit_once('@').map_or("", |(_, d)| d).to_owned())
    }

    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(l, _)| l)
    }

    /// An address read from our own database.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Email {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || Error::validation("email", "This is not an e-mail address.");
        let text = text.trim().to_ascii_lowercase();
        let (local, domain) = text.split_once('@').ok_or_else(refuse)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&b);
        let local_ok = !local.is_empty()
            && local.len() <= MAX_LOCAL_LEN
            && local.bytes().all(plain)
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        if !local_ok || text.len() > MAX_EMAIL_LEN || !is_domain(domain) {
            return Err(refuse());
        }
        Ok(Self(text))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A DNS domain name in its compared form: lower case A-labels, no trailing dot, at least two labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Domain(String);

impl Domain {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name read from our own database.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Domain {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
        if is_domain(&name) {
            Ok(Self(name))
        } else {
            Err(Error::validation("domain", "This is not a domain name. Write it like example.com."))
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_domain(name: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let last_is_a_name = name.rsplit('.').next().is_some_and(|l| !l.bytes().all(|b| b.is_ascii_digit()));
    name.len() <= MAX_DOMAIN_LEN && name.contains('.') && name.split('.').all(label) && last_is_a_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_in_lower_case() {
        let email: Email = " Alice@Example.TEST ".parse().unwrap();
        assert_eq!(email.as_str(), "alice@example.test");
        assert_eq!(email.domain().as_str(), "example.test");
        assert_eq!(email.local_part(), "alice");
    }

    #[test]
    fn odd_addresses_are_refused() {
        for odd in [
            "",
            "a",
            "@b.c",
            "a@b",
            "a@@b.cd",
            "a@b@c.de",
            "\"a b\"@c.de",
            "a..b@c.de",
            "аlice@example.com",
            "a@1.2.3.4",
            "a@-b.de",
            "a@b.de\nBcc: x@y.z",
        ] {
            assert!(odd.parse::<Email>().is_err(), "{odd:?}");
        }
    }

    #[test]
    fn domains_lose_case_and_trailing_dot() {
        assert_eq!("Example.COM.".parse::<Domain>().unwrap().as_str(), "example.com");
        for odd in ["", "com", "a..b", "-a.b", "a_b.c", "http://a.b", "127.0.0.1", "a b.c"] {
            assert!(odd.parse::<Domain>().is_err(), "{odd:?}");
        }
    }
}
