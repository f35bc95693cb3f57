use gatehouse_saml::Certificate;
use gatehouse_types::{Error, Result, Timestamp};

use crate::model::PinnedCertificate;

/// Certificates pinned to a connection at most.
pub const MAX_CERTIFICATES: usize = 2;

/// Reads certificates as given, latest first; those pinned already keep their history.
///
/// # Errors
/// `Validation` for more than two, the same twice, or one that is not a certificate of a key we accept.
pub(crate) fn pin(
    given: &[String],
    known: &[PinnedCertificate],
    now: Timestamp,
) -> Result<Vec<PinnedCertificate>> {
    pin_at_most(MAX_CERTIFICATES, given, known, now)
}

/// The same for another number of certificates: what metadata may bring along.
///
/// # Errors
/// As [`pin`].
pub(crate) fn pin_at_most(
    most: usize,
    given: &[String],
    known: &[PinnedCertificate],
    now: Timestamp,
) -> Result<Vec<PinnedCertificate>> {
    let given: Vec<&String> = given.iter().filter(|text| !text.trim().is_empty()).collect();
    if given.len() > most {
        return Err(Error::validation("samlConfig.certificates", "A connection has at most 2 certificates."));
    }
    let mut pinned: Vec<PinnedCertificate> = Vec::with_capacity(given.len());
    for text in given {
        let one = read(text, now)?;
        if pinned.iter().any(|p| p.fingerprint == one.fingerprint) {
            return Err(Error::validation(
                "samlConfig.certificates",
                "The same certificate was given twice.",
            ));
        }
        let known = known.iter().find(|k| k.fingerprint == one.fingerprint);
        pinned.push(known.cloned().unwrap_or(one));
    }
    Ok(pinned)
}

fn read(text: &str, now: Timestamp) -> Result<PinnedCertificate> {
    let certificate = Certificate::from_pem_or_base64(text).and_then(|c| c.check_key().map(|()| c));
    let certificate = certificate.map_err(|e| {
        Error::validation("samlConfig.certificate", format!("The certificate cannot be used: {e}"))
    })?;
    Ok(PinnedCertificate {
        pem: certificate.to_pem(),
        fingerprint: certificate.fingerprint().to_owned(),
        not_before: Timestamp::from_micros(certificate.not_before()),
        not_after: Timestamp::from_micros(certificate.not_after()),
        created_at: now,
        last_used_at: None,
    })
}
