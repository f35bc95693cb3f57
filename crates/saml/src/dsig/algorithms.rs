//! The algorithms of rule 8.

use crate::certificate::Verifies;
use crate::error::{Reason, Rejection, quote};
use aws_lc_rs::digest;

pub(super) fn signature_method(uri: &str, allow_sha1: bool) -> Result<Verifies, Rejection> {
    match uri {
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Ok(Verifies::RsaSha256),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => Ok(Verifies::RsaSha384),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => Ok(Verifies::RsaSha512),
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => Ok(Verifies::EcdsaSha256),
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1" if allow_sha1 => Ok(Verifies::RsaSha1),
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1" => Err(sha1("signature")),
        _ => Err(Rejection::new(
            Reason::AlgorithmForbidden,
            format!("The signature algorithm {} is not allowed; set RSA-SHA256.", quote(uri)),
        )),
    }
}

pub(super) fn digest_method(uri: &str, allow_sha1: bool) -> Result<&'static digest::Algorithm, Rejection> {
    match uri {
        "http://www.w3.org/2001/04/xmlenc#sha256" => Ok(&digest::SHA256),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => Ok(&digest::SHA384),
        "http://www.w3.org/2001/04/xmlenc#sha512" => Ok(&digest::SHA512),
        "http://www.w3.org/2000/09/xmldsig#sha1" if allow_sha1 => Ok(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        "http://www.w3.org/2000/09/xmldsig#sha1" => Err(sha1("digest")),
        _ => Err(Rejection::new(
            Reason::DigestAlgorithmForbidden,
            format!("The digest algorithm {} is not allowed; set SHA-256.", quote(uri)),
        )),
    }
}

fn sha1(what: &str) -> Rejection {
    Rejection::new(
        Reason::Sha1Forbidden,
        format!(
            "The {what} uses SHA-1, which can be forged. Set the identity provider to SHA-256; only if it cannot, \
             allow SHA-1 for this connection."
        ),
    )
}
