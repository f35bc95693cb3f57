//! Pinned certificates: the public keys a connection trusts (rule 8).

use crate::{limits, pem};
use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use std::fmt;
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

/// A parsed X.509 certificate. Cheap to clone.
///
/// Only its key and its dates are used: certificates are pinned, so neither chain, names nor extensions
/// are judged.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    subject: String,
    not_before: i64,
    not_after: i64,
    fingerprint: String,
    kind: KeyKind,
    bits: u32,
    keys: Keys,
}

/// The key, parsed once for every algorithm that may use it: parsing costs as much as verifying.
enum Keys {
    Rsa { sha256: ParsedPublicKey, sha384: ParsedPublicKey, sha512: ParsedPublicKey, sha1: ParsedPublicKey },
    P256(ParsedPublicKey),
    Unusable,
}

/// The kind of a certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA.
    Rsa,
    /// ECDSA on the curve P-256.
    EcdsaP256,
    /// Anything else; never verifies a signature.
    Other,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyKind::Rsa => "RSA",
            KeyKind::EcdsaP256 => "ECDSA P-256",
            KeyKind::Other => "unsupported",
        })
    }
}

/// Why a text is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Nothing was given.
    #[error("the certificate is empty: paste the text between BEGIN CERTIFICATE and END CERTIFICATE")]
    Empty,
    /// Larger than [`limits::PEM_BYTES`].
    #[error("the certificate is too large to be one")]
    TooLarge,
    /// No base64 between the markers.
    #[error("the certificate is not base64: copy it again, from BEGIN CERTIFICATE to END CERTIFICATE")]
    NotBase64,
    /// More than one block.
    #[error("there is more than one certificate in the text: add them one by one")]
    Several,
    /// A PEM block of something else.
    #[error("this is a {0}, not a certificate")]
    WrongLabel(String),
    /// Not X.509.
    #[error("this is not an X.509 certificate")]
    NotX509,
    /// A key that no signature may be verified with.
    #[error("the certificate's key is {0}; an RSA key of at least 2048 bits or an ECDSA P-256 key is needed")]
    KeyForbidden(String),
}

/// Signature algorithms a certificate can verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verifies {
    RsaSha1,
    RsaSha256,
    RsaSha384,
    RsaSha512,
    EcdsaSha256,
}

impl Certificate {
    /// Reads a certificate as administrators paste it: full PEM, or only the base64 between the markers,
    /// with any white space.
    ///
    /// # Errors
    /// When the text is no certificate. A key too small to be believed is no error here: [`crate::verify`]
    /// refuses it, and [`Certificate::check_key`] says so when a connection is saved.
    pub fn from_pem_or_base64(text: &str) -> Result<Self, CertificateError> {
        let block = pem::read(text).map_err(|p| match p {
            pem::Problem::Empty => CertificateError::Empty,
            pem::Problem::TooLarge => CertificateError::TooLarge,
            pem::Problem::NotBase64 => CertificateError::NotBase64,
            pem::Problem::Several => CertificateError::Several,
        })?;
        match block.label.as_deref() {
            None | Some("CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE") => {
                Self::from_der(&block.der)
            }
            Some(other) => Err(CertificateError::WrongLabel(other.chars().take(40).collect())),
        }
    }

