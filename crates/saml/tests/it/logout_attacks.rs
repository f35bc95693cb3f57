//! Hostile logout messages, each refused for its own reason, and none that panics.

use crate::logout::*;
use crate::support::*;
use gatehouse_saml::idp::SignOptions;
use gatehouse_saml::{
    LogoutKind, LogoutMessage, LogoutRequest, LogoutResponse, Policy, Reason, SignatureAlgorithm,
    verify_logout,
};
use proptest::prelude::*;
use std::io::Write as _;

/// What is thought of a message that may not even be one.
fn reason(message: Result<LogoutMessage, gatehouse_saml::Rejection>, policy: &Policy) -> Option<Reason> {
    let message = match message {
        Ok(message) => message,
        Err(refused) => return Some(refused.reason),
    };
    let judgement = verify_logout(&message, policy);
    let refused = judgement.outcome.err()?;
    assert!(judgement.checks.last().is_some_and(|c| !c.ok), "the last check is the failed one: {refused}");
    Some(refused.reason)
}

fn signed(change: impl FnOnce(String) -> String) -> Result<LogoutMessage, gatehouse_saml::Rejection> {
    Ok(posted(&sign(&change(logout_request().to_xml()), "_l1")))
}

fn with(from: &str, to: &str) -> Result<LogoutMessage, gatehouse_saml::Rejection> {
    signed(|xml| swap(&xml, from, to))
}

#[test]
fn hostile_queries_are_refused() {
    let good = by_redirect(&logout_request(), &IDP_KEY.key);
    let part = |name: &str| good.split('&').find(|p| p.starts_with(name)).unwrap().to_owned();
    let (request, relay, algorithm) = (part("SAMLRequest"), part("RelayState"), part("SigAlg"));
    let resigned = |text: &str, how| {
        let value = base64(IDP_KEY.key.sign(how, text.as_bytes()).unwrap());
        format!("{text}&Signature={}", value.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"))
    };
    let other = by_redirect(&LogoutRequest { id: "_other".to_owned(), ..logout_request() }, &IDP_KEY.key);
    let other_request = other.split('&').next().unwrap();
    let sha1 = algorithm.replace("2001%2F04%2Fxmldsig-more%23rsa-sha256", "2000%2F09%2Fxmldsig%23rsa-sha1");
    let mac = algorithm.replace("rsa-sha256", "hmac-sha256");
    let mut bomb = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 40 * 1024 * 1024]).unwrap();
    let bomb = base64(bomb.finish().unwrap()).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let rsa256 = SignatureAlgorithm::RsaSha256;
    let (wrong_key, missing) = (Reason::SignatureWrongKey, Reason::SignatureMissing);
    for (attack, query, expected) in [
        ("unsigned", format!("{request}&{relay}"), missing),
        ("signature stripped", format!("{request}&{relay}&{algorithm}"), missing),
        ("algorithm stripped", good.replace(&format!("&{algorithm}"), ""), missing),
        ("signed by a key nobody pinned", by_redirect(&logout_request(), &OTHER.key), wrong_key),
        ("signature of another message", good.replace(&request, other_request), wrong_key),
        ("relay state changed", good.replace(&relay, "RelayState=evil"), wrong_key),
        ("relay state removed", good.replace(&format!("&{relay}"), ""), wrong_key),
        ("relay state encoded anew", good.replace("%20", "+"), wrong_key),
        ("signed in another order", resigned(&format!("{relay}&{request}&{algorithm}"), rsa256), wrong_key),
        (
            "signed without the algorithm",
            {
                let text = resigned(&format!("{request}&{relay}"), rsa256);
                text.replace("&Signature", &format!("&{algorithm}&Signature"))
            },
            wrong_key,
        ),
        ("sha1", resigned(&format!("{request}&{relay}&{sha1}"), rsa256), Reason::Sha1Forbidden),
        ("hmac", resigned(&format!("{request}&{relay}&{mac}"), rsa256), Reason::AlgorithmForbidden),
        ("a parameter twice", format!("{good}&{relay}"), Reason::RedirectMalformed),
        ("request and response", format!("{good}&SAMLResponse=AAAA"), Reason::RedirectMalformed),
        ("neither", "RelayState=x".to_owned(), Reason::RedirectMalformed),
        ("another encoding", format!("{good}&SAMLEncoding=urn%3Aother"), Reason::RedirectMalformed),
        ("not base64", good.replace(&request, "SAMLRequest=%%%"), Reason::RedirectMalformed),
        ("not deflated", good.replace(&request, "SAMLRequest=PGEvPg%3D%3D"), Reason::RedirectMalformed),
        ("a bomb", good.replace(&request, &format!("SAMLRequest={bomb}")), Reason::MessageTooLarge),
        ("a long query", format!("{good}&x={}", "x".repeat(70_000)), Reason::MessageTooLarge),
        ("a request as a response", good.replace("SAMLRequest=", "SAMLResponse="), Reason::UnexpectedRoot),
    ] {
        let got = reason(LogoutMessage::from_redirect(&query), &slo_policy());
        assert_eq!(got, Some(expected), "{attack}");
    }
}

