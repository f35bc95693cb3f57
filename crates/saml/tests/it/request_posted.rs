//! Requests by the HTTP-POST binding: there and back, tampered with, and judged by `xmlsec1`.

use crate::support::*;
use crate::xmlsec::{Scratch, xmlsec1};
use gatehouse_saml::{AuthnRequest, NameIdPolicy, RedirectError, limits};

fn request() -> AuthnRequest {
    AuthnRequest {
        id: "_q1".to_owned(),
        issue_instant: NOW,
        destination: "https://idp.example/sso?a=1&b=2".to_owned(),
        acs_url: ACS.to_owned(),
        issuer: SP.to_owned(),
        force_authn: true,
        is_passive: false,
        name_id_policy: Some(NameIdPolicy { format: Some("urn:x".to_owned()), allow_create: true }),
        authn_contexts: vec!["urn:one".to_owned(), "urn:two".to_owned()],
    }
}

fn signed() -> String {
    let field = request().post_field(Some((&SP_KEY.key, &SP_KEY.certificate))).unwrap();
    String::from_utf8(unbase64(&field)).unwrap()
}

fn unbase64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

fn read(xml: &str) -> Result<gatehouse_saml::ReceivedRequest, RedirectError> {
    AuthnRequest::from_post_field(&base64(xml), None, std::slice::from_ref(&SP_KEY.certificate), NOW)
}

#[test]
fn a_posted_request_is_received_as_it_was_sent() {
    let unsigned = request().post_field(None).unwrap();
    let received = AuthnRequest::from_post_field(&unsigned, Some("/x".to_owned()), &[], NOW).unwrap();
    assert_eq!((received.id.as_str(), received.issuer.as_str()), ("_q1", SP));
    assert_eq!(received.destination.as_deref(), Some("https://idp.example/sso?a=1&b=2"));
    assert!(received.force_authn && !received.signature_verified);
    assert!(read(&signed()).unwrap().signature_verified);
    assert!(!read(&request().to_xml()).unwrap().signature_verified);
    // during a rollover the provider knows the next key already
    let both = [OTHER.certificate.clone(), SP_KEY.certificate.clone()];
    assert!(AuthnRequest::from_post_field(&base64(signed()), None, &both, NOW).unwrap().signature_verified);
}

#[test]
fn the_parts_are_in_the_order_of_the_schema() {
    let xml = signed();
    let document = roxmltree::Document::parse(&xml).unwrap();
    let root = document.root_element();
    let names: Vec<_> =
        root.children().filter(|c| c.is_element()).map(|c| c.tag_name().name().to_owned()).collect();
    assert_eq!(names, ["Issuer", "Signature", "NameIDPolicy", "RequestedAuthnContext"]);
    let contexts = root.last_element_child().unwrap();
    assert_eq!(contexts.attribute("Comparison"), Some("exact"));
    assert_eq!(contexts.children().filter(|c| c.is_element()).count(), 2);
}

#[test]
fn a_posted_request_that_was_changed_is_refused() {
    let good = signed();
    for (name, xml) in [
        ("another consumer", swap(&good, ACS, "https://evil.example/acs")),
        ("no new authentication", swap(&good, "ForceAuthn=\"true\"", "ForceAuthn=\"false\"")),
        ("another context", swap(&good, "urn:two", "urn:tw0")),
        ("another ID", swap(&good, "ID=\"_q1\"", "ID=\"_q2\"")),
    ] {
        assert_eq!(read(&xml), Err(RedirectError::SignatureInvalid), "{name}");
    }
    let other = request().post_field(Some((&OTHER.key, &OTHER.certificate))).unwrap();
    let known = std::slice::from_ref(&SP_KEY.certificate);
    assert_eq!(AuthnRequest::from_post_field(&other, None, known, NOW), Err(RedirectError::SignatureInvalid));
    assert_eq!(
        AuthnRequest::from_post_field("!", None, known, NOW),
        Err(RedirectError::Encoding("SAMLRequest"))
    );
    let long = "A".repeat(limits::REDIRECT_QUERY_BYTES + 1);
    assert_eq!(AuthnRequest::from_post_field(&long, None, known, NOW), Err(RedirectError::TooLarge));
}

#[test]
fn xmlsec1_verifies_our_posted_request() {
    let scratch = Scratch::new();
    let input = scratch.write("request.xml", signed().as_bytes());
    let certificate = scratch.path("sp.crt");
    let id = ["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:AuthnRequest"];
    xmlsec1(&["--verify", "--pubkey-cert-pem", &certificate, id[0], id[1], &input]);
}
