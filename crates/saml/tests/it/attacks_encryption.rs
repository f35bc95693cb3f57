//! Rule 10: encryption, which is no authentication.

use crate::support::*;
use gatehouse_saml::idp::{Encryption, KeyTransport, Sign, encrypt_element};
use gatehouse_saml::{DecryptionKey, Policy, Reason, verify_bytes};

fn encrypted(encryption: Encryption, sign: Sign) -> String {
    let mut builder = response();
    builder.sign = sign;
    builder.encrypt = Some((SP_KEY.certificate.clone(), encryption, KeyTransport::OaepSha1));
    issue(&builder)
}

/// Encrypts whatever stands for the assertion.
fn seal(xml: &str) -> String {
    seal_by(xml, Encryption::Aes256Gcm)
}

fn seal_by(xml: &str, encryption: Encryption) -> String {
    encrypt_element(xml, "_r1-a", &SP_KEY.certificate, encryption, KeyTransport::OaepSha1, true).unwrap()
}

/// Changes the nth character of the last cipher value.
fn garble(xml: &str, from_end: usize) -> String {
    let at = xml.rfind("</xenc:CipherValue>").unwrap() - from_end;
    let new = if xml[at..].starts_with('A') { 'B' } else { 'A' };
    format!("{}{new}{}", &xml[..at], &xml[at + 1..])
}

