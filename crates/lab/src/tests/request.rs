use gatehouse_saml::{AuthnRequest, SigningKey};
use gatehouse_types::Kind;

use super::*;

const DESTINATION: &str = "https://gate.test/lab/idp/ws_1/sso";

fn expected() -> Expected {
    Expected {
        issuer: "https://gate.test/saml/metadata".to_owned(),
        destination: DESTINATION.to_owned(),
        default_acs: "https://gate.test/saml/acs".to_owned(),
        public_url: "https://gate.test".parse().unwrap(),
        certificate: None,
    }
}

fn request() -> AuthnRequest {
    AuthnRequest {
        id: "_r1".to_owned(),
        issue_instant: 1_700_000_000_000_000,
        destination: DESTINATION.to_owned(),
        acs_url: "https://gate.test/saml/acs/con_1".to_owned(),
        issuer: "https://gate.test/saml/metadata".to_owned(),
        force_authn: true,
        is_passive: false,
        name_id_policy: None,
        authn_contexts: Vec::new(),
    }
}

fn query(request: &AuthnRequest, relay_state: Option<&str>, key: Option<&SigningKey>) -> String {
    let url = request.redirect_url(relay_state, key).unwrap();
    url.split_once('?').unwrap().1.to_owned()
}

#[test]
fn a_request_of_our_service_provider_is_read() {
    let asked = expected().read(&query(&request(), Some("/a?b=c"), None)).unwrap();
    assert_eq!(asked.request_id, "_r1");
    assert_eq!(asked.acs.as_str(), "https://gate.test/saml/acs/con_1");
    assert_eq!(asked.relay_state.as_deref(), Some("/a?b=c"));
    assert!(asked.force_authn);
    assert_eq!(asked.signature, Signature::Absent);
}

#[test]
fn a_signature_is_verified_when_the_certificate_is_known() {
    let key = SigningKey::generate().unwrap();
    let certificate = key.self_signed("service provider", 0, 4_000_000_000_000_000).unwrap();
    let signed = query(&request(), None, Some(&key));
    assert_eq!(expected().read(&signed).unwrap().signature, Signature::Unchecked);
    let knowing = Expected { certificate: Some(certificate), ..expected() };
    assert_eq!(knowing.read(&signed).unwrap().signature, Signature::Verified);
    assert_eq!(knowing.read(&query(&request(), None, None)).unwrap().signature, Signature::Absent);
    let changed = query(&AuthnRequest { id: "_r2".to_owned(), ..request() }, None, None);
    let (_, signature) = signed.split_once("&SigAlg=").unwrap();
    let forged = knowing.read(&format!("{changed}&SigAlg={signature}")).unwrap_err();
    assert_eq!(forged.kind(), Kind::InvalidRequest);
}

#[test]
fn an_answer_never_leaves_this_host() {
    for acs_url in
        ["https://evil.test/acs", "https://gate.test/login", "https://gate.test.evil.test/saml/acs"]
    {
        let asks = AuthnRequest { acs_url: acs_url.to_owned(), ..request() };
        let refused = expected().read(&query(&asks, None, None)).unwrap_err();
        assert_eq!(refused.kind(), Kind::InvalidRequest, "{acs_url}");
        assert!(!refused.message().contains("evil"), "nothing foreign is repeated");
    }
}

#[test]
fn only_our_own_service_provider_is_answered_and_only_at_its_address() {
    let foreign = AuthnRequest { issuer: "https://evil.test/sp".to_owned(), ..request() };
    let elsewhere =
        AuthnRequest { destination: "https://gate.test/lab/idp/ws_2/sso".to_owned(), ..request() };
    for asks in [foreign, elsewhere] {
        assert_eq!(expected().read(&query(&asks, None, None)).unwrap_err().kind(), Kind::InvalidRequest);
    }
}

#[test]
fn what_is_no_request_is_refused_within_bounds() {
    for (query, kind) in [
        (String::new(), Kind::InvalidRequest),
        ("SAMLRequest=%%%".to_owned(), Kind::InvalidRequest),
        ("SAMLRequest=AAAA&SAMLRequest=AAAA".to_owned(), Kind::InvalidRequest),
        (format!("SAMLRequest={}", "A".repeat(70_000)), Kind::PayloadTooLarge),
    ] {
        assert_eq!(expected().read(&query).unwrap_err().kind(), kind, "{:.40}", query);
    }
    let long = "x".repeat(1025);
    let asks = format!("{}&RelayState={long}", query(&request(), None, None));
    let refused = expected().read(&asks).unwrap_err();
    assert_eq!(refused.field(), Some("relayState"));
}

#[test]
fn a_request_id_is_an_xml_name_of_bounded_length() {
    for fine in ["_a", "id-1.2", "A"] {
        assert_eq!(request_id(fine.to_owned()).unwrap(), fine);
    }
    for odd in ["", "1a", "-a", "a b", "a\"b", "ä", &"a".repeat(129)] {
        assert!(request_id(odd.to_owned()).is_err(), "{odd}");
    }
}