#[test]
fn hostile_posts_are_refused() {
    let honest = sign(&logout_request().to_xml(), "_l1");
    let signature = cut(&honest, "<ds:Signature ", "</ds:Signature>").to_owned();
    let name = "<saml:NameID>eve@example.org</saml:NameID>";
    let unsigned = logout_request().to_xml();
    let foreign = sign_by_other(&unsigned);
    let inner = unsigned.replace("_l1", "_inner");
    let wrap = |place: &str| {
        // the signed request inside a forged one that borrows its signature
        let forged = unsigned.replace("_l1", "_evil").replace("ada@", "eve@");
        swap(&forged, "</saml:Issuer>", &format!("</saml:Issuer>{}", place.replace("{}", &honest)))
    };
    let indexes = "<samlp:SessionIndex>x</samlp:SessionIndex>".repeat(65);
    for (attack, message, expected) in [
        ("unsigned", Ok(posted(&unsigned)), Reason::SignatureMissing),
        ("stripped", Ok(posted(&swap(&honest, &signature, ""))), Reason::SignatureMissing),
        ("another key", Ok(posted(&foreign)), Reason::SignatureWrongKey),
        ("changed name", Ok(posted(&swap(&honest, "ada@", "eve@"))), Reason::DigestMismatch),
        (
            "session removed",
            Ok(posted(&swap(&honest, "<samlp:SessionIndex>_s1</samlp:SessionIndex>", ""))),
            Reason::DigestMismatch,
        ),
        (
            "reference elsewhere",
            Ok(posted(&swap(
                &swap(&honest, "ID=\"_l1\"", "ID=\"_l9\""),
                "<saml:NameID",
                "<saml:NameID ID=\"_l1\"",
            ))),
            Reason::ReferenceMismatch,
        ),
        (
            "signature in the name",
            Ok(posted(&swap(
                &swap(&honest, &signature, ""),
                "</saml:NameID>",
                &format!("{signature}</saml:NameID>"),
            ))),
            Reason::SignatureMisplaced,
        ),
        (
            "two signatures",
            Ok(posted(&swap(&honest, &signature, &format!("{signature}{signature}")))),
            Reason::SignatureMultiple,
        ),
        (
            "wrapped in extensions",
            Ok(posted(&wrap("<samlp:Extensions>{}</samlp:Extensions>"))),
            Reason::MisplacedElement,
        ),
        ("wrapped bare", Ok(posted(&wrap("{}"))), Reason::MisplacedElement),
        ("duplicate ID", with("<saml:NameID", "<saml:NameID ID=\"_l1\""), Reason::DuplicateId),
        ("a second name", with("</saml:NameID>", &format!("</saml:NameID>{name}")), Reason::NameIdMultiple),
        (
            "a name in the extensions",
            with("</saml:Issuer>", &format!("</saml:Issuer><samlp:Extensions>{name}</samlp:Extensions>")),
            Reason::NameIdMissing,
        ),
        (
            "no name",
            signed(|xml| {
                let n = cut(&xml, "<saml:NameID", "</saml:NameID>").to_owned();
                swap(&xml, &n, "")
            }),
            Reason::NameIdMissing,
        ),
        ("an empty name", with("ada@example.org", " "), Reason::NameIdEmpty),
        ("a base id", signed(|xml| xml.replace("saml:NameID", "saml:BaseID")), Reason::NameIdMissing),
        ("markup in the name", with("ada@", "ada<b/>@"), Reason::StructureInvalid),
        (
            "too many sessions",
            with("</samlp:LogoutRequest>", &format!("{indexes}</samlp:LogoutRequest>")),
            Reason::TooManySessionIndexes,
        ),
        (
            "foreign child",
            with("</samlp:LogoutRequest>", "<x/></samlp:LogoutRequest>"),
            Reason::MisplacedElement,
        ),
        (
            "another issuer",
            with("<saml:Issuer>https://idp", "<saml:Issuer>https://evil"),
            Reason::IssuerMismatch,
        ),
        (
            "no issuer",
            signed(|xml| {
                let i = cut(&xml, "<saml:Issuer", "</saml:Issuer>").to_owned();
                swap(&xml, &i, "")
            }),
            Reason::StructureInvalid,
        ),
        (
            "another destination",
            with("gate.example/saml/slo", "evil.example/saml/slo"),
            Reason::DestinationMismatch,
        ),
        ("another endpoint of ours", with("/saml/slo", "/saml/slo/con_2"), Reason::DestinationMismatch),
        (
            "no destination",
            with(" Destination=\"https://gate.example/saml/slo\"", ""),
            Reason::DestinationMissing,
        ),
        ("SAML 1.1", with("Version=\"2.0\"", "Version=\"1.1\""), Reason::VersionUnsupported),
        ("no ID", Ok(posted(&unsigned.replace(" ID=\"_l1\"", ""))), Reason::StructureInvalid),
        ("doctype", Ok(posted(&format!("<!DOCTYPE x>{honest}"))), Reason::DoctypeForbidden),
        (
            "another root",
            Ok(posted(&unsigned.replace("LogoutRequest", "AuthnRequest"))),
            Reason::UnexpectedRoot,
        ),
        (
            "an inner request",
            with("</samlp:LogoutRequest>", &format!("{inner}</samlp:LogoutRequest>")),
            Reason::MisplacedElement,
        ),
        (
            "too large",
            LogoutMessage::from_post(
                LogoutKind::Request,
                &base64(format!("{honest}{}", " ".repeat(70_000))),
                None,
            ),
            Reason::MessageTooLarge,
        ),
        ("no base64", LogoutMessage::from_post(LogoutKind::Request, "!", None), Reason::NotBase64),
    ] {
        assert_eq!(reason(message, &slo_policy()), Some(expected), "{attack}");
    }
}

