//! Encrypting an element for a service provider (XML Encryption 1.1).

use super::{IdpError, sign::by_id};
use crate::certificate::Certificate;
use crate::write::Xml;
use crate::xenc::{ContentCipher, MGF1_SHA256, RSA_OAEP, RSA_OAEP_MGF1P};
use crate::xml::{self, ns};
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey,
};
use zeroize::Zeroizing;

/// The content cipher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encryption {
    /// AES-128-CBC.
    Aes128Cbc,
    /// AES-256-CBC.
    Aes256Cbc,
    /// AES-128-GCM.
    Aes128Gcm,
    /// AES-256-GCM.
    #[default]
    Aes256Gcm,
}

impl Encryption {
    const fn cipher(self) -> ContentCipher {
        match self {
            Self::Aes128Cbc => ContentCipher::Aes128Cbc,
            Self::Aes256Cbc => ContentCipher::Aes256Cbc,
            Self::Aes128Gcm => ContentCipher::Aes128Gcm,
            Self::Aes256Gcm => ContentCipher::Aes256Gcm,
        }
    }
}

/// How the content key is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyTransport {
    /// `rsa-oaep-mgf1p` with SHA-1: what nearly everybody speaks.
    #[default]
    OaepSha1,
    /// `rsa-oaep` of version 1.1 with SHA-256 for digest and mask.
    OaepSha256,
}

/// Replaces the element with that ID by its encryption, inside a `saml:EncryptedAssertion` when `wrap` is set
/// (SAML 2.0) or as bare `xenc:EncryptedData` (WS-Federation).
///
/// # Errors
/// When the text is no XML, has no such element, or the certificate's key cannot encrypt.
pub fn encrypt_element(
    xml_text: &str,
    id: &str,
    certificate: &Certificate,
    encryption: Encryption,
    transport: KeyTransport,
    wrap: bool,
) -> Result<String, IdpError> {
    let document = xml::parse(xml_text.as_bytes())?;
    let range = by_id(&document, id)?.range();
    let source = document.input_text();
    let cipher = encryption.cipher();
    let mut key = Zeroizing::new(vec![0; cipher.key_len()]);
    aws_lc_rs::rand::fill(&mut key).map_err(|_| IdpError::Encryption)?;
    let content = seal(cipher, &key, source[range.clone()].as_bytes()).ok_or(IdpError::Encryption)?;
    let wrapped = wrap_key(certificate, transport, &key).ok_or(IdpError::Encryption)?;
    let encrypted = encrypted_data(cipher, transport, &content, &wrapped, wrap);
    Ok(format!("{}{encrypted}{}", &source[..range.start], &source[range.end..]))
}

fn encrypted_data(
    cipher: ContentCipher,
    transport: KeyTransport,
    content: &[u8],
    wrapped: &[u8],
    wrap: bool,
) -> String {
    let mut out = Xml::new();
    if wrap {
        out.open("saml:EncryptedAssertion", &[("xmlns:saml", ns::SAML)]);
    }
    out.open(
        "xenc:EncryptedData",
        &[("xmlns:xenc", ns::XENC), ("Type", "http://www.w3.org/2001/04/xmlenc#Element")],
    );
    out.empty("xenc:EncryptionMethod", &[("Algorithm", cipher.uri())]);
    out.open("ds:KeyInfo", &[("xmlns:ds", ns::DS)]);
    out.open("xenc:EncryptedKey", &[]);
    match transport {
        KeyTransport::OaepSha1 => {
            out.open("xenc:EncryptionMethod", &[("Algorithm", RSA_OAEP_MGF1P)]);
            out.empty("ds:DigestMethod", &[("Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1")]);
        }
        KeyTransport::OaepSha256 => {
            out.open("xenc:EncryptionMethod", &[("Algorithm", RSA_OAEP)]);
            out.empty("ds:DigestMethod", &[("Algorithm", "http://www.w3.org/2001/04/xmlenc#sha256")]);
            out.empty("xenc11:MGF", &[("xmlns:xenc11", ns::XENC11), ("Algorithm", MGF1_SHA256)]);
        }
    }
    out.close("xenc:EncryptionMethod");
    cipher_data(&mut out, wrapped);
    out.close("xenc:EncryptedKey");
    out.close("ds:KeyInfo");
    cipher_data(&mut out, content);
    out.close("xenc:EncryptedData");
    if wrap {
        out.close("saml:EncryptedAssertion");
    }
    out.finish()
}

fn cipher_data(out: &mut Xml, bytes: &[u8]) {
    out.open("xenc:CipherData", &[]);
    out.leaf("xenc:CipherValue", &[], &xml::encode_base64(bytes));
    out.close("xenc:CipherData");
}

fn wrap_key(certificate: &Certificate, transport: KeyTransport, key: &[u8]) -> Option<Vec<u8>> {
    let public = PublicEncryptingKey::from_der(&certificate.public_key_der()?).ok()?;
    let public = OaepPublicEncryptingKey::new(public).ok()?;
    let algorithm = match transport {
        KeyTransport::OaepSha1 => &OAEP_SHA1_MGF1SHA1,
        KeyTransport::OaepSha256 => &OAEP_SHA256_MGF1SHA256,
    };
    let mut out = vec![0; public.ciphertext_size()];
    Some(public.encrypt(algorithm, key, &mut out, None).ok()?.to_vec())
}

fn seal(cipher: ContentCipher, key: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    match cipher {
        ContentCipher::Aes128Cbc => seal_cbc(&cipher::AES_128, key, plain),
        ContentCipher::Aes256Cbc => seal_cbc(&cipher::AES_256, key, plain),
        ContentCipher::Aes128Gcm => seal_gcm(&aead::AES_128_GCM, key, plain),
        ContentCipher::Aes256Gcm => seal_gcm(&aead::AES_256_GCM, key, plain),
    }
}

fn seal_cbc(algorithm: &'static cipher::Algorithm, key: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    const BLOCK: usize = 16;
    let mut iv = [0u8; BLOCK];
    aws_lc_rs::rand::fill(&mut iv).ok()?;
    let padding = BLOCK - plain.len() % BLOCK;
    let mut data = plain.to_vec();
    data.resize(plain.len() + padding, u8::try_from(padding).ok()?);
    let key = EncryptingKey::cbc(UnboundCipherKey::new(algorithm, key).ok()?).ok()?;
    key.less_safe_encrypt(&mut data, EncryptionContext::Iv128(FixedLength::from(iv))).ok()?;
    Some([iv.as_slice(), &data].concat())
}

fn seal_gcm(algorithm: &'static aead::Algorithm, key: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let mut nonce = [0u8; aead::NONCE_LEN];
    aws_lc_rs::rand::fill(&mut nonce).ok()?;
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
    let mut data = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut data).ok()?;
    Some([nonce.as_slice(), &data].concat())
}
