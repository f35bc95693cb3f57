//! The judgement of an ID token (OpenID Connect Core 1.0 §3.1.3.7), check by check. The signature is always verified,
//! also where TLS alone would do (code flow).

use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

use gatehouse_store::decisions::Reason;
use gatehouse_types::Timestamp;
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError as Wrong, ClientId, IssuerUrl, Nonce,
    SignatureVerificationError as Unsigned,
};
use serde_json::{Map, Value};

use super::jws::{Jws, allowed, no_key, signature_invalid};
use super::keys::Keys;
use super::{CLOCK_SKEW_SECONDS, Flaw, MAX_TOKEN, quote};

/// The longest subject, in bytes (Core §2: 255 ASCII characters).
const MAX_SUBJECT: usize = 255;

/// What is expected of an ID token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    /// The access token that came along.
    pub(crate) access_token: &'a str,
    pub(crate) now: Timestamp,
}

/// A verified ID token.
#[derive(Clone, Debug)]
pub(crate) struct IdToken {
    pub(crate) subject: String,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) claims: Map<String, Value>,
}

/// The checks that passed, then the outcome.
pub(crate) struct Judged {
    pub(crate) checks: Vec<Reason>,
    pub(crate) outcome: Result<IdToken, Flaw>,
}

/// The checks in the order in which they are made.
const ORDER: [&str; 7] = ["algorithm", "issuer", "audience", "signature", "expiry", "nonce", "issue time"];

/// Judges a token.
pub(crate) fn judge(token: &str, keys: &Keys, expected: Expected<'_>) -> Judged {
    let mut checks = Vec::new();
    let outcome = run(token, keys, expected, &mut checks);
    Judged { checks, outcome }
}

fn run(token: &str, keys: &Keys, e: Expected<'_>, checks: &mut Vec<Reason>) -> Result<IdToken, Flaw> {
    let jws = Jws::parse(token).ok_or_else(|| {
        let detail = format!("What the provider sent is no signed JWT of at most {MAX_TOKEN} bytes.");
        Flaw::new("token_malformed", "token", detail)
    })?;
    jws.algorithm()?;
    let read = CoreIdToken::from_str(token).map_err(|why| {
        let detail = format!("The ID token cannot be read: {}", quote(&why.to_string()));
        Flaw::new("token_malformed", "token", detail)
    })?;
    let issuer = IssuerUrl::new(e.issuer.to_owned()).map_err(|_| issuer_mismatch(&jws, e.issuer))?;
    let allowed_time = e.now.plus_seconds(-CLOCK_SKEW_SECONDS);
    let at = UNIX_EPOCH + Duration::from_micros(u64::try_from(allowed_time.micros()).unwrap_or_default());
    let verifier =
        CoreIdTokenVerifier::new_public_client(ClientId::new(e.client_id.to_owned()), issuer, keys.set())
            .set_allowed_algs(allowed())
            // further audiences are judged below, with the authorized party
            .set_other_audience_verifier_fn(|_| true)
            .set_time_fn(move || at.into());
    let nonce = Nonce::new(e.nonce.to_owned());
    let verified = read.claims(&verifier, &nonce);
    let failed = verified.as_ref().err().map(|wrong| flaw_of(wrong, &jws, keys, e));
    for check in ORDER.iter().take(6) {
        match &failed {
            Some(flaw) if flaw.check == *check => return Err(flaw.clone()),
            // the library's checks stand in the same order
            _ => checks.push(Reason::passed(*check, passed(check, &jws, e))),
        }
    }
    if let Some(flaw) = failed {
        checks.clear();
        return Err(flaw);
    }
    let claims = verified.map_err(|_| signature_invalid())?;
    // the library compares addresses; the standard demands the same text
    if claims.issuer().as_str() != e.issuer || jws.claims.get("iss").and_then(Value::as_str) != Some(e.issuer)
    {
        return Err(issuer_mismatch(&jws, e.issuer));
    }
    let issued_at = Timestamp::from_micros(claims.issue_time().timestamp_micros());
    if issued_at > e.now.plus_seconds(CLOCK_SKEW_SECONDS) {
        let detail = format!("The ID token is of the future: issued at {issued_at}, now it is {}.", e.now);
        return Err(Flaw::new("issued_in_future", "issue time", detail));
    }
    checks.push(Reason::passed("issue time", passed("issue time", &jws, e)));
    authorized_party(&jws, e.client_id, checks)?;
    if let Some(hash) = claims.access_token_hash() {
        let found = read.signing_alg().ok().zip(read.signing_key(&verifier).ok()).and_then(|(alg, key)| {
            AccessTokenHash::from_token(&AccessToken::new(e.access_token.to_owned()), alg, key).ok()
        });
        if found.as_ref() != Some(hash) {
            let detail = "at_hash of the ID token is not the hash of the access token that came along.";
            return Err(Flaw::new("access_token_mismatch", "access token", detail));
        }
        checks.push(Reason::passed("access token", "at_hash fits the access token."));
    }
    let subject = claims.subject().as_str().to_owned();
    if subject.is_empty() || subject.len() > MAX_SUBJECT {
        let detail = format!("The subject (sub) must have between 1 and {MAX_SUBJECT} characters.");
        return Err(Flaw::new("subject_invalid", "subject", detail));
    }
    let expires_at = Timestamp::from_micros(claims.expiration().timestamp_micros());
    Ok(IdToken { subject, issued_at, expires_at, claims: jws.claims })
}

