//! Decryption of an assertion (rule 10).
//!
//! What is wrong with the structure or the algorithms is said plainly: an attacker sees those anyway. From
//! the first use of a key on there is one error, and a failed key unwrapping goes on with a random key, so
//! that neither its result nor its duration tells which step failed.

use crate::error::{Reason, Rejection, quote};
use crate::keys::DecryptionKey;
use crate::xml::{self, ns};
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm};
use roxmltree::Node;
use zeroize::Zeroizing;

/// Most wrapped keys tried, each costing a private key operation: two during a change of our certificate.
const ENCRYPTED_KEYS: usize = 2;

pub(crate) const RSA_OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
pub(crate) const RSA_OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
pub(crate) const MGF1_SHA1: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha1";
pub(crate) const MGF1_SHA256: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha256";
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

/// Content ciphers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentCipher {
    Aes128Cbc,
    Aes256Cbc,
    Aes128Gcm,
    Aes256Gcm,
}

impl ContentCipher {
    pub(crate) const ALL: [Self; 4] = [Self::Aes128Cbc, Self::Aes256Cbc, Self::Aes128Gcm, Self::Aes256Gcm];

    pub(crate) const fn uri(self) -> &'static str {
        match self {
            Self::Aes128Cbc => "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
            Self::Aes256Cbc => "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
            Self::Aes128Gcm => "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            Self::Aes256Gcm => "http://www.w3.org/2009/xmlenc11#aes256-gcm",
        }
    }

    pub(crate) const fn key_len(self) -> usize {
        match self {
            Self::Aes128Cbc | Self::Aes128Gcm => 16,
            Self::Aes256Cbc | Self::Aes256Gcm => 32,
        }
    }
}

/// The one error after a key was used.
pub(crate) fn failed() -> Rejection {
    Rejection::new(
        Reason::DecryptionFailed,
        "The assertion could not be decrypted. See that the identity provider encrypts for our current \
         encryption certificate, as our metadata shows it.",
    )
}

fn malformed(detail: impl Into<String>) -> Rejection {
    Rejection::new(Reason::EncryptionMalformed, detail)
}

struct WrappedKey {
    algorithm: &'static OaepAlgorithm,
    label: Option<Vec<u8>>,
    bytes: Vec<u8>,
}

/// Decrypts `data`, an `EncryptedData`; wrapped keys are in it or beside it in `replaced`. Hands back which of the
/// keys did it.
pub(crate) fn decrypt(
    replaced: Node<'_, '_>,
    data: Node<'_, '_>,
    keys: &[DecryptionKey],
) -> Result<(Zeroizing<Vec<u8>>, usize), Rejection> {
    if keys.is_empty() {
        return Err(Rejection::new(
            Reason::DecryptionKeyMissing,
            "The assertion is encrypted, and there is no decryption key. Add one, or turn encryption off at the \
             identity provider.",
        ));
    }
    let cipher = content_cipher(data)?;
    let ciphertext = cipher_value(data)?;
    let wrapped = wrapped_keys(replaced, data)?;

    let mut random = Zeroizing::new(vec![0; cipher.key_len()]);
    aws_lc_rs::rand::fill(&mut random)
        .map_err(|_| Rejection::new(Reason::Internal, "No random numbers are to be had."))?;
    // every key is tried, also after one fitted: how many private key operations there are tells nothing
    let mut unwrapped = None;
    for w in &wrapped {
        for (at, key) in keys.iter().enumerate() {
            let content = key.unwrap_key(w.algorithm, &w.bytes, w.label.as_deref());
            let content = content.filter(|content| content.len() == cipher.key_len());
            unwrapped = unwrapped.or(content.map(|content| (at, content)));
        }
    }
    let (at, content) = unwrapped.unwrap_or((0, random));
    let plain = open(cipher, &content, ciphertext).ok_or_else(failed)?;
    Ok((plain, at))
}

