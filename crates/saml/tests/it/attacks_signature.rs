//! Rules 6 to 8: the structure of a signature, its algorithms, and whose key counts.

use crate::support::*;
use aws_lc_rs::hmac;
use gatehouse_saml::idp::{Fault, canonical_form};
use gatehouse_saml::{Certificate, Reason, SignatureAlgorithm};

const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const ENVELOPED: &str = "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\">\
                         </ds:Transform>";
const EXCLUSIVE: &str = "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform>";

/// A genuine signature over a `SignedInfo` with one change.
fn info(name: &'static str, from: &str, to: &str, reason: Reason) -> Attack {
    attack(name, with_signed_info(|info| swap(&info, from, to)), reason)
}

fn method(name: &'static str, uri: &str, reason: Reason) -> Attack {
    info(name, RSA_SHA256, uri, reason)
}

fn transform(name: &'static str, uri: &str, reason: Reason) -> Attack {
    let added = format!("{EXCLUSIVE}<ds:Transform Algorithm=\"{uri}\"></ds:Transform>");
    info(name, EXCLUSIVE, &added, reason)
}

#[test]
fn forbidden_algorithms_are_refused_for_their_own_reason() {
    let digest = "http://www.w3.org/2001/04/xmlenc#sha256";
    let c14n = "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">";
    let other_c14n = |uri: &str| format!("<ds:CanonicalizationMethod Algorithm=\"{uri}\">");
    let reason = Reason::AlgorithmForbidden;
    all_refused(
        vec![
            method("rsa-sha1", "http://www.w3.org/2000/09/xmldsig#rsa-sha1", Reason::Sha1Forbidden),
            method("rsa-md5", "http://www.w3.org/2001/04/xmldsig-more#rsa-md5", reason),
            method("dsa-sha1", "http://www.w3.org/2000/09/xmldsig#dsa-sha1", reason),
            method("dsa-sha256", "http://www.w3.org/2009/xmldsig11#dsa-sha256", reason),
            method("hmac-sha256", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", reason),
            method("no algorithm", "", reason),
            method("none", "none", reason),
            method("ecdsa-sha1", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1", reason),
            method(
                "ecdsa with an rsa key",
                "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
                Reason::SignatureWrongKey,
            ),
            method(
                "rsa-sha512 over an rsa-sha256 value",
                "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
                Reason::SignatureWrongKey,
            ),
            info("sha-1 digest", digest, "http://www.w3.org/2000/09/xmldsig#sha1", Reason::Sha1Forbidden),
            info(
                "md5 digest",
                digest,
                "http://www.w3.org/2001/04/xmldsig-more#md5",
                Reason::DigestAlgorithmForbidden,
            ),
            info("no digest algorithm", digest, "", Reason::DigestAlgorithmForbidden),
            info(
                "inclusive canonicalization",
                c14n,
                &other_c14n("http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
                Reason::CanonicalizationForbidden,
            ),
            info(
                "canonicalization with comments",
                c14n,
                &other_c14n("http://www.w3.org/2001/10/xml-exc-c14n#WithComments"),
                Reason::CanonicalizationForbidden,
            ),
            info(
                "canonicalization 1.1",
                c14n,
                &other_c14n("http://www.w3.org/2006/12/xml-c14n11"),
                Reason::CanonicalizationForbidden,
            ),
            transform("xpath", "http://www.w3.org/TR/1999/REC-xpath-19991116", Reason::TransformForbidden),
            transform(
                "xpath filter",
                "http://www.w3.org/2002/06/xmldsig-filter2",
                Reason::TransformForbidden,
            ),
            transform("xslt", "http://www.w3.org/TR/1999/REC-xslt-19991116", Reason::TransformForbidden),
            transform("base64", "http://www.w3.org/2000/09/xmldsig#base64", Reason::TransformForbidden),
            transform(
                "third transform",
                "http://www.w3.org/2001/10/xml-exc-c14n#",
                Reason::TransformForbidden,
            ),
            transform(
                "comments in the transform",
                "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
                Reason::CanonicalizationForbidden,
            ),
            info(
                "inclusive transform",
                EXCLUSIVE,
                "<ds:Transform Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"></ds:Transform>",
                Reason::CanonicalizationForbidden,
            ),
            info("only enveloped", EXCLUSIVE, "", Reason::TransformForbidden),
            info("not enveloped", ENVELOPED, "", Reason::TransformForbidden),
            info(
                "no transforms",
                &format!("<ds:Transforms>{ENVELOPED}{EXCLUSIVE}</ds:Transforms>"),
                "",
                Reason::SignatureMalformed,
            ),
            info(
                "transforms turned round",
                &format!("{ENVELOPED}{EXCLUSIVE}"),
                &format!("{EXCLUSIVE}{ENVELOPED}"),
                Reason::TransformForbidden,
            ),
        ],
        27,
    );
}

#[test]
fn forged_structures_are_refused_for_their_own_reason() {
    let good = honest();
    let value = cut(&good, "<ds:SignatureValue>", "</ds:SignatureValue>").to_owned();
    let reference = "<ds:Reference URI=\"#_r1-a\">";
    let twice = |info: String| {
        let one = cut(&info, "<ds:Reference", "</ds:Reference>").to_owned();
        info.replace(&one, &format!("{one}{one}"))
    };
    let none = |info: String| {
        let one = cut(&info, "<ds:Reference", "</ds:Reference>").to_owned();
        info.replace(&one, "")
    };
    let malformed = Reason::SignatureMalformed;
    all_refused(
        vec![
            info("empty reference", reference, "<ds:Reference URI=\"\">", Reason::ReferenceMismatch),
            info("reference without URI", reference, "<ds:Reference>", Reason::ReferenceMismatch),
            info(
                "reference to the response",
                reference,
                "<ds:Reference URI=\"#_r1\">",
                Reason::ReferenceMismatch,
            ),
            info("reference to nothing", reference, "<ds:Reference URI=\"#_x\">", Reason::ReferenceMismatch),
            info(
                "reference by xpointer",
                reference,
                "<ds:Reference URI=\"#xpointer(id('_r1-a'))\">",
                Reason::ReferenceMismatch,
            ),
            info(
                "reference to elsewhere",
                reference,
                "<ds:Reference URI=\"https://evil.example/#_r1-a\">",
                Reason::ReferenceMismatch,
            ),
            attack("two references", with_signed_info(twice), Reason::ReferenceCount),
            attack("no reference", with_signed_info(none), Reason::ReferenceCount),
            attack(
                "hmac output length",
                with_signed_info(|info| {
                    swap(
                        &info,
                        "</ds:SignatureMethod>",
                        "<ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>",
                    )
                }),
                malformed,
            ),
            attack(
                "comment in the digest value",
                with_signed_info(|i| swap(&i, "<ds:DigestValue>", "<ds:DigestValue><!--x-->")),
                malformed,
            ),
            attack(
                "element in the digest value",
                with_signed_info(|i| swap(&i, "<ds:DigestValue>", "<ds:DigestValue><x></x>")),
                malformed,
            ),
            attack(
                "comment in the signature value",
                swap(&good, "<ds:SignatureValue>", "<ds:SignatureValue><!--x-->"),
                malformed,
            ),
            attack(
                "signature value is not base64",
                swap(&good, &value, "<ds:SignatureValue>!</ds:SignatureValue>"),
                malformed,
            ),
            attack("two signature values", swap(&good, &value, &format!("{value}{value}")), malformed),
            attack("no signature value", swap(&good, &value, ""), malformed),
            attack(
                "two key infos",
                swap(&good, "<ds:KeyInfo>", "<ds:KeyInfo></ds:KeyInfo><ds:KeyInfo>"),
                malformed,
            ),
            attack("stray text", swap(&good, "<ds:SignatureValue>", "stray<ds:SignatureValue>"), malformed),
            attack(
                "second SignedInfo",
                swap(&good, "<ds:SignatureValue>", "<ds:SignedInfo></ds:SignedInfo><ds:SignatureValue>"),
                malformed,
            ),
            attack(
                "unknown parameter of canonicalization",
                with_signed_info(|i| {
                    swap(&i, "</ds:CanonicalizationMethod>", "<x></x></ds:CanonicalizationMethod>")
                }),
                malformed,
            ),
            attack(
                "empty signature value",
                swap(&good, &value, "<ds:SignatureValue></ds:SignatureValue>"),
                Reason::SignatureInvalid,
            ),
        ],
        20,
    );
}

/// The public key as the secret of an HMAC: the classic confusion of algorithms.
#[test]
fn an_hmac_keyed_with_the_public_key_is_refused() {
    let xml = response().unsigned();
    let canonical = canonical_form(&xml, "_r1-a", &[]).unwrap();
    for secret in [IDP_KEY.certificate.der().to_vec(), IDP_KEY.certificate.to_pem().into_bytes()] {
        let message = with_custom_signature(
            &xml,
            &canonical,
            |info| swap(&info, RSA_SHA256, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"),
            |info| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), info).as_ref().to_vec(),
        );
        all_refused(vec![attack("hmac with the public key", message, Reason::AlgorithmForbidden)], 1);
    }
}

fn small_rsa_certificate() -> Certificate {
    Certificate::from_pem_or_base64(include_str!("../testdata/rsa-1024.crt")).unwrap()
}

#[test]
fn only_pinned_valid_keys_count() {
    let by_other = {
        let builder = response();
        builder.issue(&OTHER.key, &OTHER.certificate).unwrap()
    };
    let without_key_info = with_custom_signature(
        &response().unsigned(),
        &canonical_form(&response().unsigned(), "_r1-a", &[]).unwrap(),
        |info| info,
        |info| OTHER.key.sign(SignatureAlgorithm::RsaSha256, info).unwrap(),
    );
    let expired = IDP_KEY.key.self_signed("Old", NOW - 2 * YEAR, NOW - YEAR).unwrap();
    let later = IDP_KEY.key.self_signed("New", NOW + YEAR, NOW + 2 * YEAR).unwrap();
    let mut wrong_value = response();
    wrong_value.fault = Some(Fault::WrongSignature);
    all_refused(
        vec![
            attack("signed by another, certificate included", by_other.clone(), Reason::SignatureWrongKey),
            attack("signed by another, nothing included", without_key_info, Reason::SignatureWrongKey),
            attack(
                "signed by another, pinned certificate included",
                swap(&by_other, &OTHER.certificate.to_base64(), &IDP_KEY.certificate.to_base64()),
                Reason::SignatureInvalid,
            ),
            attack("bit of the value turned", issue(&wrong_value), Reason::SignatureInvalid),
            attack("expired certificate", honest(), Reason::CertificateExpired)
                .under(|p| p.certificates = vec![expired.clone()]),
            attack("only the expired of two verifies", honest(), Reason::CertificateExpired)
                .under(|p| p.certificates = vec![OTHER.certificate.clone(), expired.clone()]),
            attack("certificate not yet valid", honest(), Reason::CertificateNotYetValid)
                .under(|p| p.certificates = vec![later]),
            attack("small key", honest(), Reason::KeyForbidden)
                .under(|p| p.certificates = vec![small_rsa_certificate()]),
            attack("no certificate", honest(), Reason::CertificateCount).under(|p| p.certificates.clear()),
            attack("three certificates", honest(), Reason::CertificateCount)
                .under(|p| p.certificates = vec![p.certificates[0].clone(); 3]),
        ],
        10,
    );
}

/// SHA-1 is the one thing a connection may allow.
#[test]
fn sha1_is_accepted_only_when_allowed() {
    let sha1 = |info: String| {
        swap(&info, "http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1")
    };
    let xml = response().unsigned();
    let canonical = canonical_form(&xml, "_r1-a", &[]).unwrap();
    let sha256 = base64(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &canonical));
    let real = base64(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &canonical));
    let message = with_signed_info(|info| swap(&sha1(info), &sha256, &real));
    all_refused(vec![attack("sha-1 digest", message.clone(), Reason::Sha1Forbidden)], 1);
    let mut relaxed = policy();
    relaxed.allow_sha1 = true;
    accepted(gatehouse_saml::verify_bytes(message.as_bytes(), &relaxed));
}
