//! Certificates and keys as administrators paste them.

use crate::support::*;
use gatehouse_saml::{Certificate, CertificateError, DecryptionKey, KeyError, KeyKind, SigningKey};

#[test]
fn a_certificate_is_read_with_or_without_its_markers() {
    let certificate = &IDP_KEY.certificate;
    let pem = certificate.to_pem();
    let body = certificate.to_base64();
    let spaced: String = body.chars().flat_map(|c| [c, '\n']).collect();
    let windows = pem.replace('\n', "\r\n");
    let indented = pem.replace('\n', "\n    ");
    let described = format!("subject=CN = IdP\n{pem}\n");
    for text in [&pem, &body, &spaced, &windows, &indented, &described] {
        assert_eq!(Certificate::from_pem_or_base64(text).unwrap(), *certificate);
    }
    assert_eq!(certificate.subject(), "CN=IdP");
    assert_eq!(certificate.fingerprint().len(), 64);
    assert_eq!((certificate.key_kind(), certificate.key_bits()), (KeyKind::Rsa, 2048));
    assert!(certificate.not_before() <= NOW - YEAR && certificate.not_after() >= NOW + YEAR);
    assert!(certificate.check_key().is_ok());
}

#[test]
fn what_is_no_certificate_is_told_apart() {
    let pem = IDP_KEY.certificate.to_pem();
    let key = IDP_KEY.key.to_pkcs8_pem().unwrap();
    let read = |text: &str| Certificate::from_pem_or_base64(text).unwrap_err();
    assert_eq!(read(" \n"), CertificateError::Empty);
    assert_eq!(read("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"), CertificateError::Empty);
    assert_eq!(read("hello, world"), CertificateError::NotBase64);
    assert_eq!(read(&pem[..pem.len() / 2]), CertificateError::NotBase64);
    assert_eq!(read(&format!("{pem}{pem}")), CertificateError::Several);
    assert_eq!(read(&key), CertificateError::WrongLabel("PRIVATE KEY".to_owned()));
    assert_eq!(read("aGVsbG8="), CertificateError::NotX509);
    assert_eq!(read(&"A".repeat(100_000)), CertificateError::TooLarge);
    let small = Certificate::from_pem_or_base64(include_str!("../testdata/rsa-1024.crt")).unwrap();
    assert_eq!(small.key_bits(), 1024);
    assert!(matches!(small.check_key(), Err(CertificateError::KeyForbidden(_))));
}

#[test]
fn keys_survive_writing_and_reading() {
    let key = &SP_KEY.key;
    let again = SigningKey::from_pem(&key.to_pkcs8_pem().unwrap()).unwrap();
    assert_eq!(again.to_pkcs8_der().unwrap(), key.to_pkcs8_der().unwrap());
    assert!(SigningKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).is_ok());
    assert!(DecryptionKey::from_pem(&key.to_pkcs8_pem().unwrap()).is_ok());
    assert!(matches!(SigningKey::from_pem("nonsense!"), Err(KeyError::NotPem)));
    assert!(matches!(SigningKey::from_pem("aGVsbG8="), Err(KeyError::NotRsa)));
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\naGVsbG8=\n-----END ENCRYPTED PRIVATE KEY-----";
    assert!(matches!(SigningKey::from_pem(encrypted), Err(KeyError::Unsupported(_))));
}

#[test]
fn a_pkcs1_key_is_read() {
    // PKCS#8 of RSA is a fixed prefix of 26 bytes around PKCS#1 for keys of this size.
    let pkcs8 = SP_KEY.key.to_pkcs8_der().unwrap();
    let pem =
        format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", base64(&pkcs8[26..]));
    assert!(DecryptionKey::from_pem(&pem).is_ok());
    assert_eq!(SigningKey::from_pem(&pem).unwrap().to_pkcs8_der().unwrap(), pkcs8);
}

#[test]
fn private_keys_are_never_shown() {
    assert_eq!(format!("{:?}", SP_KEY.key), "SigningKey(…)");
    assert_eq!(format!("{:?}", DecryptionKey::from_signing_key(&SP_KEY.key).unwrap()), "DecryptionKey(…)");
    let debug = format!("{:?}", policy());
    assert!(debug.contains("DecryptionKey(…)"));
}