fn sign_by_other(xml: &str) -> String {
    let options = SignOptions { certificate: Some(OTHER.certificate.clone()), ..SignOptions::default() };
    gatehouse_saml::idp::sign_enveloped(xml, "_l1", &OTHER.key, &options).unwrap()
}

#[test]
fn requests_out_of_their_time_are_refused() {
    let at = |issued: i64, end: Option<i64>| {
        let request = LogoutRequest { issue_instant: issued, not_on_or_after: end, ..logout_request() };
        reason(Ok(posted(&sign(&request.to_xml(), "_l1"))), &slo_policy())
    };
    assert_eq!(at(NOW, None), None);
    assert_eq!(at(NOW + 59 * SECOND, None), None, "a clock may be a minute ahead");
    assert_eq!(at(NOW + 61 * SECOND, None), Some(Reason::IssuedInFuture));
    assert_eq!(at(NOW - 359 * SECOND, None), None);
    assert_eq!(at(NOW - 360 * SECOND, None), Some(Reason::LogoutExpired));
    assert_eq!(at(NOW - SECOND, Some(NOW - 59 * SECOND)), None);
    assert_eq!(at(NOW - SECOND, Some(NOW - 60 * SECOND)), Some(Reason::LogoutExpired));
    assert_eq!(
        reason(with("NotOnOrAfter=\"2026", "NotOnOrAfter=\"x026"), &slo_policy()),
        Some(Reason::TimeMalformed)
    );
}

