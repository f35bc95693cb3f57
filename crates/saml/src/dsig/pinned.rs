//! Which pinned certificates may be used (rule 8).

use crate::certificate::Certificate;
use crate::error::{Reason, Rejection};
use crate::limits;
use crate::policy::{Policy, Protocol};

/// The places of the pinned certificates that may be used now, in their order.
///
/// # Errors
/// When there are none: the trouble of the first.
pub(crate) fn usable_certificates(policy: &Policy) -> Result<Vec<usize>, Rejection> {
    let count = policy.certificates.len();
    let most = match policy.protocol {
        Protocol::Saml2 => limits::CERTIFICATES,
        Protocol::WsFed { .. } => limits::TOKEN_SERVICE_CERTIFICATES,
    };
    if count == 0 || count > most {
        return Err(Rejection::new(
            Reason::CertificateCount,
            format!("The connection has {count} certificates; one to {most} are needed."),
        ));
    }
    let mut usable = Vec::with_capacity(count);
    let mut first = None;
    for (index, certificate) in policy.certificates.iter().enumerate() {
        match unusable_because(certificate, policy.now) {
            None => usable.push(index),
            Some(refused) => first = first.or(Some(refused)),
        }
    }
    match first {
        Some(refused) if usable.is_empty() => Err(refused),
        _ => Ok(usable),
    }
}

pub(super) fn unusable_because(certificate: &Certificate, now: i64) -> Option<Rejection> {
    let who = certificate.fingerprint();
    if let Err(e) = certificate.check_key() {
        return Some(Rejection::new(Reason::KeyForbidden, format!("Pinned certificate {who}: {e}.")));
    }
    if now > certificate.not_after() {
        let end = crate::time::format(certificate.not_after());
        return Some(Rejection::new(
            Reason::CertificateExpired,
            format!("Pinned certificate {who} expired at {end}. Add the identity provider's current one."),
        ));
    }
    if now < certificate.not_before() {
        let begin = crate::time::format(certificate.not_before());
        return Some(Rejection::new(
            Reason::CertificateNotYetValid,
            format!("Pinned certificate {who} is valid only from {begin}."),
        ));
    }
    None
}
