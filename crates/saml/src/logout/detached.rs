//! The signature of the HTTP-Redirect binding, beside the message (bindings §3.4.4.1).

use crate::certificate::{Certificate, Verifies};
use crate::error::{Reason, Rejection, quote};
use crate::policy::Policy;
use crate::redirect::decode_component;
use crate::xml;

/// What was signed and the signature, all as received.
#[derive(Debug, Clone)]
pub(super) struct Detached {
    signed: String,
    algorithm: Option<String>,
    signature: Option<String>,
}

impl Detached {
    /// The signed text is put together of the raw values in the order of the binding, whatever the query's order.
    pub(super) fn of(
        parameter: &str,
        message: &str,
        relay_state: Option<&str>,
        algorithm: Option<&str>,
        signature: Option<&str>,
    ) -> Self {
        let mut signed = format!("{parameter}={message}");
        for (name, value) in [("RelayState", relay_state), ("SigAlg", algorithm)] {
            if let Some(value) = value {
                signed.push_str(&format!("&{name}={value}"));
            }
        }
        Self { signed, algorithm: algorithm.map(str::to_owned), signature: signature.map(str::to_owned) }
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
        let value =
            decode_component(signature).and_then(|s| xml::decode_base64(s.as_bytes())).ok_or_else(|| {
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

/// RSA with SHA-2 and nothing else: other algorithms have no identifier in this binding that anybody uses.
fn method(raw: &str) -> Result<Verifies, Rejection> {
    let uri = decode_component(raw).unwrap_or_default();
    match uri.as_ref() {
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Ok(Verifies::RsaSha256),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => Ok(Verifies::RsaSha384),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => Ok(Verifies::RsaSha512),
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1" => Err(Rejection::new(
            Reason::Sha1Forbidden,
            "The signature uses SHA-1, which can be forged. Set the identity provider to RSA-SHA256.",
        )),
        _ => Err(Rejection::new(
            Reason::AlgorithmForbidden,
            format!("The signature algorithm {} is not allowed; set RSA-SHA256.", quote(&uri)),
        )),
    }
}
