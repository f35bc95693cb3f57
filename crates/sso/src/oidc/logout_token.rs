//! The judgement of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.6).

use gatehouse_store::decisions::Reason;
use gatehouse_types::Timestamp;
use serde_json::Value;

use super::id_token::audiences;
use super::jws::Jws;
use super::keys::Keys;
use super::{CLOCK_SKEW_SECONDS, Flaw, quote};

/// The event that makes a token one for logout.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How old a token may be that does not say when it expires, in seconds.
const MAX_AGE_SECONDS: i64 = 300;
/// The longest id, subject or session id, in bytes.
const MAX_TEXT: usize = 255;

/// A verified logout token: whose session ends, or which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogoutToken {
    pub(crate) id: String,
    pub(crate) subject: Option<String>,
    pub(crate) session: Option<String>,
    /// From when on no clock accepts it any more.
    pub(crate) until: Timestamp,
}

/// Judges a token for a client of an issuer; the checks that passed are left in `checks`.
///
/// # Errors
/// Each failure with a code of its own.
pub(crate) fn judge(
    token: &str,
    keys: &Keys,
    (issuer, client_id): (&str, &str),
    now: Timestamp,
    checks: &mut Vec<Reason>,
) -> Result<LogoutToken, Flaw> {
    let jws = Jws::parse(token)
        .ok_or_else(|| Flaw::new("token_malformed", "token", "The logout token is no signed JWT."))?;
    let text = |name: &str| jws.claims.get(name).and_then(Value::as_str);
    jws.algorithm()?;
    checks.push(Reason::passed("algorithm", format!("The token is signed with {}.", jws.algorithm_name())));
    if text("iss") != Some(issuer) {
        let found = quote(text("iss").unwrap_or_default());
        let detail = format!("The logout token is of the issuer “{found}”, not of “{}”.", quote(issuer));
        return Err(Flaw::new("issuer_mismatch", "issuer", detail));
    }
    checks.push(Reason::passed("issuer", format!("The issuer is {}.", quote(issuer))));
    if !audiences(&jws.claims).contains(&client_id) {
        let detail = format!("The logout token is not made for our client id “{}”.", quote(client_id));
        return Err(Flaw::new("audience_mismatch", "audience", detail));
    }
    checks.push(Reason::passed("audience", "The token is made for our client id."));
    jws.verify(keys)?;
    checks.push(Reason::passed("signature", "A key of the provider verifies the signature."));
    let until = lifetime(&jws, now)?;
    checks.push(Reason::passed("expiry", "The token has not expired."));
    if !jws.claims.get("events").and_then(|e| e.get(EVENT)).is_some_and(Value::is_object) {
        let detail = "The token does not tell of a back-channel logout (events).";
        return Err(Flaw::new("logout_event_missing", "event", detail));
    }
    if jws.claims.contains_key("nonce") {
        let detail = "The token carries a nonce: it is an ID token and no logout token.";
        return Err(Flaw::new("nonce_forbidden", "event", detail));
    }
    checks.push(Reason::passed("event", "The token tells of a logout."));
    let bounded = |name: &str| text(name).filter(|t| !t.is_empty() && t.len() <= MAX_TEXT).map(str::to_owned);
    let (subject, session) = (bounded("sub"), bounded("sid"));
    let unusable = |name| jws.claims.contains_key(name) && bounded(name).is_none();
    if (subject.is_none() && session.is_none()) || unusable("sub") || unusable("sid") {
        let detail = "The token names neither a person (sub) nor a session (sid), or not in a usable form.";
        return Err(Flaw::new("subject_missing", "subject", detail));
    }
    let id = bounded("jti").ok_or_else(|| {
        Flaw::new("token_malformed", "token", "The logout token has no id of its own (jti) in a usable form.")
    })?;
    Ok(LogoutToken { id, subject, session, until })
}

/// Until when the token counts: as long as it says, but for one that does not, a few minutes.
fn lifetime(jws: &Jws<'_>, now: Timestamp) -> Result<Timestamp, Flaw> {
    let time = |name: &str| {
        let seconds = jws.claims.get(name).and_then(Value::as_f64)?;
        // a number that no calendar has is capped by the conversion
        Some(Timestamp::from_micros((seconds * 1e6) as i64))
    };
    let issued = time("iat").ok_or_else(|| {
        Flaw::new("token_malformed", "token", "The logout token does not say when it was made (iat).")
    })?;
    if issued > now.plus_seconds(CLOCK_SKEW_SECONDS) {
        let detail = format!("The logout token is of the future: issued at {issued}, now it is {now}.");
        return Err(Flaw::new("issued_in_future", "expiry", detail));
    }
    let latest = issued.plus_seconds(MAX_AGE_SECONDS);
    let until = time("exp").map_or(latest, |exp| exp.min(now.plus_seconds(86_400)));
    let until = until.plus_seconds(CLOCK_SKEW_SECONDS);
    if until <= now {
        let detail = format!("The logout token expired, now it is {now}.");
        return Err(Flaw::new("expired", "expiry", detail));
    }
    Ok(until)
}