#[test]
fn answers_that_nobody_waits_for_are_refused() {
    let response = |change: &dyn Fn(String) -> String| {
        let xml = sign(&change(logout_response().to_xml()), "_l2");
        LogoutMessage::from_post(LogoutKind::Response, &base64(xml), None)
    };
    let same = |xml: String| xml;
    assert_eq!(reason(response(&same), &waiting()), None);
    assert_eq!(reason(response(&same), &slo_policy()), Some(Reason::InResponseToUnexpected));
    let other = |xml: String| xml.replace(REQUEST, "_other");
    assert_eq!(reason(response(&other), &waiting()), Some(Reason::InResponseToMismatch));
    let none = |xml: String| xml.replace(&format!(" InResponseTo=\"{REQUEST}\""), "");
    assert_eq!(reason(response(&none), &waiting()), Some(Reason::InResponseToMissing));
    let no_status = |xml: String| {
        let s = cut(&xml, "<samlp:Status>", "</samlp:Status>").to_owned();
        swap(&xml, &s, "")
    };
    assert_eq!(reason(response(&no_status), &waiting()), Some(Reason::StructureInvalid));
    let unsigned = LogoutMessage::from_post(LogoutKind::Response, &base64(logout_response().to_xml()), None);
    assert_eq!(reason(unsigned, &waiting()), Some(Reason::SignatureMissing));
    let foreign = LogoutResponse { issuer: "https://evil.example".to_owned(), ..logout_response() };
    let url = foreign.redirect_url(None, &IDP_KEY.key).unwrap();
    assert_eq!(reason(LogoutMessage::from_redirect(&query(&url)), &waiting()), Some(Reason::IssuerMismatch));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_logout_messages_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), text in ".{0,200}") {
        for kind in [LogoutKind::Request, LogoutKind::Response] {
            if let Ok(message) = LogoutMessage::from_post(kind, &base64(&bytes), Some(&text)) {
                let _ = message.peek();
                prop_assert!(verify_logout(&message, &slo_policy()).outcome.is_err());
            }
            let query = format!("{}={text}&Signature={text}&SigAlg={text}", kind.parameter());
            if let Ok(message) = LogoutMessage::from_redirect(&query) {
                prop_assert!(verify_logout(&message, &slo_policy()).outcome.is_err());
            }
        }
    }

    #[test]
    fn a_changed_logout_request_never_says_anything_else(at in any::<usize>(), byte in any::<u8>(), insert in any::<bool>()) {
        let mut bytes = sign(&logout_request().to_xml(), "_l1").into_bytes();
        let at = at % bytes.len();
        if insert { bytes.insert(at, byte) } else { bytes[at] = byte }
        let message = LogoutMessage::from_post(LogoutKind::Request, &base64(bytes), None).unwrap();
        if verify_logout(&message, &slo_policy()).outcome.is_ok() {
            let read = request_of(&message, &slo_policy());
            prop_assert_eq!((read.name_id(), read.session_indexes().len()), (&name(), 2));
        }
    }

    #[test]
    fn a_changed_query_never_says_anything_else(at in any::<usize>(), byte in 0x21u8..0x7f) {
        let mut bytes = by_redirect(&logout_request(), &IDP_KEY.key).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let query = String::from_utf8(bytes).unwrap();
        if let Ok(message) = LogoutMessage::from_redirect(&query)
            && verify_logout(&message, &slo_policy()).outcome.is_ok()
        {
            let read = request_of(&message, &slo_policy());
            prop_assert_eq!(read.name_id(), &name());
            prop_assert_eq!(message.relay_state(), Some("state & more"));
        }
    }
}
