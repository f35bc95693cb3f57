//! Honest messages of the shapes that identity providers in the world send: all accepted.

use crate::support::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use gatehouse_saml::idp::{
    Encryption, KeyTransport, ResponseBuilder, Sign, SignOptions, TokenKind, canonical_form, sign_enveloped,
};
use gatehouse_saml::{
    Certificate, DecryptionKey, InResponseTo, KeyKind, Policy, SignatureAlgorithm, VerifiedAssertion,
    verify_bytes,
};

/// A message and how it is judged.
struct Honest {
    name: &'static str,
    message: Vec<u8>,
    policy: Policy,
}

fn case(name: &'static str, message: impl Into<Vec<u8>>) -> Honest {
    Honest { name, message: message.into(), policy: policy() }
}

impl Honest {
    fn under(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    fn wsfed(self) -> Self {
        self.under(|p| *p = wsfed_policy())
    }
}

fn all_accepted(cases: Vec<Honest>, at_least: usize) {
    assert!(cases.len() >= at_least, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        match verify_bytes(&case.message, &case.policy).outcome {
            Ok(verified) => assert_eq!(verified.name_id().value, "ada@example.org", "{}", case.name),
            Err(refused) => wrong.push(format!("{}: {refused}", case.name)),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn with(change: impl FnOnce(&mut ResponseBuilder)) -> String {
    let mut builder = response();
    change(&mut builder);
    issue(&builder)
}

fn encrypted(encryption: Encryption, transport: KeyTransport, sign: Sign) -> String {
    with(|b| {
        b.sign = sign;
        b.encrypt = Some((SP_KEY.certificate.clone(), encryption, transport));
    })
}

/// The same message with other prefixes: `s` for the assertion, the default namespace for the protocol.
fn other_prefixes(xml: &str) -> String {
    xml.replace("<saml:", "<s:")
        .replace("</saml:", "</s:")
        .replace("xmlns:saml=", "xmlns:s=")
        .replace("<samlp:", "<")
        .replace("</samlp:", "</")
        .replace("xmlns:samlp=", "xmlns=")
}

/// Line breaks and indentation between elements.
fn pretty(xml: &str) -> String {
    xml.replace("><", ">\r\n    <")
}

fn assertion_signed_with(options: &SignOptions, xml: &str) -> String {
    sign_enveloped(xml, "_r1-a", &IDP_KEY.key, options).unwrap()
}

fn sha2(algorithm: SignatureAlgorithm) -> String {
    with(|b| b.algorithm = algorithm)
}

fn prefix_list(prefixes: &[&str], xml: &str) -> String {
    let inclusive_prefixes = prefixes.iter().map(|p| (*p).to_owned()).collect();
    assertion_signed_with(&SignOptions { inclusive_prefixes, ..SignOptions::default() }, xml)
}

#[test]
fn honest_shapes_are_accepted() {
    let good = honest();
    let unsigned = response().unsigned();
    let typed = "<saml:AttributeValue xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" \
                 xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xs:string\">";
    let expires = "NotOnOrAfter=\"2026-06-01T00:04:55Z\"";
    let bearer = "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">";
    let vouched = "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:sender-vouches\"/>";
    let elsewhere = format!(
        "{bearer}<saml:SubjectConfirmationData {expires} Recipient=\"https://other.example\" \
         InResponseTo=\"{REQUEST}\"/></saml:SubjectConfirmation>"
    );
    let restriction =
        format!("<saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction>");
    let default_ns = format!("xmlns=\"{SAML}\"");
    all_accepted(
        vec![
            case("assertion signed", good.clone()),
            case("response signed", honest_response_signed()),
            case("both signed", with(|b| b.sign = Sign::Both)),
            case(
                "xml declaration",
                format!("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n{good}\n"),
            ),
            case("xml declaration in other case", format!("<?xml version='1.0' encoding='utf-8'?>{good}")),
            case("byte order mark", [b"\xef\xbb\xbf", good.as_bytes()].concat()),
            case(
                "comment outside the signature",
                swap(&good, "<samlp:Status>", "<!-- hello --><samlp:Status>"),
            ),
            case("comment before the root", format!("<!-- hello -->{good}")),
            case(
                "comment inside the signed assertion",
                swap(&good, "<saml:Subject>", "<!-- hello --><saml:Subject>"),
            ),
            case("other prefixes", sign(&other_prefixes(&unsigned), "_r1-a")),
            case("default namespace of the assertion", {
                let xml = unsigned.replace(
                    "<saml:Assertion xmlns:saml=",
                    "<saml:Assertion xmlns:unused=\"urn:u\" xmlns:saml=",
                );
                let (head, rest) = xml.split_at(xml.find("<saml:Assertion").unwrap());
                let rest = rest
                    .replace("<saml:", "<")
                    .replace("</saml:", "</")
                    .replace(&format!("xmlns:saml=\"{SAML}\""), &default_ns);
                sign(&format!("{head}{rest}"), "_r1-a")
            }),
            case("namespaces declared only on the response", {
                let (head, rest) = unsigned.split_at(unsigned.find("<saml:Assertion").unwrap());
                sign(&format!("{head}{}", rest.replacen(&format!(" xmlns:saml=\"{SAML}\""), "", 1)), "_r1-a")
            }),
            case("pretty-printed before signing", sign(&pretty(&unsigned), "_r1-a")),
            case(
                "pretty-printed outside the signed assertion",
                swap(&good, "<samlp:Status><samlp:StatusCode", "<samlp:Status>\n\t<samlp:StatusCode"),
            ),
            case(
                "blanks around texts",
                sign(
                    &unsigned
                        .replace(IDP, &format!("\n  {IDP}\n "))
                        .replace(">ada@example.org</saml:NameID>", ">\n ada@example.org\t</saml:NameID>"),
                    "_r1-a",
                ),
            ),
            case("line breaks in base64", {
                let value = cut(&good, "<ds:X509Certificate>", "</ds:X509Certificate>").to_owned();
                let broken = value
                    .chars()
                    .collect::<Vec<_>>()
                    .chunks(64)
                    .map(String::from_iter)
                    .collect::<Vec<_>>()
                    .join("\n");
                swap(&good, &value, &broken.replace("<ds:X509Certi\nficate>", "<ds:X509Certificate>"))
            }),
            case("line breaks in the signature value", {
                let mark = "<ds:SignatureValue>";
                let at = good.find(mark).unwrap() + mark.len();
                format!("{}\n{}\r\n{}", &good[..at], &good[at..at + 64], &good[at + 64..])
            }),
            case("no key info", assertion_signed_with(&SignOptions::default(), &unsigned)),
            case("sha-384", sha2(SignatureAlgorithm::RsaSha384)),
            case("sha-512", sha2(SignatureAlgorithm::RsaSha512)),
            case("prefix list", prefix_list(&["xs", "saml", "samlp"], &unsigned)),
            case(
                "prefix list with #default",
                prefix_list(
                    &["#default", "samlp"],
                    &unsigned.replacen("<samlp:Response", "<samlp:Response xmlns=\"urn:d\"", 1),
                ),
            ),
            case("prefix list of nowhere", prefix_list(&["nowhere"], &unsigned)),
            case("typed values", sign(&unsigned.replace("<saml:AttributeValue>", typed), "_r1-a")),
            case("no destination, assertion signed", with(|b| b.destination = None)),
            case("no format of the name", with(|b| b.name_id_format = None)),
            case("no attributes", with(|b| b.attributes.clear())),
            case("several audiences", with(|b| b.audiences.insert(0, "https://other.example".to_owned()))),
            case(
                "two restrictions that both name us",
                signed_with(&restriction, &format!("{restriction}{restriction}")),
            ),
            case("audience is the IdP-initiated ACS URL", with(|b| b.audiences = vec![ACS_IDP.to_owned()])),
            case(
                "one-time use and proxy restriction",
                signed_with(
                    &restriction,
                    &format!("{restriction}<saml:OneTimeUse/><saml:ProxyRestriction Count=\"0\"/>"),
                ),
            ),
            case(
                "idp-initiated",
                with(|b| {
                    b.in_response_to = None;
                    b.recipient = ACS_IDP.to_owned();
                    b.destination = Some(ACS_IDP.to_owned());
                }),
            )
            .under(|p| p.in_response_to = InResponseTo::Unsolicited),
            case(
                "no issuer of the response",
                signed_with(&format!("<saml:Issuer>{IDP}</saml:Issuer><samlp:Status>"), "<samlp:Status>"),
            ),
            case(
                "response itself names no request",
                signed_with(&format!(" InResponseTo=\"{REQUEST}\">"), ">"),
            ),
            case(
                "fractions of seconds",
                sign(
                    &unsigned.replace("00:04:55Z", "00:04:55.1234567Z").replace("23:59:55Z", "23:59:55.001Z"),
                    "_r1-a",
                ),
            ),
            case(
                "times with an offset",
                sign(&unsigned.replace("2026-06-01T00:04:55Z", "2026-06-01T02:04:55+02:00"), "_r1-a"),
            ),
            case("clock a minute ahead", with(|b| b.issued_at = NOW + 60 * SECOND)),
            case("a minute late", with(|b| b.issued_at = NOW - 359 * SECOND)),
            case(
                "a confirmation of another method besides",
                signed_with(bearer, &format!("{vouched}{bearer}")),
            ),
            case(
                "a bearer confirmation for another recipient besides",
                signed_with(bearer, &format!("{elsewhere}{bearer}")),
            ),
            case(
                "consent and extensions",
                swap(
                    &swap(
                        &good,
                        " Destination=",
                        " Consent=\"urn:oasis:names:tc:SAML:2.0:consent:unspecified\" Destination=",
                    ),
                    "<samlp:Status>",
                    "<samlp:Extensions><x xmlns=\"urn:x\"/></samlp:Extensions><samlp:Status>",
                ),
            ),
            case(
                "advice without assertions",
                signed_with(
                    "<saml:AuthnStatement",
                    "<saml:Advice><x xmlns=\"urn:x\"/></saml:Advice><saml:AuthnStatement",
                ),
            ),
            case("second certificate", good.clone())
                .under(|p| p.certificates.insert(0, OTHER.certificate.clone())),
            case("an expired certificate besides", good.clone()).under(|p| {
                p.certificates.insert(0, OTHER.key.self_signed("Old", NOW - 2 * YEAR, NOW - YEAR).unwrap());
            }),
            case("aes-128-cbc", encrypted(Encryption::Aes128Cbc, KeyTransport::OaepSha1, Sign::Assertion)),
            case("aes-256-cbc", encrypted(Encryption::Aes256Cbc, KeyTransport::OaepSha1, Sign::Assertion)),
            case("aes-128-gcm", encrypted(Encryption::Aes128Gcm, KeyTransport::OaepSha1, Sign::Assertion)),
            case("aes-256-gcm", encrypted(Encryption::Aes256Gcm, KeyTransport::OaepSha1, Sign::Assertion)),
            case(
                "oaep with sha-256",
                encrypted(Encryption::Aes256Gcm, KeyTransport::OaepSha256, Sign::Assertion),
            ),
            case(
                "encrypted in a signed response",
                encrypted(Encryption::Aes128Gcm, KeyTransport::OaepSha1, Sign::Response),
            ),
            case(
                "encrypted, both signed",
                encrypted(Encryption::Aes256Cbc, KeyTransport::OaepSha256, Sign::Both),
            ),
            case(
                "second decryption key",
                encrypted(Encryption::Aes256Gcm, KeyTransport::OaepSha1, Sign::Assertion),
            )
            .under(|p| p.decryption_keys.insert(0, DecryptionKey::from_signing_key(&OTHER.key).unwrap())),
            case("encrypted key beside the data", {
                let xml = encrypted(Encryption::Aes256Gcm, KeyTransport::OaepSha1, Sign::Assertion);
                let key_info = cut(&xml, "<ds:KeyInfo xmlns", "</ds:KeyInfo>").to_owned();
                let key = cut(&key_info, "<xenc:EncryptedKey>", "</xenc:EncryptedKey>")
                    .replacen("<xenc:EncryptedKey", &format!("<xenc:EncryptedKey xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" xmlns:ds=\"{DS}\""), 1);
                let xml = xml.replacen(&key_info, "", 1);
                swap(&xml, "</saml:EncryptedAssertion>", &format!("{key}</saml:EncryptedAssertion>"))
            }),
            case("encrypted with prefixes of its place", {
                let (head, rest) = unsigned.split_at(unsigned.find("<saml:Assertion").unwrap());
                let signed = sign(
                    &format!("{head}{}", rest.replacen(&format!(" xmlns:saml=\"{SAML}\""), "", 1)),
                    "_r1-a",
                );
                gatehouse_saml::idp::encrypt_element(
                    &signed,
                    "_r1-a",
                    &SP_KEY.certificate,
                    Encryption::Aes256Gcm,
                    KeyTransport::OaepSha1,
                    true,
                )
                .unwrap()
            }),
        ],
        50,
    );
}

#[test]
fn honest_tokens_of_ws_federation_are_accepted() {
    let token = |kind, collection, encrypt: Option<Encryption>| {
        let mut builder = rstr();
        builder.kind = kind;
        builder.collection = collection;
        builder.response.encrypt = encrypt.map(|e| (SP_KEY.certificate.clone(), e, KeyTransport::OaepSha1));
        issue_rstr(&builder)
    };
    let without_data = {
        let mut builder = rstr();
        builder.kind = TokenKind::Saml20;
        let xml = builder.unsigned();
        let data = cut(&xml, "<saml:SubjectConfirmationData", "/>").to_owned();
        sign(&swap(&xml, &data, ""), "_t1-a")
    };
    let no_confirmation = {
        let xml = rstr().unsigned();
        let confirmation = cut(&xml, "<saml:SubjectConfirmation>", "</saml:SubjectConfirmation>").to_owned();
        sign(&xml.replace(&confirmation, ""), "_t1-a")
    };
    all_accepted(
        vec![
            case("saml 1.1", token(TokenKind::Saml11, false, None)).wsfed(),
            case("saml 1.1 in a collection", token(TokenKind::Saml11, true, None)).wsfed(),
            case("saml 2.0", token(TokenKind::Saml20, false, None)).wsfed(),
            case("saml 2.0 in a collection", token(TokenKind::Saml20, true, None)).wsfed(),
            case("saml 1.1 encrypted", token(TokenKind::Saml11, false, Some(Encryption::Aes256Cbc))).wsfed(),
            case("saml 2.0 encrypted", token(TokenKind::Saml20, true, Some(Encryption::Aes256Gcm))).wsfed(),
            case("saml 2.0 without confirmation data", without_data).wsfed(),
            case("saml 1.1 without confirmation", no_confirmation).wsfed(),
        ],
        8,
    );
}

#[test]
fn everything_said_is_handed_on() {
    let message = with(|b| {
        b.attributes
            .push(("näme".to_owned(), vec!["Ada Lovelace".to_owned(), "愛 & <b>".to_owned(), String::new()]));
        b.attributes.push(("groups".to_owned(), vec!["later".to_owned()]));
    });
    let message = sign(
        &swap(
            &message.replace(cut(&message, "<ds:Signature ", "</ds:Signature>"), ""),
            "<saml:NameID ",
            "<saml:NameID NameQualifier=\"q\" SPNameQualifier=\"sp\" ",
        )
        .replacen(
            "<saml:AuthnStatement ",
            "<saml:AuthnStatement SessionNotOnOrAfter=\"2026-06-01T08:00:00Z\" ",
            1,
        ),
        "_r1-a",
    );
    let judgement = verify_bytes(message.as_bytes(), &policy());
    assert!(judgement.checks.iter().all(|c| c.ok));
    let verified: VerifiedAssertion = accepted(judgement);
    assert_eq!(verified.assertion_id(), "_r1-a");
    assert_eq!(verified.response_id(), Some("_r1"));
    assert_eq!(verified.issuer(), IDP);
    assert_eq!(
        verified.name_id().format.as_deref(),
        Some("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress")
    );
    assert_eq!(verified.name_id().name_qualifier.as_deref(), Some("q"));
    assert_eq!(verified.name_id().sp_name_qualifier.as_deref(), Some("sp"));
    assert_eq!(verified.session_index(), Some("_r1-s"));
    assert_eq!(verified.session_not_on_or_after(), Some(NOW + 8 * 3600 * SECOND));
    assert_eq!(verified.not_on_or_after(), NOW + 295 * SECOND);
    assert_eq!(verified.replay_until(), NOW + 355 * SECOND);
    assert_eq!(verified.in_response_to(), Some(REQUEST));
    assert_eq!(
        verified.authn_context(),
        Some("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport")
    );
    assert_eq!(verified.certificate_fingerprint(), IDP_KEY.certificate.fingerprint());
    assert!(!verified.used_fallback());
    assert_eq!(verified.attributes()["groups"], ["staff", "admins", "later"]);
    assert_eq!(verified.attributes()["näme"], ["Ada Lovelace", "愛 & <b>", ""]);
}

#[test]
fn claims_of_saml_1_1_have_their_full_names() {
    let verified = accepted(verify_bytes(issue_rstr(&rstr()).as_bytes(), &wsfed_policy()));
    let name = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";
    assert_eq!(verified.attributes()[name], ["ada@example.org"]);
    assert_eq!(verified.response_id(), None);
    assert_eq!(verified.assertion_id(), "_t1-a");
    assert_eq!(verified.authn_context(), Some("urn:oasis:names:tc:SAML:1.0:am:password"));
}

#[test]
fn the_fallback_certificate_is_told() {
    let mut two = policy();
    two.certificates.insert(0, OTHER.certificate.clone());
    let verified = accepted(verify_bytes(honest().as_bytes(), &two));
    assert!(verified.used_fallback());
    assert_eq!(verified.certificate_fingerprint(), IDP_KEY.certificate.fingerprint());
}

#[test]
fn ecdsa_is_accepted_with_a_p256_certificate() {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(2025, 1, 1);
    params.not_after = rcgen::date_time_ymd(2035, 1, 1);
    let certificate = Certificate::from_der(params.self_signed(&pair).unwrap().der()).unwrap();
    assert_eq!((certificate.key_kind(), certificate.key_bits()), (KeyKind::EcdsaP256, 256));
    let signer = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pair.serialized_der()).unwrap();
    let xml = response().unsigned();
    let message = with_custom_signature(
        &xml,
        &canonical_form(&xml, "_r1-a", &[]).unwrap(),
        |info| swap(&info, "xmldsig-more#rsa-sha256", "xmldsig-more#ecdsa-sha256"),
        |info| signer.sign(&SystemRandom::new(), info).unwrap().as_ref().to_vec(),
    );
    all_accepted(vec![case("ecdsa", message).under(|p| p.certificates = vec![certificate])], 1);
}

#[test]
fn a_person_in_thousands_of_groups_can_sign_in() {
    let groups: Vec<String> =
        (0..5_000).map(|n| format!("CN=Group {n},OU=Groups,DC=example,DC=org")).collect();
    let message = with(|b| b.attributes = vec![("groups".to_owned(), groups.clone())]);
    let verified = accepted(verify_bytes(message.as_bytes(), &policy()));
    assert_eq!(verified.attributes()["groups"], groups);
}
