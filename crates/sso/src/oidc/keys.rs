//! The provider's keys (RFC 7517): those that may verify a signature, and why others may not.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey;
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet};
use serde_json::Value;

use super::{Flaw, quote};

/// The check that a key set stands for.
const CHECK: &str = "keys";
/// Keys of one set that are read at most.
const MAX_KEYS: usize = 100;
/// RSA moduli, in bits: the shortest that counts as strong (NIST SP 800-131A), and the longest that the library computes with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// The keys of a provider.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    usable: Vec<CoreJsonWebKey>,
    /// Keys that are in the set and do not count: their ids, and why.
    refused: Vec<(Option<String>, &'static str)>,
    /// The ids of keys that are for one issuer alone, each with that issuer or its template; Microsoft says so.
    issuers: Vec<(String, String)>,
}

impl Keys {
    /// Reads a key set.
    ///
    /// # Errors
    /// `jwks_invalid` when it is none, or holds no key that may verify a signature.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Flaw> {
        let invalid = |why: String| {
            Flaw::new("jwks_invalid", CHECK, format!("The provider's keys cannot be used: {why}"))
        };
        let set: Value = serde_json::from_slice(body).map_err(|e| invalid(quote(&e.to_string())))?;
        let listed =
            set.get("keys").and_then(Value::as_array).ok_or_else(|| invalid("“keys” is no list.".into()))?;
        let mut keys = Self::default();
        for key in listed.iter().take(MAX_KEYS) {
            let text = |name: &str| key.get(name).and_then(Value::as_str);
            if text("use").is_some_and(|u| u != "sig") {
                continue;
            }
            if let (Some(kid), Some(issuer)) = (text("kid"), text("issuer")) {
                keys.issuers.push((kid.to_owned(), issuer.to_owned()));
            }
            match unfit(key)
                .map_or_else(|| serde_json::from_value(key.clone()).map_err(|_| "cannot be read"), Err)
            {
                Ok(key) => keys.usable.push(key),
                Err(why) => keys.refused.push((text("kid").map(str::to_owned), why)),
            }
        }
        if keys.usable.is_empty() {
            let why = keys.refused.first().map_or("there is none for signatures", |(_, why)| why);
            return Err(invalid(format!("no key counts; the first one {why}.")));
        }
        Ok(keys)
    }

    /// How many keys count.
    pub(crate) fn count(&self) -> usize {
        self.usable.len()
    }

    /// Why the key of an id does not count, if it is there.
    pub(crate) fn refused(&self, kid: Option<&str>) -> Option<&'static str> {
        self.refused.iter().find(|(id, _)| id.as_deref() == kid).map(|(_, why)| *why)
    }

    /// The issuer that a key is for, when its set says.
    pub(crate) fn issuer_of(&self, kid: &str) -> Option<&str> {
        self.issuers.iter().find(|(id, _)| id == kid).map(|(_, issuer)| issuer.as_str())
    }

    /// The keys that may carry this id; all when a message names none.
    pub(crate) fn of_id(&self, kid: Option<&str>) -> impl Iterator<Item = &CoreJsonWebKey> {
        let named =
            move |key: &&CoreJsonWebKey| kid.is_none_or(|kid| key.key_id().is_some_and(|k| **k == kid));
        self.usable.iter().filter(named)
    }

    /// The keys as the library takes them.
    pub(crate) fn set(&self) -> CoreJsonWebKeySet {
        CoreJsonWebKeySet::new(self.usable.clone())
    }
}

/// Why a key must not verify anything; `None` for a sound one.
fn unfit(key: &Value) -> Option<&'static str> {
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
    match (text("kty"), text("crv")) {
        ("RSA", _) => {
            let modulus = BASE64_URL_SAFE_NO_PAD.decode(text("n").trim_end_matches('=')).unwrap_or_default();
            let bits = bits(&modulus);
            match bits {
                0 => Some("has no modulus"),
                bits if bits < *RSA_BITS.start() => Some("is an RSA key of less than 2048 bits"),
                bits if bits > *RSA_BITS.end() => Some("is an RSA key of more than 4096 bits"),
                _ => None,
            }
        }
        ("EC", "P-256" | "P-384") | ("OKP", "Ed25519") => None,
        ("oct", _) => Some("is symmetric: whoever can read it can sign with it"),
        _ => Some("is of a kind that is not supported"),
    }
}

fn bits(big_endian: &[u8]) -> usize {
    let rest: &[u8] = &big_endian[big_endian.iter().take_while(|b| **b == 0).count()..];
    rest.first().map_or(0, |top| rest.len() * 8 - top.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rsa(bytes: usize, kid: &str) -> Value {
        let mut modulus = vec![0xFF; bytes];
        modulus[bytes - 1] = 1;
        json!({"kty": "RSA", "kid": kid, "e": "AQAB", "n": BASE64_URL_SAFE_NO_PAD.encode(modulus)})
    }

    #[test]
    fn r025_symmetric_and_weak_keys_are_refused_and_it_is_said_why() {
        let set = json!({"keys": [rsa(256, "good"), rsa(128, "weak"), {"kty": "oct", "kid": "shared", "k": "AAAA"},
            {"kty": "EC", "crv": "P-521", "kid": "odd"}, {"kty": "RSA", "use": "enc", "kid": "enc"}]});
        let keys = Keys::read(set.to_string().as_bytes()).unwrap();
        assert_eq!(keys.count(), 1);
        assert!(keys.refused(Some("weak")).unwrap().contains("2048"));
        assert!(keys.refused(Some("shared")).unwrap().contains("symmetric"));
        assert!(keys.refused(Some("odd")).is_some() && keys.refused(Some("good")).is_none());
        assert_eq!(keys.of_id(Some("good")).count(), 1);
        assert_eq!(keys.of_id(Some("weak")).count(), 0);
        assert_eq!(keys.of_id(None).count(), 1);
    }

    #[test]
    fn a_set_without_a_key_that_counts_is_none() {
        for set in [json!({"keys": []}), json!({}), json!({"keys": [rsa(128, "weak")]}), json!([])] {
            assert_eq!(Keys::read(set.to_string().as_bytes()).unwrap_err().code, "jwks_invalid", "{set}");
        }
    }
}