#[test]
fn hostile_encryption_is_refused_for_its_own_reason() {
    let good = encrypted(Encryption::Aes256Gcm, Sign::Assertion);
    let cbc = encrypted(Encryption::Aes256Cbc, Sign::Assertion);
    let element = cut(&good, "<saml:EncryptedAssertion", "</saml:EncryptedAssertion>").to_owned();
    let key = cut(&good, "<ds:KeyInfo", "</ds:KeyInfo>").to_owned();
    let value = cut(&good, "<xenc:CipherData>", "</xenc:CipherData>").to_owned();
    let content = {
        let at = good.rfind("<xenc:CipherData>").unwrap();
        cut(&good[at..], "<xenc:CipherData>", "</xenc:EncryptedData>").to_owned()
    };
    let forbidden = Reason::EncryptionAlgorithmForbidden;
    let failed = Reason::DecryptionFailed;
    let mut for_another = response();
    for_another.encrypt = Some((OTHER.certificate.clone(), Encryption::Aes256Gcm, KeyTransport::OaepSha1));
    let tampered = {
        let honest = honest();
        seal(&swap(&honest, "ada@example.org", "bob@example.org"))
    };
    all_refused(
        vec![
            attack(
                "encrypted but unsigned",
                encrypted(Encryption::Aes256Gcm, Sign::Nothing),
                Reason::SignatureMissing,
            ),
            attack("encrypted after tampering", tampered, Reason::DigestMismatch),
            attack(
                "two encrypted assertions",
                swap(&good, &element, &format!("{element}{element}")),
                Reason::MultipleAssertions,
            ),
            attack(
                "encrypted and plain assertion",
                swap(&good, &element, &format!("{element}{}", response().assertion())),
                Reason::MultipleAssertions,
            ),
            attack(
                "encrypted assertion in extensions",
                swap(
                    &good,
                    "<samlp:Status>",
                    &format!("<samlp:Extensions>{element}</samlp:Extensions><samlp:Status>"),
                ),
                Reason::MisplacedElement,
            ),
            attack(
                "encrypted data elsewhere",
                swap(
                    &good,
                    "<samlp:Status>",
                    "<x:EncryptedData xmlns:x=\"http://www.w3.org/2001/04/xmlenc#\"/><samlp:Status>",
                ),
                Reason::MisplacedElement,
            ),
            attack(
                "encrypted assertion without data",
                swap(&good, &element, "<saml:EncryptedAssertion></saml:EncryptedAssertion>"),
                Reason::EncryptionMalformed,
            ),
            attack("rsa 1.5", swap(&good, "xmlenc#rsa-oaep-mgf1p", "xmlenc#rsa-1_5"), forbidden),
            attack(
                "3des",
                swap(
                    &good,
                    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
                    "http://www.w3.org/2001/04/xmlenc#tripledes-cbc",
                ),
                forbidden,
            ),
            attack(
                "aes-192",
                swap(
                    &good,
                    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
                    "http://www.w3.org/2001/04/xmlenc#aes192-cbc",
                ),
                forbidden,
            ),
            attack("oaep with md5", swap(&good, "xmldsig#sha1", "xmldsig#md5"), forbidden),
            attack(
                "no content algorithm",
                swap(
                    &good,
                    "<xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\"/>",
                    "",
                ),
                forbidden,
            ),
            attack(
                "cipher reference",
                swap(
                    &good,
                    &content,
                    "<xenc:CipherData><xenc:CipherReference URI=\"file:///etc/passwd\"/></xenc:CipherData></xenc:EncryptedData>",
                ),
                Reason::CipherReferenceForbidden,
            ),
            attack(
                "two cipher data",
                swap(&good, "</xenc:EncryptedData>", "<xenc:CipherData/></xenc:EncryptedData>"),
                Reason::StructureInvalid,
            ),
            attack(
                "key by cipher reference",
                swap(
                    &good,
                    &value,
                    "<xenc:CipherData><xenc:CipherReference URI=\"http://evil.example\"/></xenc:CipherData>",
                ),
                Reason::CipherReferenceForbidden,
            ),
            attack("no encrypted key", swap(&good, &key, ""), Reason::EncryptionMalformed),
            attack(
                "cipher value is not base64",
                garble(&good, 1).replacen(
                    "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>",
                    "!</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>",
                    1,
                ),
                Reason::EncryptionMalformed,
            ),
            attack("no key here", good.clone(), Reason::DecryptionKeyMissing)
                .under(|p| p.decryption_keys.clear()),
            attack("for another's key", issue(&for_another), failed),
            attack("garbage in gcm", garble(&good, 400), failed),
            attack("garbage in the gcm tag", garble(&good, 5), failed),
            attack("garbage in cbc padding", garble(&cbc, 30), failed),
            attack("garbage in cbc content", garble(&cbc, 1500), failed),
            attack(
                "gcm read as cbc",
                swap(
                    &good,
                    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
                    "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
                ),
                failed,
            ),
            attack("cbc read with a shorter key", swap(&cbc, "aes256-cbc", "aes128-cbc"), failed),
            attack(
                "too short",
                swap(
                    &cbc,
                    cbc.rsplit("<xenc:CipherValue>").next().unwrap().split('<').next().unwrap(),
                    "AAAA",
                ),
                failed,
            ),
        ],
        26,
    );
}

/// What was decrypted must be exactly one element: neither text, nor two, nor a way out of its parent.
#[test]
fn decrypted_content_cannot_break_out() {
    let contents = [
        "plain text",
        "<a/><b/>",
        "</samlp:Response><samlp:Response>",
        "<a>",
        "<!--x-->",
        "<?xml version=\"1.0\"?><a/>",
        "<!DOCTYPE a><a/>",
        "<a>&evil;</a>",
        "<unbound:a/>",
        "",
    ];
    for content in contents {
        // A carrier of the ID in an otherwise empty document: only its content is what an attacker encrypts.
        let sealed = seal_content(content);
        let message = swap(
            &response().unsigned(),
            cut(&response().unsigned(), "<saml:Assertion", "</saml:Assertion>"),
            &sealed,
        );
        let refused = verify_bytes(message.as_bytes(), &policy()).outcome.unwrap_err();
        assert_eq!(refused.reason, Reason::DecryptionFailed, "{content}");
    }
    // Well-formed content that is no assertion, or encrypted once more, is refused by the rules of the whole.
    let sealed = seal_content("<a/>");
    let honest = response().unsigned();
    let assertion = cut(&honest, "<saml:Assertion", "</saml:Assertion>").to_owned();
    let message = swap(&honest, &assertion, &sealed);
    assert_eq!(
        verify_bytes(message.as_bytes(), &policy()).outcome.unwrap_err().reason,
        Reason::AssertionMissing
    );
    let twice = swap(&honest, &assertion, &seal_content(&seal_content("<a/>")));
    assert_eq!(
        verify_bytes(twice.as_bytes(), &policy()).outcome.unwrap_err().reason,
        Reason::DecryptionFailed
    );
    let inside =
        assertion.replace("<saml:Subject>", &format!("<saml:Advice>{assertion}</saml:Advice><saml:Subject>"));
    let nested = swap(&honest, &assertion, &seal_content(&inside));
    assert_eq!(
        verify_bytes(nested.as_bytes(), &policy()).outcome.unwrap_err().reason,
        Reason::MisplacedElement
    );
}