fn content_cipher(data: Node<'_, '_>) -> Result<ContentCipher, Rejection> {
    let method = xml::named(data, ns::XENC, "EncryptionMethod").next();
    let uri = method.and_then(|m| xml::attribute(m, "Algorithm")).unwrap_or_default();
    ContentCipher::ALL.into_iter().find(|c| c.uri() == uri).ok_or_else(|| {
        forbidden(format!("The content encryption {} is not allowed; set AES-256-GCM.", quote(uri)))
    })
}

fn forbidden(detail: String) -> Rejection {
    Rejection::new(Reason::EncryptionAlgorithmForbidden, detail)
}

fn cipher_value(node: Node<'_, '_>) -> Result<Vec<u8>, Rejection> {
    let data = xml::at_most_one(node, ns::XENC, "CipherData")?
        .ok_or_else(|| malformed(format!("<{}> has no CipherData.", node.tag_name().name())))?;
    let parts: Vec<_> = xml::elements(data).collect();
    match parts.as_slice() {
        [value] if xml::is(*value, ns::XENC, "CipherValue") => {
            xml::base64_text(*value).ok_or_else(|| malformed("CipherValue is not base64."))
        }
        [reference] if xml::is(*reference, ns::XENC, "CipherReference") => Err(Rejection::new(
            Reason::CipherReferenceForbidden,
            "The encrypted data is elsewhere (CipherReference); nothing is fetched.",
        )),
        _ => Err(malformed("CipherData must hold exactly one CipherValue.")),
    }
}

/// The `EncryptedKey` elements of the `KeyInfo`, and those beside the data (SAML errata E43).
fn wrapped_keys(replaced: Node<'_, '_>, data: Node<'_, '_>) -> Result<Vec<WrappedKey>, Rejection> {
    let inside = xml::named(data, ns::DS, "KeyInfo").flat_map(|k| xml::named(k, ns::XENC, "EncryptedKey"));
    let beside = xml::named(replaced, ns::XENC, "EncryptedKey").filter(|_| replaced != data);
    let nodes: Vec<_> = inside.chain(beside).take(ENCRYPTED_KEYS + 1).collect();
    if nodes.is_empty() || nodes.len() > ENCRYPTED_KEYS {
        return Err(malformed("There must be one or two EncryptedKey elements."));
    }
    nodes.into_iter().map(wrapped_key).collect()
}

fn wrapped_key(node: Node<'_, '_>) -> Result<WrappedKey, Rejection> {
    let method = xml::named(node, ns::XENC, "EncryptionMethod")
        .next()
        .ok_or_else(|| malformed("EncryptedKey has no EncryptionMethod."))?;
    let uri = xml::attribute(method, "Algorithm").unwrap_or_default();
    let parameter = |namespace, name| {
        xml::named(method, namespace, name).next().and_then(|n| xml::attribute(n, "Algorithm"))
    };
    let digest = parameter(ns::DS, "DigestMethod").unwrap_or(SHA1);
    let mgf = match uri {
        RSA_OAEP_MGF1P => MGF1_SHA1,
        RSA_OAEP => parameter(ns::XENC11, "MGF").unwrap_or(MGF1_SHA1),
        _ => {
            return Err(forbidden(format!("The key transport {} is not allowed; set RSA-OAEP.", quote(uri))));
        }
    };
    let algorithm: &'static OaepAlgorithm = match (digest, mgf) {
        (SHA1, MGF1_SHA1) => &OAEP_SHA1_MGF1SHA1,
        (SHA256, MGF1_SHA256) => &OAEP_SHA256_MGF1SHA256,
        _ => {
            return Err(forbidden(format!(
                "RSA-OAEP with digest {} and mask {} is not supported; set SHA-1 or SHA-256 for both.",
                quote(digest),
                quote(mgf)
            )));
        }
    };
    let label = xml::named(method, ns::XENC, "OAEPparams")
        .next()
        .map(|n| xml::base64_text(n).ok_or_else(|| malformed("OAEPparams is not base64.")))
        .transpose()?;
    Ok(WrappedKey { algorithm, label, bytes: cipher_value(node)? })
}