    /// Reads a DER certificate.
    ///
    /// # Errors
    /// When the bytes are no certificate.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let (_, parsed) = X509Certificate::from_der(der).map_err(|_| CertificateError::NotX509)?;
        let (kind, bits, keys) = key_of(&parsed);
        let micros = |seconds: i64| seconds.saturating_mul(1_000_000);
        Ok(Self(Arc::new(Inner {
            subject: parsed.subject().to_string(),
            not_before: micros(parsed.validity().not_before.timestamp()),
            not_after: micros(parsed.validity().not_after.timestamp()),
            fingerprint: fingerprint(parsed.as_raw()),
            kind,
            bits,
            keys,
            der: parsed.as_raw().to_vec(),
        })))
    }

    /// The subject's distinguished name.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Begin of validity, microseconds since the Unix epoch.
    pub fn not_before(&self) -> i64 {
        self.0.not_before
    }

    /// End of validity, microseconds since the Unix epoch.
    pub fn not_after(&self) -> i64 {
        self.0.not_after
    }

    /// SHA-256 of the certificate, 64 lower-case hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// The kind of key.
    pub fn key_kind(&self) -> KeyKind {
        self.0.kind
    }

    /// The size of the key in bits.
    pub fn key_bits(&self) -> u32 {
        self.0.bits
    }

    /// Whether this key may verify signatures at all (rule 8).
    ///
    /// # Errors
    /// [`CertificateError::KeyForbidden`] when it may not.
    pub fn check_key(&self) -> Result<(), CertificateError> {
        match self.0.keys {
            Keys::Unusable => {
                Err(CertificateError::KeyForbidden(format!("{} with {} bits", self.0.kind, self.0.bits)))
            }
            _ => Ok(()),
        }
    }

    /// The DER bytes.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The certificate as PEM.
    pub fn to_pem(&self) -> String {
        pem::write("CERTIFICATE", &self.0.der)
    }

    /// The DER bytes as base64 in one line: how metadata and KeyInfo carry them.
    pub fn to_base64(&self) -> String {
        crate::xml::encode_base64(&self.0.der)
    }

    /// The public key as `SubjectPublicKeyInfo`.
    /// Modulus and exponent of an RSA key, big-endian without leading zeros; `None` for another kind of key.
    pub fn rsa_public(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let (_, parsed) = X509Certificate::from_der(&self.0.der).ok()?;
        let Ok(PublicKey::RSA(rsa)) = parsed.public_key().parsed() else { return None };
        let plain = |number: &[u8]| number.iter().copied().skip_while(|b| *b == 0).collect::<Vec<u8>>();
        Some((plain(rsa.modulus), plain(rsa.exponent)))
    }

    pub(crate) fn public_key_der(&self) -> Option<Vec<u8>> {
        let (_, parsed) = X509Certificate::from_der(&self.0.der).ok()?;
        Some(parsed.public_key().raw.to_vec())
    }

    pub(crate) fn can(&self, how: Verifies) -> bool {
        self.key(how).is_some()
    }

    pub(crate) fn verifies(&self, how: Verifies, message: &[u8], signature: &[u8]) -> bool {
        let Some(key) = self.key(how) else { return false };
        // ECDSA: XML Signature carries r and s side by side (RFC 4050 §3.3), hence the FIXED algorithm.
        key.verify_sig(message, signature).is_ok()
    }

    fn key(&self, how: Verifies) -> Option<&ParsedPublicKey> {
        match (&self.0.keys, how) {
            (Keys::Rsa { sha1, .. }, Verifies::RsaSha1) => Some(sha1),
            (Keys::Rsa { sha256, .. }, Verifies::RsaSha256) => Some(sha256),
            (Keys::Rsa { sha384, .. }, Verifies::RsaSha384) => Some(sha384),
            (Keys::Rsa { sha512, .. }, Verifies::RsaSha512) => Some(sha512),
            (Keys::P256(key), Verifies::EcdsaSha256) => Some(key),
            _ => None,
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.0.subject)
            .field("fingerprint", &self.0.fingerprint)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

fn key_of(certificate: &X509Certificate<'_>) -> (KeyKind, u32, Keys) {
    let info = certificate.public_key();
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let bits = bit_length(rsa.modulus);
            (KeyKind::Rsa, bits, rsa_keys(bits, info.raw).unwrap_or(Keys::Unusable))
        }
        Ok(PublicKey::EC(point)) => {
            let bits = u32::try_from(point.key_size()).unwrap_or(u32::MAX);
            match parse(&signature::ECDSA_P256_SHA256_FIXED, info.raw) {
                Some(key) => (KeyKind::EcdsaP256, 256, Keys::P256(key)),
                None => (KeyKind::Other, bits, Keys::Unusable),
            }
        }
        _ => (KeyKind::Other, 0, Keys::Unusable),
    }
}

fn rsa_keys(bits: u32, info: &[u8]) -> Option<Keys> {
    if bits < limits::RSA_BITS {
        return None;
    }
    Some(Keys::Rsa {
        sha256: parse(&signature::RSA_PKCS1_2048_8192_SHA256, info)?,
        sha384: parse(&signature::RSA_PKCS1_2048_8192_SHA384, info)?,
        sha512: parse(&signature::RSA_PKCS1_2048_8192_SHA512, info)?,
        sha1: parse(&signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, info)?,
    })
}

fn parse(algorithm: &'static dyn VerificationAlgorithm, info: &[u8]) -> Option<ParsedPublicKey> {
    ParsedPublicKey::new(algorithm, info).ok()
}

fn bit_length(big_endian: &[u8]) -> u32 {
    let first = big_endian.iter().position(|b| *b != 0).unwrap_or(big_endian.len());
    let rest = &big_endian[first..];
    let top = rest.first().map_or(0, |b| b.leading_zeros());
    u32::try_from(rest.len() * 8).unwrap_or(u32::MAX).saturating_sub(top)
}

/// SHA-256 as lower-case hexadecimal digits.
pub(crate) fn fingerprint(der: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(64);
    for b in digest::digest(&digest::SHA256, der).as_ref() {
        out.push(char::from(DIGITS[usize::from(b >> 4)]));
        out.push(char::from(DIGITS[usize::from(b & 15)]));
    }
    out
}
