//! The lab's misbehaviour is what it says it is.

use crate::support::*;
use gatehouse_saml::idp::{Fault, TokenKind};
use gatehouse_saml::{Message, MessageProtocol, Reason, verify_bytes};

#[test]
fn every_fault_is_refused_for_the_reason_it_promises() {
    for fault in Fault::ALL {
        let mut builder = response();
        builder.fault = Some(*fault);
        let refused = verify_bytes(issue(&builder).as_bytes(), &policy()).outcome.unwrap_err();
        assert_eq!(refused.reason, fault.expected_reason(), "{}", fault.code());
        assert_eq!(Fault::from_code(fault.code()), Some(*fault));
    }
    assert_eq!(Fault::from_code("no_fault"), None);
}

#[test]
fn every_fault_of_a_token_is_refused_for_the_reason_it_promises() {
    for kind in [TokenKind::Saml11, TokenKind::Saml20] {
        for fault in Fault::ALL {
            let Some(reason) = fault.expected_token_reason() else { continue };
            let mut builder = rstr();
            builder.kind = kind;
            builder.response.fault = Some(*fault);
            let outcome = verify_bytes(issue_rstr(&builder).as_bytes(), &wsfed_policy()).outcome;
            let reason = match (kind, fault) {
                // SAML 2.0 confirms before its conditions are looked at
                (TokenKind::Saml20, Fault::Expired) => Reason::ConfirmationExpired,
                _ => reason,
            };
            assert_eq!(outcome.unwrap_err().reason, reason, "{} {kind:?}", fault.code());
        }
    }
}

/// A token service of many tenants publishes more keys than two.
#[test]
fn a_token_service_has_up_to_eight_keys() {
    let mut policy = wsfed_policy();
    let (good, other) = (policy.certificates[0].clone(), OTHER.certificate.clone());
    policy.certificates = vec![other.clone(); 7];
    policy.certificates.push(good.clone());
    accepted(verify_bytes(issue_rstr(&rstr()).as_bytes(), &policy));
    policy.certificates.insert(0, other);
    let refused = verify_bytes(issue_rstr(&rstr()).as_bytes(), &policy).outcome.unwrap_err();
    assert_eq!(refused.reason, Reason::CertificateCount);
}

#[test]
fn reasons_have_distinct_codes() {
    let mut codes: Vec<_> = Reason::ALL.iter().map(|r| r.code()).collect();
    codes.sort_unstable();
    let count = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), count);
    assert!(
        codes.iter().all(|c| c.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'))
    );
}

#[test]
fn a_peek_tells_where_a_message_may_belong() {
    let text = honest();
    let peek = Message::parse(text.as_bytes()).unwrap().peek();
    assert_eq!(peek.protocol, MessageProtocol::Saml2);
    assert_eq!(peek.issuer.as_deref(), Some(IDP));
    assert_eq!(peek.in_response_to.as_deref(), Some(REQUEST));
    assert_eq!(peek.destination.as_deref(), Some(ACS));
    assert_eq!(peek.response_id.as_deref(), Some("_r1"));

    let text = issue_rstr(&rstr());
    let peek = Message::parse(text.as_bytes()).unwrap().peek();
    assert_eq!((peek.protocol, peek.issuer.as_deref()), (MessageProtocol::WsFed, Some(IDP)));
    assert_eq!((peek.in_response_to, peek.destination, peek.response_id), (None, None, None));
}

#[test]
fn a_judgement_lists_every_rule_in_order() {
    let judgement = verify_bytes(honest().as_bytes(), &policy());
    let rules: Vec<_> = judgement.checks.iter().map(|c| c.check).collect();
    assert_eq!(
        rules,
        [
            "Message is UTF-8 XML within the limits",
            "Message is a response of the protocol",
            "Response is SAML 2.0",
            "Status is Success",
            "There is exactly one assertion, in its place",
            "IDs are unique",
            "Signatures are in their places only",
            "A pinned certificate is valid now",
            "Assertion signature",
            "A signature covers the assertion",
            "Response issuer is the configured identity provider",
            "Destination is our ACS URL",
            "Response was not issued in the future",
            "Response answers the expected request",
            "Assertion is SAML 2.0",
            "Assertion has an ID",
            "Assertion issuer is the configured identity provider",
            "Assertion was not issued in the future",
            "Subject has exactly one name",
            "Bearer confirmation is for us and still valid",
            "Conditions are known and hold now",
            "Audience is this service provider",
            "There is an authentication statement",
            "Validity has an end",
            "Attributes have names",
        ]
    );
}
