//! What decryption puts into the document: the input is the plaintext of an encrypted assertion, or a whole message.
#![no_main]

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatehouse_fuzz::{ACS, IDP, REQUEST, SAML, SP_KEY, insist_on_honesty};
use gatehouse_saml::verify_bytes;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const CONTENT_KEY: [u8; 16] = [7; 16];

/// Everything before the cipher value; the content key in it is sealed for us.
static BEFORE: LazyLock<String> = LazyLock::new(|| {
    let pkcs8 = SP_KEY.key.to_pkcs8_der().expect("our key");
    let pair = aws_lc_rs::rsa::KeyPair::from_pkcs8(&pkcs8).expect("our key");
    let der =
        aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(pair.public_key())
            .expect("our public key");
    let public = PublicEncryptingKey::from_der(der.as_ref()).expect("our public key");
    let oaep = OaepPublicEncryptingKey::new(public).expect("an RSA key");
    let mut sealed = vec![0; oaep.ciphertext_size()];
    let sealed = oaep.encrypt(&OAEP_SHA1_MGF1SHA1, &CONTENT_KEY, &mut sealed, None).expect("sealing the key");
    format!(
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_r1\" Version=\"2.0\" \
         IssueInstant=\"2027-05-31T23:59:55Z\" Destination=\"{ACS}\" InResponseTo=\"{REQUEST}\">\
         <saml:Issuer>{IDP}</saml:Issuer><samlp:Status><samlp:StatusCode \
         Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status><saml:EncryptedAssertion>\
         <xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" \
         Type=\"http://www.w3.org/2001/04/xmlenc#Element\"><xenc:EncryptionMethod \
         Algorithm=\"http://www.w3.org/2009/xmlenc11#aes128-gcm\"/><ds:KeyInfo \
         xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><xenc:EncryptedKey><xenc:EncryptionMethod \
         Algorithm=\"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p\"/><xenc:CipherData><xenc:CipherValue>{}\
         </xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>",
        STANDARD.encode(sealed)
    )
});
const AFTER: &str =
    "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion></samlp:Response>";

fn around(plain: &[u8]) -> String {
    let nonce = [9; 12];
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &CONTENT_KEY).expect("a key of 16 bytes"));
    let mut sealed = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
        .expect("sealing");
    let sealed = STANDARD.encode([&nonce[..], &sealed].concat());
    format!("{}{sealed}{AFTER}", *BEFORE)
}

fuzz_target!(|data: &[u8]| {
    let whole = data.starts_with(b"<samlp:Response");
    let judgement =
        if whole { verify_bytes(data, &SAML) } else { verify_bytes(around(data).as_bytes(), &SAML) };
    if let Ok(verified) = judgement.outcome {
        insist_on_honesty(&verified);
    }
});