fn issuer_mismatch(jws: &Jws<'_>, expected: &str) -> Flaw {
    let found = jws.claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    let detail = format!("The ID token is of the issuer “{}”, not of “{}”.", quote(found), quote(expected));
    Flaw::new("issuer_mismatch", "issuer", detail)
}

/// The audiences of a token, whether it names one or several.
pub(crate) fn audiences(claims: &Map<String, Value>) -> Vec<&str> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// With several audiences the authorized party must be named, and it must be us whenever it is (Core §3.1.3.7, 4 and 5).
fn authorized_party(jws: &Jws<'_>, client_id: &str, checks: &mut Vec<Reason>) -> Result<(), Flaw> {
    let several = audiences(&jws.claims).len() > 1;
    match jws.claims.get("azp").map(|azp| azp.as_str().unwrap_or_default()) {
        Some(azp) if azp == client_id => {
            checks.push(Reason::passed("authorized party", "It is our client id."));
            Ok(())
        }
        Some(azp) => {
            let detail = format!("The ID token was made for the client “{}” (azp), not for us.", quote(azp));
            Err(Flaw::new("authorized_party_mismatch", "authorized party", detail))
        }
        None if several => {
            let detail = "The ID token names several audiences and not for which of them it was made (azp).";
            Err(Flaw::new("authorized_party_mismatch", "authorized party", detail))
        }
        None => Ok(()),
    }
}

/// What a passed check found.
fn passed(check: &str, jws: &Jws<'_>, e: Expected<'_>) -> String {
    match check {
        "algorithm" => format!("The ID token is signed with {}.", quote(jws.algorithm_name())),
        "issuer" => format!("The issuer is {}.", quote(e.issuer)),
        "audience" => format!("The ID token is made for our client id {}.", quote(e.client_id)),
        "signature" => match jws.kid() {
            Some(kid) => format!("The provider's key “{}” verifies the signature.", quote(kid)),
            None => "A key of the provider verifies the signature.".to_owned(),
        },
        "expiry" => "The ID token has not expired.".to_owned(),
        "nonce" => "The nonce is the one of this sign-in.".to_owned(),
        _ => "The ID token is not of the future.".to_owned(),
    }
}

/// The library's refusal in our words.
fn flaw_of(wrong: &Wrong, jws: &Jws<'_>, keys: &Keys, e: Expected<'_>) -> Flaw {
    let words = |wrong: &dyn std::fmt::Display| quote(&wrong.to_string());
    match wrong {
        Wrong::InvalidIssuer(_) => issuer_mismatch(jws, e.issuer),
        Wrong::InvalidAudience(_) => {
            let found = audiences(&jws.claims).iter().map(|a| quote(a)).collect::<Vec<_>>().join(", ");
            let detail = format!(
                "The ID token is made for “{found}”, not for our client id “{}”.",
                quote(e.client_id)
            );
            Flaw::new("audience_mismatch", "audience", detail)
        }
        Wrong::Expired(_) => {
            let until = jws.claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
            let until = Timestamp::from_micros(until.saturating_mul(1_000_000));
            Flaw::new("expired", "expiry", format!("The ID token expired at {until}, now it is {}.", e.now))
        }
        Wrong::InvalidNonce(_) => {
            let detail = "The nonce of the ID token is missing or not the one of this sign-in: the token was made for \
                          another one.";
            Flaw::new("nonce_mismatch", "nonce", detail)
        }
        Wrong::SignatureVerification(Unsigned::NoMatchingKey) => no_key(jws.kid(), keys),
        Wrong::SignatureVerification(Unsigned::AmbiguousKeyId(_)) => {
            let detail = "The ID token names no key, and the provider has several that may have signed it.";
            Flaw::new("key_ambiguous", "signature", detail)
        }
        Wrong::SignatureVerification(
            why @ (Unsigned::NoSignature | Unsigned::DisallowedAlg(_) | Unsigned::UnsupportedAlg(_)),
        ) => Flaw::new("algorithm_refused", "algorithm", words(why)),
        Wrong::SignatureVerification(_) => signature_invalid(),
        other => {
            Flaw::new("token_malformed", "token", format!("The ID token cannot be used: {}", words(other)))
        }
    }
}