fn open(cipher: ContentCipher, key: &[u8], ciphertext: Vec<u8>) -> Option<Zeroizing<Vec<u8>>> {
    match cipher {
        ContentCipher::Aes128Cbc => open_cbc(&cipher::AES_128, key, ciphertext),
        ContentCipher::Aes256Cbc => open_cbc(&cipher::AES_256, key, ciphertext),
        ContentCipher::Aes128Gcm => open_gcm(&aead::AES_128_GCM, key, ciphertext),
        ContentCipher::Aes256Gcm => open_gcm(&aead::AES_256_GCM, key, ciphertext),
    }
}

/// CBC with the initialization vector in front and a count of padding bytes at the end (XML Encryption §5.2).
fn open_cbc(
    algorithm: &'static cipher::Algorithm,
    key: &[u8],
    mut data: Vec<u8>,
) -> Option<Zeroizing<Vec<u8>>> {
    const BLOCK: usize = 16;
    if data.len() < 2 * BLOCK || !data.len().is_multiple_of(BLOCK) {
        return None;
    }
    let iv: [u8; BLOCK] = data[..BLOCK].try_into().ok()?;
    let key = DecryptingKey::cbc(UnboundCipherKey::new(algorithm, key).ok()?).ok()?;
    let context = DecryptionContext::Iv128(FixedLength::from(iv));
    let plain = key.decrypt(&mut data[BLOCK..], context).ok()?;
    let padding = usize::from(*plain.last()?);
    if padding == 0 || padding > BLOCK {
        return None;
    }
    Some(Zeroizing::new(plain[..plain.len() - padding].to_vec()))
}

/// GCM with the nonce in front and the tag at the end (XML Encryption 1.1 §5.2.4).
fn open_gcm(
    algorithm: &'static aead::Algorithm,
    key: &[u8],
    mut data: Vec<u8>,
) -> Option<Zeroizing<Vec<u8>>> {
    if data.len() < aead::NONCE_LEN {
        return None;
    }
    let (nonce, sealed) = data.split_at_mut(aead::NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
    let plain = key.open_in_place(nonce, Aad::empty(), sealed).ok()?;
    Some(Zeroizing::new(plain.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::cipher::{EncryptingKey, EncryptionContext};

    /// Opens blocks that were sealed with whatever padding they end in.
    fn opened(blocks: &[u8]) -> Option<Vec<u8>> {
        let (key, iv) = ([3u8; 16], [5u8; 16]);
        let mut data = blocks.to_vec();
        let sealing = EncryptingKey::cbc(UnboundCipherKey::new(&cipher::AES_128, &key).unwrap()).unwrap();
        sealing.less_safe_encrypt(&mut data, EncryptionContext::Iv128(FixedLength::from(iv))).unwrap();
        let plain = open_cbc(&cipher::AES_128, &key, [&iv[..], &data].concat())?;
        Some(plain.to_vec())
    }

    #[test]
    fn padding_is_counted_by_its_last_byte_and_at_most_a_block() {
        let mut block = *b"0123456789abcdef";
        for (padding, expected) in
            [(1, Some(15)), (7, Some(9)), (16, Some(0)), (0, None), (17, None), (255, None)]
        {
            block[15] = padding;
            assert_eq!(opened(&block).map(|p| p.len()), expected, "{padding}");
        }
    }

    #[test]
    fn what_is_no_whole_number_of_blocks_is_not_opened() {
        for length in [0, 1, 16, 31, 33] {
            assert!(open_cbc(&cipher::AES_128, &[3; 16], vec![0; length]).is_none());
        }
        assert!(open_gcm(&aead::AES_128_GCM, &[3; 16], vec![0; 5]).is_none());
        assert!(open_gcm(&aead::AES_128_GCM, &[3; 16], vec![0; 20]).is_none());
    }
}