/// Encrypts any bytes as an `EncryptedAssertion`, with a key wrapped for the service provider.
fn seal_content(content: &str) -> String {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
    use x509_parser::prelude::FromDer;
    let certificate =
        x509_parser::certificate::X509Certificate::from_der(SP_KEY.certificate.der()).unwrap().1;
    let public = PublicEncryptingKey::from_der(certificate.public_key().raw).unwrap();
    let public = OaepPublicEncryptingKey::new(public).unwrap();
    let key = [7u8; 32];
    let mut wrapped = vec![0; public.ciphertext_size()];
    let wrapped = public.encrypt(&OAEP_SHA1_MGF1SHA1, &key, &mut wrapped, None).unwrap();
    let mut sealed = content.as_bytes().to_vec();
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap())
        .seal_in_place_append_tag(Nonce::assume_unique_for_key([1; 12]), Aad::empty(), &mut sealed)
        .unwrap();
    let sealed = [&[1u8; 12][..], &sealed].concat();
    format!(
        "<saml:EncryptedAssertion xmlns:saml=\"{SAML}\"><x:EncryptedData xmlns:x=\"http://www.w3.org/2001/04/xmlenc#\">\
         <x:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\"/>\
         <ds:KeyInfo xmlns:ds=\"{DS}\"><x:EncryptedKey>\
         <x:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p\"/>\
         <x:CipherData><x:CipherValue>{}</x:CipherValue></x:CipherData></x:EncryptedKey></ds:KeyInfo>\
         <x:CipherData><x:CipherValue>{}</x:CipherValue></x:CipherData></x:EncryptedData></saml:EncryptedAssertion>",
        base64(wrapped),
        base64(sealed)
    )
}

/// One error, word for word, whichever step of decryption failed.
#[test]
fn decryption_failures_cannot_be_told_apart() {
    let cbc = encrypted(Encryption::Aes128Cbc, Sign::Assertion);
    let key_garbled = {
        let at = cbc.find("<xenc:CipherValue>").unwrap() + 60;
        let new = if cbc[at..].starts_with('A') { 'B' } else { 'A' };
        format!("{}{new}{}", &cbc[..at], &cbc[at + 1..])
    };
    let other_key =
        Policy { decryption_keys: vec![DecryptionKey::from_signing_key(&OTHER.key).unwrap()], ..policy() };
    let cases = [
        verify_bytes(key_garbled.as_bytes(), &policy()),
        verify_bytes(garble(&cbc, 30).as_bytes(), &policy()),
        verify_bytes(garble(&cbc, 1500).as_bytes(), &policy()),
        verify_bytes(cbc.as_bytes(), &other_key),
    ];
    let details: Vec<_> = cases.into_iter().map(|j| j.outcome.unwrap_err()).collect();
    assert!(details.iter().all(|d| d == &details[0]), "{details:#?}");
    assert_eq!(details[0].reason, Reason::DecryptionFailed);
}
