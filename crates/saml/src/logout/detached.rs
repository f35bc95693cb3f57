//! The signature of the HTTP-Redirect binding, beside the message (bindings §3.4.4.1).

use crate::certificate::{Certificate, Verifies};
use crate::error::{Reason, Rejection, quote};
use crate::policy::Policy;
use crate::query::{RawQuery, bytes_of, rsa_sha2};
use crate::redirect::decode_component;

/// What was signed and the signature, all as received.
#[derive(Debug, Clone)]
pub(super) struct Detached {
    signed: String,
    algorithm: Option<String>,
    signature: Option<String>,
}

impl Detached {
    pub(super) fn of(raw: &RawQuery<'_>, parameter: &str, message: &str) -> Self {
        Self {
            signed: raw.signed(parameter, message),
            algorithm: raw.algorithm.map(str::to_owned),
            signature: raw.signature.map(str::to_owned),
        }
    }

    /// Verifies with the usable pinned certificates, the first first; answers its place.
    pub(super) fn verify(&self, usable: &[usize], policy: &Policy) -> Result<usize, Rejection> {
        let (Some(algorithm), Some(signature)) = (&self.algorithm, &self.signature) else {
            return Err(Rejection::new(
                Reason::SignatureMissing,
                "The query is not signed. Set the identity provider to sign logout messages.",
            ));
        };
        let how = method(algorithm)?;
        let value = bytes_of(signature).ok_or_else(|| {
            Rejection::new(Reason::SignatureMalformed, "The parameter Signature is not base64.")
        })?;
        let verifies = |c: &Certificate| c.verifies(how, self.signed.as_bytes(), &value);
        let by = usable.iter().copied().find(|i| policy.certificates.get(*i).is_some_and(verifies));
        by.ok_or_else(|| {
            let pinned: Vec<&str> = policy.certificates.iter().map(Certificate::fingerprint).collect();
            Rejection::new(
                Reason::SignatureWrongKey,
                format!(
                    "No usable pinned certificate verifies the signature of the query; pinned: SHA-256 {}. Either the \
                     query was changed on its way, or the identity provider has changed its certificate.",
                    pinned.join(" and ")
                ),
            )
        })
    }
}

fn method(raw: &str) -> Result<Verifies, Rejection> {
    let uri = decode_component(raw).unwrap_or_default();
    if uri == "http://www.w3.org/2000/09/xmldsig#rsa-sha1" {
        return Err(Rejection::new(
            Reason::Sha1Forbidden,
            "The signature uses SHA-1, which can be forged. Set the identity provider to RSA-SHA256.",
        ));
    }
    rsa_sha2(&uri).ok_or_else(|| {
        Rejection::new(
            Reason::AlgorithmForbidden,
            format!("The signature algorithm {} is not allowed; set RSA-SHA256.", quote(&uri)),
        )
    })
}
