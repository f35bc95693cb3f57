//! Requests by the HTTP-Redirect binding, there and back.

use crate::support::*;
use gatehouse_saml::{AuthnRequest, NameIdPolicy, RedirectError, RequestError, limits};

fn request() -> AuthnRequest {
    AuthnRequest {
        id: "_q1".to_owned(),
        issue_instant: NOW,
        destination: "https://idp.example/sso".to_owned(),
        acs_url: ACS.to_owned(),
        issuer: SP.to_owned(),
        force_authn: true,
        is_passive: false,
        name_id_policy: Some(NameIdPolicy { format: None, allow_create: true }),
        authn_contexts: Vec::new(),
    }
}

fn query(url: &str) -> &str {
    url.split_once('?').unwrap().1
}

#[test]
fn a_request_is_received_as_it_was_sent() {
    let url = request().redirect_url(Some("https://gate.example/path?x=1&y=ä b+c"), None).unwrap();
    assert!(url.starts_with("https://idp.example/sso?SAMLRequest="));
    let received = AuthnRequest::from_redirect_query(query(&url), None).unwrap();
    assert_eq!(received.id, "_q1");
    assert_eq!(received.issuer, SP);
    assert_eq!(received.acs_url.as_deref(), Some(ACS));
    assert_eq!(received.destination.as_deref(), Some("https://idp.example/sso"));
    assert_eq!(received.relay_state.as_deref(), Some("https://gate.example/path?x=1&y=ä b+c"));
    assert!(received.force_authn && !received.signature_verified);
}

#[test]
fn a_destination_keeps_its_own_query_and_fragment() {
    let with = |destination: &str| {
        AuthnRequest { destination: destination.to_owned(), ..request() }.redirect_url(None, None).unwrap()
    };
    assert!(
        with("https://idp.example/sso?tenant=1").starts_with("https://idp.example/sso?tenant=1&SAMLRequest=")
    );
    assert!(with("https://idp.example/sso?").starts_with("https://idp.example/sso?SAMLRequest="));
    assert!(with("https://idp.example/sso#top").ends_with("#top"));
    let url = with("https://idp.example/sso?tenant=1");
    assert_eq!(AuthnRequest::from_redirect_query(query(&url), None).unwrap().id, "_q1");
}

#[test]
fn a_signature_is_over_exactly_what_was_sent() {
    let url = request().redirect_url(Some("state"), Some(&SP_KEY.key)).unwrap();
    let good = query(&url);
    let read = |query: &str| AuthnRequest::from_redirect_query(query, Some(&SP_KEY.certificate));
    assert!(read(good).unwrap().signature_verified);
    // Another order of parameters is the same to us: the signed order is fixed by the binding.
    let (first, rest) = good.split_once('&').unwrap();
    assert!(read(&format!("{rest}&{first}")).unwrap().signature_verified);

    let changed = good.replace("RelayState=state", "RelayState=other");
    assert_eq!(read(&changed), Err(RedirectError::SignatureInvalid));
    assert_eq!(read(&good.replace("RelayState=state&", "")), Err(RedirectError::SignatureInvalid));
    let by_other = AuthnRequest::from_redirect_query(good, Some(&OTHER.certificate));
    assert_eq!(by_other, Err(RedirectError::SignatureInvalid));
    assert_eq!(read(&good.replace("rsa-sha256", "rsa-sha1")), Err(RedirectError::AlgorithmForbidden));
    assert_eq!(read(&good.replace("&SigAlg=", "&Other=")), Err(RedirectError::AlgorithmForbidden));
    let unsigned = &good[..good.find("&SigAlg=").unwrap()];
    assert!(!read(unsigned).unwrap().signature_verified);
}

#[test]
fn hostile_queries_are_refused() {
    let url = request().redirect_url(None, None).unwrap();
    let good = query(&url);
    let read = |query: &str| AuthnRequest::from_redirect_query(query, None).unwrap_err();
    assert_eq!(read(""), RedirectError::Missing);
    assert_eq!(read("RelayState=x"), RedirectError::Missing);
    assert_eq!(read(&format!("{good}&{good}")), RedirectError::Repeated("SAMLRequest"));
    assert_eq!(read("SAMLRequest=%zz"), RedirectError::Encoding("SAMLRequest"));
    assert_eq!(read("SAMLRequest=%"), RedirectError::Encoding("SAMLRequest"));
    assert_eq!(read("SAMLRequest=%ff"), RedirectError::Encoding("SAMLRequest"));
    assert_eq!(read("SAMLRequest=!!!!"), RedirectError::Encoding("SAMLRequest"));
    assert_eq!(read("SAMLRequest=AAAA"), RedirectError::Encoding("SAMLRequest"));
    assert_eq!(read(&format!("{good}&RelayState=%c3")), RedirectError::Encoding("RelayState"));
    assert_eq!(read(&"A".repeat(limits::REDIRECT_QUERY_BYTES + 1)), RedirectError::TooLarge);
    assert!(matches!(read(&deflated("<a/>")), RedirectError::NotARequest(_)));
    let external = "<!DOCTYPE x><a/>";
    assert!(matches!(read(&deflated(external)), RedirectError::NotARequest(_)));
}

/// A few kilobytes that inflate to many megabytes.
#[test]
fn an_inflating_bomb_is_refused() {
    let bomb = deflated(&" ".repeat(16 * 1024 * 1024));
    assert!(bomb.len() < limits::REDIRECT_QUERY_BYTES);
    assert_eq!(AuthnRequest::from_redirect_query(&bomb, None), Err(RedirectError::TooLarge));
}

fn deflated(text: &str) -> String {
    use std::io::Write as _;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    let packed = base64(encoder.finish().unwrap());
    format!("SAMLRequest={}", packed.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"))
}

#[test]
fn a_relay_state_has_a_bound() {
    let long = "x".repeat(limits::RELAY_STATE_BYTES + 1);
    assert_eq!(request().redirect_url(Some(&long), None), Err(RequestError::RelayStateTooLong));
}
