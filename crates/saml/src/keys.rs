//! Private keys: for signing requests (and, in the lab, responses), and for decrypting assertions.

use crate::certificate::{Certificate, CertificateError};
use crate::{limits, pem};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, OaepAlgorithm, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{self, RsaEncoding};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Why a private key cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not PEM.
    #[error("the private key is not PEM: copy it again, from BEGIN to END")]
    NotPem,
    /// An encrypted or otherwise unsupported PEM block.
    #[error("a {0} is not supported: give an unencrypted RSA key, “PRIVATE KEY” or “RSA PRIVATE KEY”")]
    Unsupported(String),
    /// Not an RSA private key.
    #[error("this is not an RSA private key")]
    NotRsa,
    /// Smaller than [`limits::RSA_BITS`].
    #[error("the RSA key has {0} bits; at least 2048 are needed")]
    TooSmall(usize),
    /// The cryptographic library failed.
    #[error("the cryptographic library could not make a key or certificate")]
    Crypto,
    /// The made certificate is not readable; a fault of this crate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// What a [`SigningKey`] signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignatureAlgorithm {
    /// RSA with SHA-256.
    #[default]
    RsaSha256,
    /// RSA with SHA-384.
    RsaSha384,
    /// RSA with SHA-512.
    RsaSha512,
}

impl SignatureAlgorithm {
    /// Its identifier (RFC 9231).
    pub const fn uri(self) -> &'static str {
        match self {
            Self::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::RsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            Self::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
        }
    }

    fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::RsaSha256 => &signature::RSA_PKCS1_SHA256,
            Self::RsaSha384 => &signature::RSA_PKCS1_SHA384,
            Self::RsaSha512 => &signature::RSA_PKCS1_SHA512,
        }
    }
}

/// An RSA key that signs. Cheap to clone; never shown by `Debug`.
#[derive(Clone)]
pub struct SigningKey(Arc<KeyPair>);

impl SigningKey {
    /// A new RSA key of 2048 bits.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when the cryptographic library fails.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).map_err(|_| KeyError::Crypto)?;
        Ok(Self(Arc::new(pair)))
    }

    /// Reads a PKCS#8 (`PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE KEY`) PEM block.
    ///
    /// # Errors
    /// When it holds no RSA key of at least 2048 bits.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = private_block(text)?;
        let pair = KeyPair::from_pkcs8(&block)
            .or_else(|_| KeyPair::from_der(&block))
            .map_err(|_| KeyError::NotRsa)?;
        Self::checked(pair)
    }

    /// Reads a PKCS#8 DER key.
    ///
    /// # Errors
    /// When it holds no RSA key of at least 2048 bits.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::checked(KeyPair::from_pkcs8(der).map_err(|_| KeyError::NotRsa)?)
    }

    fn checked(pair: KeyPair) -> Result<Self, KeyError> {
        let bits = pair.public_modulus_len() * 8;
        if bits < limits::RSA_BITS as usize {
            return Err(KeyError::TooSmall(bits));
        }
        Ok(Self(Arc::new(pair)))
    }

    /// The key as PKCS#8 DER, for sealing; wiped when dropped.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when the cryptographic library fails.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der: Pkcs8V1Der<'static> = self.0.as_der().map_err(|_| KeyError::Crypto)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    /// The key as PKCS#8 PEM; wiped when dropped.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when the cryptographic library fails.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        Ok(Zeroizing::new(pem::write("PRIVATE KEY", &self.to_pkcs8_der()?)))
    }

    /// A self-signed certificate of this key, valid for the days of both times (microseconds since the Unix
    /// epoch) and the day of the second.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when the certificate cannot be made.
    pub fn self_signed(
        &self,
        common_name: &str,
        not_before: i64,
        not_after: i64,
    ) -> Result<Certificate, KeyError> {
        let der = self.to_pkcs8_der()?;
        let pair =
            rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der.as_slice().into(), &rcgen::PKCS_RSA_SHA256)
                .map_err(|_| KeyError::Crypto)?;
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        let (year, month, day) = day_of(not_before);
        params.not_before = rcgen::date_time_ymd(year, month, day);
        let (year, month, day) = day_of(not_after);
        params.not_after = rcgen::date_time_ymd(year, month, day) + Duration::from_secs(86_399);
        let made = params.self_signed(&pair).map_err(|_| KeyError::Crypto)?;
        Ok(Certificate::from_der(made.der())?)
    }

    /// Signs with RSA PKCS#1 v1.5 (RFC 8017 §8.2).
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when the cryptographic library fails.
    pub fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut out = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(algorithm.encoding(), &SystemRandom::new(), message, &mut out)
            .map_err(|_| KeyError::Crypto)?;
        Ok(out)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// An RSA key that decrypts assertions. Cheap to clone; never shown by `Debug`.
#[derive(Clone)]
pub struct DecryptionKey(Arc<OaepPrivateDecryptingKey>);

impl DecryptionKey {
    /// Reads a PKCS#8 (`PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE KEY`) PEM block.
    ///
    /// # Errors
    /// When it holds no RSA key of at least 2048 bits.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::from_signing_key(&SigningKey::from_pem(text)?)
    }

    /// The same key pair used for decryption: many deployments publish one key for both uses.
    ///
    /// # Errors
    /// [`KeyError::Crypto`] when the cryptographic library fails.
    pub fn from_signing_key(key: &SigningKey) -> Result<Self, KeyError> {
        let der = key.to_pkcs8_der()?;
        let private = PrivateDecryptingKey::from_pkcs8(&der).map_err(|_| KeyError::NotRsa)?;
        let key = OaepPrivateDecryptingKey::new(private).map_err(|_| KeyError::Crypto)?;
        Ok(Self(Arc::new(key)))
    }

    /// Unwraps a content key; `None` for every kind of failure.
    pub(crate) fn unwrap_key(
        &self,
        algorithm: &'static OaepAlgorithm,
        wrapped: &[u8],
        label: Option<&[u8]>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new(vec![0; self.0.min_output_size()]);
        let plain = self.0.decrypt(algorithm, wrapped, &mut buffer, label).ok()?;
        Some(Zeroizing::new(plain.to_vec()))
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecryptionKey(…)")
    }
}

/// Year, month and day of a time; the calendar of X.509 ends with the year 9999.
fn day_of(micros: i64) -> (i32, u8, u8) {
    const DAY: i64 = 86_400_000_000;
    let (year, month, day) = crate::time::civil_from_days(micros.div_euclid(DAY).clamp(0, 2_932_896));
    let small = |n: i64| u8::try_from(n).unwrap_or(1);
    (i32::try_from(year).unwrap_or(1970), small(month), small(day))
}

fn private_block(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let block = pem::read(text).map_err(|_| KeyError::NotPem)?;
    match block.label.as_deref() {
        None | Some("PRIVATE KEY" | "RSA PRIVATE KEY") => Ok(block.der),
        Some(other) => Err(KeyError::Unsupported(other.chars().take(40).collect())),
    }
}
