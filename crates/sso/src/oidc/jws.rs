//! Signed tokens in the compact form (RFC 7515): their parts, and the algorithms that count.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey;
use openidconnect::core::CoreJwsSigningAlgorithm as Algorithm;
use serde_json::{Map, Value};

use super::keys::Keys;
use super::{Flaw, MAX_TOKEN, quote};

/// A token's parts; nothing of it is verified.
#[derive(Clone, Debug)]
pub(crate) struct Jws<'a> {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

/// The algorithms that count: each with a private key that only the provider has.
pub(crate) fn allowed() -> [Algorithm; 9] {
    [
        Algorithm::RsaSsaPkcs1V15Sha256,
        Algorithm::RsaSsaPkcs1V15Sha384,
        Algorithm::RsaSsaPkcs1V15Sha512,
        Algorithm::RsaSsaPssSha256,
        Algorithm::RsaSsaPssSha384,
        Algorithm::RsaSsaPssSha512,
        Algorithm::EcdsaP256Sha256,
        Algorithm::EcdsaP384Sha384,
        Algorithm::EdDsa,
    ]
}

/// Their names (RFC 7518 §3.1, RFC 8037 §3.1).
pub(crate) const NAMES: [&str; 9] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

fn part(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

impl<'a> Jws<'a> {
    /// Takes a token apart; `None` when it is no compact JWS with claims.
    pub(crate) fn parse(token: &'a str) -> Option<Self> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        Some(Self {
            header: part(header)?,
            claims: part(claims)?,
            signed,
            signature: BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// The id of the key that it says to be signed with.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// The name of the algorithm.
    pub(crate) fn algorithm_name(&self) -> &str {
        self.header.get("alg").and_then(Value::as_str).unwrap_or_default()
    }

    /// The algorithm, when it counts.
    ///
    /// # Errors
    /// `algorithm_refused` for `none`, for every symmetric one, and for what is unknown.
    pub(crate) fn algorithm(&self) -> Result<Algorithm, Flaw> {
        let name = self.algorithm_name();
        let found = NAMES.iter().position(|n| *n == name).and_then(|at| allowed().into_iter().nth(at));
        found.ok_or_else(|| {
            let why = match name {
                "none" => "The token is not signed (alg none).".to_owned(),
                hs if hs.starts_with("HS") => format!(
                    "The token is signed with {}, for which everybody who knows the client secret, or takes a public \
                     key for one, can make a signature.",
                    quote(hs)
                ),
                other => format!("The token's algorithm is “{}”.", quote(other)),
            };
            Flaw::new("algorithm_refused", "algorithm", format!("{why} Accepted are: {}.", NAMES.join(", ")))
        })
    }

    /// Verifies the signature with one of the provider's keys.
    ///
    /// # Errors
    /// `algorithm_refused`, `key_unknown`, `key_refused`, `signature_invalid`.
    pub(crate) fn verify(&self, keys: &Keys) -> Result<(), Flaw> {
        let algorithm = self.algorithm()?;
        let mut any = false;
        for key in keys.of_id(self.kid()) {
            any = true;
            if key.verify_signature(&algorithm, self.signed.as_bytes(), &self.signature).is_ok() {
                return Ok(());
            }
        }
        Err(if any { signature_invalid() } else { no_key(self.kid(), keys) })
    }
}

/// No key of the provider made the signature.
pub(crate) fn signature_invalid() -> Flaw {
    let detail = "The token's signature does not come from the provider's key, or the token was changed.";
    Flaw::new("signature_invalid", "signature", detail)
}

/// The key that a token names is not there, or must not be used.
pub(crate) fn no_key(kid: Option<&str>, keys: &Keys) -> Flaw {
    let name = kid.map_or_else(|| "without an id".to_owned(), |kid| format!("“{}”", quote(kid)));
    match keys.refused(kid) {
        Some(why) => Flaw::new(
            "key_refused",
            "signature",
            format!("The provider's key {name} must not be used: it {why}."),
        ),
        None => {
            let detail =
                format!("The token is signed with the key {name}, which is not among the provider's.");
            Flaw::new("key_unknown", "signature", detail)
        }
    }
}
